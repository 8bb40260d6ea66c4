"""What a campaign sends to whom and when: steps and contacts become messages. Pure but for
the caller's templates; used by `campaigns`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from queue_services_client.bulk import Entry
from queue_services_client.calendar import EVERY_DAY, send_time
from queue_services_client.errors import Fault, QueueServiceError, ValidationFailed
from queue_services_client.rollout import Rollout, fraction
from queue_services_client.templates import Compile, Render
from queue_services_client.types import Channel, ChannelName, Email, Priority, ScheduleResult, Sms

LONGEST_KEY = 255


class Step(msgspec.Struct, frozen=True):
    """One message of a campaign: on day `day` (0 is the start's) at the wall-clock time
    `at`, by `channel`, written by `template`.

    `subject` is an email's, a template too. `id` names the step in idempotency keys and
    callbacks ("1", "2" and so on where there is none): give one to steps that may be moved
    later. `days` are the weekdays it may go out on; `expires_after` is how late it may
    still be sent.
    """

    day: int
    at: str
    channel: ChannelName
    subject: str = ""
    template: str = ""
    id: str | None = None
    days: tuple[int, ...] = EVERY_DAY
    priority: Priority = "normal"
    expires_after: timedelta | None = None
    media_url: str | None = None
    metadata: Mapping[str, Any] = msgspec.field(default_factory=dict)
    callback_endpoint: str | None = None


class Contact(msgspec.Struct, frozen=True):
    """A person to write to. `zone` is their own, in place of the campaign's; `fields` are
    what templates name, beside contact_id, phone and email.
    """

    id: str
    phone: str | None = None
    email: str | None = None
    zone: str | None = None
    fields: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a launch: its `job_id`, or the `error` for which it has none."""

    contact_id: str
    step_id: str
    scheduled_for: datetime | None
    job_id: str | None
    replayed: bool
    error: str | None


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch did. `replayed`, those that an earlier launch had scheduled, are among
    `accepted`; `held_back` are contacts the rollout leaves out.
    """

    accepted: int
    replayed: int
    rejected: int
    held_back: int
    messages: list[Launched]

    @property
    def job_ids(self) -> dict[tuple[str, str], str]:
        """The job of each contact id and step id."""
        return {
            (message.contact_id, message.step_id): message.job_id
            for message in self.messages
            if message.job_id
        }

    @property
    def failures(self) -> list[Launched]:
        return [message for message in self.messages if message.error]


class Plan:
    """One launch: makes the messages (`entries`) and takes their results, in the same order
    (`add`).
    """

    def __init__(
        self,
        steps: list[CompiledStep],
        *,
        campaign_id: str,
        workspace_id: str,
        zone: str,
        kind: str | None,
        start: datetime | date,
        now: datetime,
        spread: timedelta | None,
        rollout: Rollout | None,
    ) -> None:
        self._steps, self._campaign_id, self._workspace_id, self._zone, self._kind = (
            steps,
            campaign_id,
            workspace_id,
            zone,
            kind,
        )
        self._start, self._now, self._spread, self._rollout = start, now, spread, rollout
        self._due: dict[tuple[str, str], datetime] = {}
        self._open: deque[tuple[str, str, datetime | None]] = deque()
        self._messages: list[Launched] = []
        self._held_back = self._replayed = 0

    def entries(self, contacts: Iterable[Contact]) -> Iterator[Entry]:
        for contact in contacts:
            yield from self._entries_for(contact)

    async def entries_awaiting(
        self, contacts: Iterable[Contact] | AsyncIterable[Contact]
    ) -> AsyncIterator[Entry]:
        if isinstance(contacts, Iterable):
            for entry in self.entries(contacts):
                yield entry
            return
        async for contact in contacts:
            for entry in self._entries_for(contact):
                yield entry

    def add(self, result: ScheduleResult) -> None:
        contact_id, step_id, due = self._open.popleft()
        self._replayed += result.replayed
        launched = Launched(
            contact_id=contact_id,
            step_id=step_id,
            scheduled_for=due,
            job_id=result.job_id,
            replayed=result.replayed,
            error=None if result.success else result.error,
        )
        self._messages.append(launched)

    def launch(self) -> Launch:
        rejected = sum(message.error is not None for message in self._messages)
        accepted = len(self._messages) - rejected
        return Launch(
            accepted=accepted,
            replayed=self._replayed,
            rejected=rejected,
            held_back=self._held_back,
            messages=self._messages,
        )

    def _entries_for(self, contact: Contact) -> Iterator[Entry]:
        if self._rollout and not self._rollout.allows(
            contact.id, workspace_id=self._workspace_id, kind=self._kind
        ):
            self._held_back += 1
            return
        offset = (
            self._spread * fraction(self._campaign_id, contact.id) if self._spread else timedelta(0)
        )
        fields = {
            "contact_id": contact.id,
            "phone": contact.phone,
            "email": contact.email,
            **contact.fields,
        }
        for step in self._steps:
            due = None
            try:
                due = self._due_at(step, contact.zone or self._zone) + offset
                entry: Entry = self._message(step, contact, fields, due)
            except QueueServiceError as error:
                entry = ScheduleResult(
                    success=False,
                    error=str(error),
                    faults=error.faults if isinstance(error, ValidationFailed) else (),
                )
            except Exception as error:  # noqa: BLE001
                entry = ScheduleResult(
                    success=False,
                    error=(
                        f"the template of step {step.id} does not fit: {type(error).__name__}:"
                        f" {error}"
                    ),
                )
            self._open.append((contact.id, step.id, due))
            yield entry

    def _due_at(self, step: CompiledStep, zone: str) -> datetime:
        """When the step is due in `zone`. A time that is past at launch goes to the next that
        the clocks show: a late start sends nothing at night.
        """
        found = self._due.get((step.id, zone))
        if found is None:
            found = send_time(step.of.day, step.of.at, zone, start=self._start, days=step.of.days)
            if found.timestamp() <= self._now.timestamp():
                found = send_time(0, step.of.at, zone, start=self._now, days=step.of.days)
            self._due[step.id, zone] = found
        return found

    def _message(
        self, step: CompiledStep, contact: Contact, fields: Mapping[str, Any], due: datetime
    ) -> Sms | Email:
        common: dict[str, Any] = {
            "contact_id": contact.id,
            "workspace_id": self._workspace_id,
            "delay": due,
            "metadata": step.of.metadata,
            "priority": step.of.priority,
            "expires_at": due + step.of.expires_after if step.of.expires_after else None,
            "idempotency_key": idempotency_key(self._campaign_id, step.id, contact.id),
            "campaign_id": self._campaign_id,
            "message_id": step.id,
            "callback_endpoint": step.of.callback_endpoint,
        }
        if step.of.channel == Channel.SMS:
            return Sms(
                to=_address(contact, "phone"),
                message=step.body(fields),
                media_url=step.of.media_url,
                **common,
            )
        return Email(
            to=_address(contact, "email"),
            subject=step.subject(fields),
            html=step.body(fields),
            **common,
        )


class CompiledStep(msgspec.Struct, frozen=True):
    """A step whose templates are ready."""

    of: Step
    id: str
    subject: Render
    body: Render


def compiled(steps: Iterable[Step], compile_: Compile, zone: str) -> list[CompiledStep]:
    """The steps, checked. Raises ValidationFailed, naming the step, for a time, weekday or
    template that is none, and for two steps of one id.
    """
    ready: list[CompiledStep] = []
    for position, step in enumerate(steps, start=1):
        try:
            send_time(step.day, step.at, zone, start=date(2000, 1, 1), days=step.days)
            is_email = Channel(step.channel) is Channel.EMAIL
            ready.append(
                CompiledStep(
                    step,
                    step.id or str(position),
                    compile_(step.subject, escape=False),
                    compile_(step.template, escape=is_email),
                )
            )
        except ValidationFailed as error:
            raise ValidationFailed.of(
                *(
                    Fault(f"steps[{position - 1}].{fault.field}", fault.message)
                    for fault in error.faults
                )
            ) from error
        except ValueError as error:
            raise ValidationFailed.of(
                Fault(
                    f"steps[{position - 1}].channel", f"{step.channel!r} is neither sms nor email"
                )
            ) from error
    if len({step.id for step in ready}) < len(ready):
        raise ValidationFailed.of(
            Fault(
                "steps",
                "two steps have the same id; the second would be taken for a repeat of the first",
            )
        )
    return ready


def idempotency_key(campaign_id: str, step_id: str, contact_id: str) -> str:
    """campaign:step:contact, so that a second launch schedules nothing twice; hashed where
    that is longer than a key may be.

    A colon within the first two is escaped, or two different messages could share a key.

    >>> idempotency_key("spring", "1", "c-7")
    'spring:1:c-7'
    """
    campaign, step = (
        name.replace("%", "%25").replace(":", "%3A") for name in (campaign_id, step_id)
    )
    key = f"{campaign}:{step}:{contact_id}"
    return (
        key
        if len(key) <= LONGEST_KEY
        else f"sha256:{sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
    )


def _address(contact: Contact, name: str) -> str:
    address: str | None = getattr(contact, name)
    if not address:
        raise ValidationFailed.of(Fault(name, f"contact {contact.id} has none"))
    return address
