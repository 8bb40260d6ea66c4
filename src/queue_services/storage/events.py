"""Events for the application: written in the transaction that makes them true, and so as durable as what they tell.

Called by the flows that have something to tell. Delivering them is not done here.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from queue_services.domain.message import Channel, Instant, new_id
from queue_services.storage.port import Tx


class EventType(StrEnum):
    """What an event tells, as it is called on the wire."""

    COMPLETED = "message.completed"
    FAILED = "message.failed"
    CANCELLED = "message.cancelled"
    APPROACHING = "ratelimit.approaching"
    EXCEEDED = "ratelimit.exceeded"
    ADJUSTED = "ratelimit.adjusted"
    HELD = "endpoint.held"


class Event(msgspec.Struct, frozen=True):
    """One event; `facts` are what it tells beside its members, JSON values by name in the words of the domain."""

    type: EventType
    workspace: str
    channel: Channel
    facts: dict[str, str | float | None]


async def emit(tx: Tx, events: Iterable[Event], now: Instant) -> None:
    """Put events into the queue of those to deliver; each gets an id of its own, and ids sort as events were emitted."""
    rows = [(new_id(now), e.workspace, e.channel.value, e.type.value, msgspec.json.encode(e.facts).decode(), now) for e in events]
    await tx.each("insert_events", rows)
