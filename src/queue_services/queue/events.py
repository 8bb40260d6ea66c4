"""Events for the application: written in the transaction that makes them true, and so as
durable as what they tell.

Called by the flows that have something to tell. An event is kept only where it has
somewhere to go: its workspace's own URL, else the service's (`queue.event_routes`).
Delivering them is `queue.event_queue`'s part.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from queue_services.domain.alerts import Rule, Transition
from queue_services.domain.holds import HoldReason
from queue_services.domain.message import SECOND, Channel, Instant, new_id
from queue_services.queue.event_routes import SERVICE
from queue_services.storage.port import Tx
from queue_services.wire.alerts import alert_facts

APART = 60 * SECOND
"""What happens again and again (a limit exceeded, an endpoint held) is told once in so long."""


class EventType(StrEnum):
    """What an event tells, as it is called on the wire."""

    COMPLETED = "message.completed"
    FAILED = "message.failed"
    CANCELLED = "message.cancelled"
    APPROACHING = "ratelimit.approaching"
    EXCEEDED = "ratelimit.exceeded"
    ADJUSTED = "ratelimit.adjusted"
    HELD = "endpoint.held"
    ALERT_FIRING = "alert.firing"
    ALERT_CLEARED = "alert.cleared"


class Event(msgspec.Struct, frozen=True):
    """One event; `facts` are what it tells beside its members, JSON values by name in the
    words of the domain. `job` is the message it is about.
    """

    type: EventType
    workspace: str
    channel: Channel
    facts: dict[str, str | float | None]
    job: str | None = None


async def emit(tx: Tx, events: Iterable[Event], now: Instant) -> None:
    """Put events into the queue of those to deliver, in their order; those that have
    nowhere to go are dropped.
    """
    rows = [
        (
            new_id(now),
            e.workspace,
            e.channel.value,
            e.type.value,
            e.job,
            msgspec.json.encode(e.facts).decode(),
            now,
        )
        for e in events
    ]
    await tx.each("insert_events", rows)


async def exceeded(tx: Tx, lanes: Iterable[tuple[str, Channel, str]], now: Instant) -> None:
    """Tell that workspaces are over a limit: workspace, channel, and the ledger's words;
    once a minute at most for each workspace.
    """
    found = {workspace: (channel, words) for workspace, channel, words in lanes}
    news = await _once(tx, [(workspace, EventType.EXCEEDED.value) for workspace in found], now)
    await emit(
        tx,
        [
            Event(
                EventType.EXCEEDED, workspace, found[workspace][0], {"error": found[workspace][1]}
            )
            for workspace, _ in news
        ],
        now,
    )


async def held(
    tx: Tx, lanes: Iterable[tuple[str, Channel, HoldReason, str | None]], now: Instant
) -> None:
    """Tell that endpoints' answers hold lanes: workspace, channel, why, and the last
    answer's words; once a minute at most for each lane.
    """
    found = {
        (workspace, f"{EventType.HELD}:{channel}"): (channel, reason, words)
        for workspace, channel, reason, words in lanes
    }
    told = []
    for workspace, subject in await _once(tx, found, now):
        channel, reason, words = found[workspace, subject]
        told.append(
            Event(EventType.HELD, workspace, channel, {"error": words, "reason": reason.value})
        )
    await emit(tx, told, now)


async def alert(
    tx: Tx, name: str, transition: Transition, rule: Rule, value: float | None, now: Instant
) -> None:
    """Report an alert's transition by the service's own route: alerts are the operator's, also
    those about one workspace.
    """
    facts = {"alert": name, **alert_facts(rule, value)}
    payload = msgspec.json.encode(facts).decode()
    channel = rule.subject.channel.value if rule.subject.channel else None
    row = (new_id(now), SERVICE, channel, transition.value, None, payload, now)
    await tx.each("insert_events", [row])


async def _once(tx: Tx, subjects: Iterable[tuple[str, str]], now: Instant) -> list[tuple[str, str]]:
    """Those of the subjects that were not told of lately, noted as told now. Their rows are
    locked in order, after everything else.
    """
    rows = await tx.each("note_told", sorted(subjects), now, now - APART)
    return sorted((workspace, subject) for workspace, subject in rows)
