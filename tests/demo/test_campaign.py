"""The demo's campaign: invented contacts, two steps each, all of it acceptable to the service."""

from __future__ import annotations

import re
from collections import Counter
from zoneinfo import ZoneInfo

import msgspec

from queue_services.demo.campaign import EMAIL_SPREAD, batch, plan, read_contacts
from queue_services.demo.stage import examples
from queue_services.demo.watch import densest_second
from queue_services.domain.message import SECOND, Channel
from queue_services.settings import Settings
from queue_services.wire.bodies import BatchBody

START = 1_800_000_000 * SECOND
CONTACTS = read_contacts(examples() / "contacts.csv")
FICTITIOUS = re.compile(r"\+1 \d{3} 555 01\d\d|\+44 7700 900\d{3}|\+61 2 5550 \d{4}")


def test_the_contacts_are_three_hundred_invented_people_of_three_workspaces_in_several_zones() -> (
    None
):
    assert (
        len(CONTACTS)
        == len({contact.contact for contact in CONTACTS})
        == len({contact.phone for contact in CONTACTS})
        == 300
    )
    assert len({contact.workspace for contact in CONTACTS}) == 3
    assert len({ZoneInfo(contact.timezone).key for contact in CONTACTS}) >= 6
    assert all(FICTITIOUS.fullmatch(contact.phone) for contact in CONTACTS)
    assert all(
        re.fullmatch(r"[a-z.]+@example\.(com|org|net)", contact.email) for contact in CONTACTS
    )


def test_every_contact_gets_one_message_a_step() -> None:
    planned = plan(CONTACTS, START)
    assert Counter(message.channel for message in planned) == {Channel.SMS: 300, Channel.EMAIL: 300}
    assert len({message.body.idempotency_key for message in planned}) == 600


def test_the_sms_fall_due_at_once_and_the_emails_below_their_limit() -> None:
    planned = plan(CONTACTS, START)
    assert {message.due_at for message in planned if message.channel is Channel.SMS} == {START}
    emails = [message.due_at for message in planned if message.channel is Channel.EMAIL]
    assert max(emails) - min(emails) <= EMAIL_SPREAD
    assert densest_second(emails) < Settings.email_per_second


def test_the_batch_is_one_that_the_service_reads() -> None:
    planned = plan(CONTACTS, START)
    read = msgspec.json.decode(batch(planned), type=BatchBody)
    assert [message.contact_id for message in read.messages] == [
        message.body.contact_id for message in planned
    ]
    assert {message.scheduled_for for message in read.messages[:300]} == {
        "2027-01-15T08:00:00.000Z"
    }
