"""The demo's campaign: 300 contacts from a file, an SMS and an email to each, seconds
ahead. Called by `run`; pure but for reading the file.

The SMS all fall due at one instant, so that the limit shows; the emails are staggered below
their limit, so that the punctuality shows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.wire.bodies import BatchBody, EmailElement, MessageBody, SmsElement
from queue_services.wire.times import rfc3339

CAMPAIGN = "spring-reminder"
LEAD, EMAIL_AFTER, EMAIL_SPREAD = 3 * SECOND, 7 * SECOND, 5 * SECOND


class Contact(msgspec.Struct, frozen=True):
    """A line of contacts.csv; `timezone` is an IANA name."""

    workspace: str
    contact: str
    name: str
    phone: str
    email: str
    timezone: str


class Marks(msgspec.Struct, rename="camel"):
    """The metadata of the demo's messages."""

    campaign_id: str
    step: int
    timezone: str


@dataclass(frozen=True)
class Planned:
    """One message of the campaign: what is asked for, and when it falls due."""

    body: MessageBody
    channel: Channel
    workspace: str
    due_at: Instant


def read_contacts(path: Path) -> list[Contact]:
    """The contacts of a CSV file with a header line."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [msgspec.convert(row, Contact) for row in csv.DictReader(lines)]


def plan(contacts: Sequence[Contact], start: Instant) -> list[Planned]:
    """Both steps for every contact; the first falls due at `start` for all."""
    return [*_sms(contacts, start), *_emails(contacts, start + EMAIL_AFTER)]


def batch(planned: Sequence[Planned]) -> bytes:
    """The body of POST /api/schedule-batch for them, in their order."""
    return msgspec.json.encode(BatchBody(messages=[message.body for message in planned]))


def _sms(contacts: Sequence[Contact], due_at: Instant) -> Iterator[Planned]:
    for contact in contacts:
        body = SmsElement(
            phone_number=contact.phone,
            message=(
                f"Hello {contact.name}, your spring appointment is open for booking. Details follow"
                " by email."
            ),
            contact_id=contact.contact,
            workspace_id=contact.workspace,
            scheduled_for=rfc3339(due_at),
            metadata=_metadata(1, contact),
            idempotency_key=f"{CAMPAIGN}:1:{contact.contact}",
        )
        yield Planned(body, Channel.SMS, contact.workspace, due_at)


def _emails(contacts: Sequence[Contact], start: Instant) -> Iterator[Planned]:
    for number, contact in enumerate(contacts):
        due_at = (
            start + EMAIL_SPREAD * number // len(contacts) // 1000 * 1000
        )  # whole milliseconds, as times are written
        body = EmailElement(
            to=contact.email,
            subject=f"{contact.name}, choose your appointment",
            html=(
                f"<p>Hello {contact.name},</p><p>choose a day that suits you. Times are shown in"
                f" {contact.timezone}.</p>"
            ),
            contact_id=contact.contact,
            workspace_id=contact.workspace,
            scheduled_for=rfc3339(due_at),
            metadata=_metadata(2, contact),
            idempotency_key=f"{CAMPAIGN}:2:{contact.contact}",
        )
        yield Planned(body, Channel.EMAIL, contact.workspace, due_at)


def _metadata(step: int, contact: Contact) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(Marks(CAMPAIGN, step, contact.timezone)))
