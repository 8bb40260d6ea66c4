"""Schedule one message."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Unpack

import msgspec

from queue_services_client import wire
from queue_services_client.call import Call
from queue_services_client.either import Caller, call
from queue_services_client.errors import QueueServiceError, Unavailable, ValidationFailed
from queue_services_client.types import Delay, Email, Message, Options, ScheduleResult, Sms


class SchedulingCalls(Caller):
    """The calls that schedule one message each."""

    @call
    def schedule_sms(
        self,
        to: str,
        message: str,
        *,
        contact_id: str,
        workspace_id: str,
        delay: Delay | None = None,
        media_url: str | None = None,
        raise_errors: bool = False,
        **options: Unpack[Options],
    ) -> Call[ScheduleResult]:
        """Schedule an SMS to the phone number `to`, now or after `delay`; `types.Sms` says what
        each member means.

        With `raise_errors`, raises ValidationFailed for a bad member and Conflict for an
        idempotency key used for another message.

        >>> service.schedule_sms("+49 170 1234567", "See you at ten", contact_id="c-1",
        ...     workspace_id="acme", delay=timedelta(days=1)).success
        True
        """
        return scheduling(
            Sms(
                to=to,
                message=message,
                contact_id=contact_id,
                workspace_id=workspace_id,
                delay=delay,
                media_url=media_url,
                **options,
            ),
            raise_errors=raise_errors,
        )

    @call
    def schedule_email(
        self,
        to: str,
        subject: str,
        html: str,
        *,
        contact_id: str,
        workspace_id: str,
        delay: Delay | None = None,
        raise_errors: bool = False,
        **options: Unpack[Options],
    ) -> Call[ScheduleResult]:
        """Schedule an email to the address `to`, now or after `delay`; `types.Email` says what
        each member means. Raises as `schedule_sms`.

        >>> service.schedule_email("ada@example.org", "Welcome", "<p>Hello</p>",
        ...     contact_id="c-1", workspace_id="acme", priority="high").success
        True
        """
        return scheduling(
            Email(
                to=to,
                subject=subject,
                html=html,
                contact_id=contact_id,
                workspace_id=workspace_id,
                delay=delay,
                **options,
            ),
            raise_errors=raise_errors,
        )

    @call
    def schedule_message(
        self, message: Message, delay: Delay | None = None, *, raise_errors: bool = False
    ) -> Call[ScheduleResult]:
        """Schedule an `Sms` or an `Email`; `delay`, where given, in place of its own. Raises as
        `schedule_sms`.

        >>> bad = service.schedule_message(Sms(to="nobody", message="Hi", contact_id="c-1",
        ...     workspace_id="acme"))
        >>> bad.success, bad.faults[0].field
        (False, 'phoneNumber')
        """
        return scheduling(
            message if delay is None else msgspec.structs.replace(message, delay=delay),
            raise_errors=raise_errors,
        )


def scheduling(message: Message, *, raise_errors: bool = False) -> Call[ScheduleResult]:
    """The call that schedules one message, under an idempotency key even if none is given,
    so that it may be sent again.
    """
    keyed = with_key(message)
    key = keyed.idempotency_key
    return Call(
        "POST",
        f"/api/schedule-{wire.channel_of(keyed)}",
        lambda content: msgspec.structs.replace(
            wire.decode(ScheduleResult, content), idempotency_key=key
        ),
        lambda: wire.encode(wire.message_body(keyed)),
        repeatable=True,
        instead=None if raise_errors else partial(failed, key=key),
    )


def with_key(message: Message) -> Message:
    """`message`, with an idempotency key of its own if it has none."""
    return (
        message
        if message.idempotency_key
        else msgspec.structs.replace(message, idempotency_key=uuid.uuid4().hex)
    )


def failed(error: QueueServiceError, key: str | None) -> ScheduleResult:
    """`error` as the result of scheduling one message."""
    faults = error.faults if isinstance(error, ValidationFailed) else ()
    return ScheduleResult(
        success=False,
        error=str(error),
        faults=faults,
        unavailable=isinstance(error, Unavailable),
        idempotency_key=key,
    )
