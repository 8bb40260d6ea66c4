"""Builds what the storage flows take, with every member that a test does not care about
filled in.
"""

from __future__ import annotations

from typing import Any

import msgspec

from queue_services.domain.claim_lane import ClaimRequest
from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import SECOND, Channel, Instant, Message, Priority, new_id
from queue_services.domain.outcome import Answer, AnswerBody, Kind
from queue_services.domain.retry import RetryPolicy
from queue_services.queue.settling import Settlement, Terms

NOW: Instant = 1_800_000_000 * SECOND
"""The instant at which tests begin; a whole minute."""
DISPATCHER = 1
WRITER = "tests"
LEASE = 30 * SECOND
UNBOUNDED = 1_000_000.0
"""A limit a second that no test reaches."""

STATUS_CODES = {
    Kind.DELIVERED: 200,
    Kind.FAILED: 500,
    Kind.REJECTED: 422,
    Kind.REFUSED: 404,
    Kind.THROTTLED: 429,
}


def message(
    workspace: str = "acme",
    *,
    channel: Channel = Channel.SMS,
    due_at: Instant = NOW,
    created_at: Instant | None = None,
    contact: str = "contact-1",
    campaign: str | None = None,
    recipient: str = "15550100",
    priority: Priority = Priority.NORMAL,
    expires_at: Instant | None = None,
    key: str | None = None,
    fingerprint: str = "the same",
    payload: str = '{"to":"+1 555 0100","text":"hello"}',
    indexed: tuple[tuple[str, str], ...] = (),
) -> Message:
    """A message that is due at `due_at` and was created then or, where that is later, at NOW."""
    created_at = min(due_at, NOW) if created_at is None else created_at
    return Message(
        id=new_id(created_at),
        workspace=workspace,
        channel=channel,
        contact=contact,
        campaign=campaign,
        recipient=recipient,
        priority=priority,
        created_at=created_at,
        due_at=due_at,
        expires_at=expires_at,
        idempotency_key=key,
        fingerprint=None if key is None else fingerprint,
        payload=payload,
        indexed=indexed,
    )


def request(channel: Channel = Channel.SMS, **changes: Any) -> ClaimRequest:
    """A claim by DISPATCHER with nothing in its way: no limit to speak of, no lead,
    connections without end.
    """
    asked = ClaimRequest(
        channel=channel,
        dispatcher=DISPATCHER,
        writer=WRITER,
        rate=UNBOUNDED,
        lead=0,
        lease=LEASE,
        free_connections=1_000_000,
        held={},
    )
    return msgspec.structs.replace(asked, **changes)


def answer(
    kind: Kind = Kind.DELIVERED,
    *,
    error: str | None = None,
    wait_until: Instant | None = None,
    body: AnswerBody | None = None,
) -> Answer:
    """An answer as a receiver would give it."""
    if error is None and kind is not Kind.DELIVERED:
        error = f"it was {kind.value}"
    return Answer(kind, STATUS_CODES.get(kind), error, wait_until, body)


def settlement(
    claimed: ClaimedMessage,
    kind: Kind = Kind.DELIVERED,
    *,
    started_at: Instant | None = None,
    duration: int = 20_000,
    **more: Any,
) -> Settlement:
    """The outcome of a claimed message that was started at its slot and took `duration`
    microseconds.
    """
    return Settlement(
        claimed, answer(kind, **more), claimed.slot if started_at is None else started_at, duration
    )


def terms(dispatcher: int = DISPATCHER, writer: str = WRITER, **policy: Any) -> Terms:
    """What DISPATCHER settles under; the jitter is always half, so that the first retry
    comes after half a second.
    """
    return Terms(
        dispatcher=dispatcher,
        writer=writer,
        policy=RetryPolicy(**policy),
        rates={Channel.SMS: 50.0, Channel.EMAIL: 100.0},
        random=lambda: 0.5,
    )
