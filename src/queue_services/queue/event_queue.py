"""The queue of events: which are due, who delivers them, and what became of them. Run by
`dispatcher.events`, in any number of processes at once.

A route (`queue.event_routes`) is held by its answers as a lane is. An event is fenced as
a message is: by its claim's number. Those about one message go out in the order in which
they became true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter

import msgspec

from queue_services.domain import holds as lane_rules
from queue_services.domain.connections import allowance
from queue_services.domain.holds import Hold, HoldReason, probe, probes
from queue_services.domain.message import Instant
from queue_services.domain.outcome import Answer
from queue_services.domain.workspace import secrets_in_force
from queue_services.queue.event_routes import SERVICE
from queue_services.queue.lane_settings import read_workspace
from queue_services.queue.transactions import writes
from queue_services.storage.port import Row, Tx

ROUTES_A_CLAIM = 64
BITE = 500


class EventRequest(msgspec.Struct, frozen=True):
    """What a dispatcher asks for: events of routes other than `left_out`, for as many
    connections as are free; `held` counts its connections by route.
    """

    dispatcher: int
    lease_until: Instant
    free: int
    held: Mapping[str, int]
    left_out: Sequence[str] = ()

    def closed(self) -> list[str]:
        """The routes of which nothing may be claimed."""
        return [
            *self.left_out,
            *(route for route, held in self.held.items() if allowance(self.free, held) < 1),
        ]


class ClaimedEvent(msgspec.Struct, frozen=True):
    """An event that this dispatcher delivers. `url` is the workspace's own, None on the
    service's route; `secrets` are the workspace's, newest first.
    """

    seq: int
    id: str
    route: str
    workspace: str
    channel: str | None
    type: str
    job: str | None
    facts: str
    created_at: Instant
    claim: int
    tries: int
    url: str | None
    secrets: tuple[str, ...]


class EventSettlement(msgspec.Struct, frozen=True):
    """What one delivery came to; `again_at` None: there is no other."""

    event: ClaimedEvent
    answer: Answer
    started_at: Instant
    again_at: Instant | None


async def is_due(tx: Tx, now: Instant, closed: list[str]) -> bool:
    """Whether a claim may find something."""
    return bool(await tx.fetch("due_routes", now, closed, 1))


async def claim(tx: Tx, request: EventRequest, now: Instant) -> list[ClaimedEvent]:
    """Take due events, of each route as many as it may have connections, a single one of a
    route whose endpoint does not answer.
    """
    free, rows = request.free, []
    for route, hold in [
        _route(row)
        for row in await tx.fetch("lock_due_routes", now, request.closed(), ROUTES_A_CLAIM)
    ]:
        most = min(free, allowance(free, request.held.get(route, 0)), 1 if probes(hold) else free)
        if most < 1:
            continue
        found = await tx.fetch(
            "claim_events", route, most, now, request.lease_until, request.dispatcher
        )
        if found and probes(hold):
            await _save(tx, {route: probe(hold, now)})
        free -= len(found)
        rows += found
    return await _claimed(tx, rows, now)


async def settle(
    tx: Tx, settlements: Sequence[EventSettlement], dispatcher: int, now: Instant
) -> None:
    """Record what deliveries came to, and hold or free their routes. What another
    dispatcher has claimed meanwhile stays as it is.
    """
    done = [(s.event.seq, s.event.claim) for s in settlements if s.again_at is None]
    await tx.each("delete_events", done, dispatcher)
    await tx.each(
        "retry_events",
        [(s.event.seq, s.event.claim, s.again_at) for s in settlements if s.again_at is not None],
        dispatcher,
    )
    routes = sorted({s.event.route for s in settlements})
    before = dict(_route(row) for row in await tx.fetch("lock_routes", routes))
    holds = dict(before)
    for s in settlements:
        if s.event.route in holds:
            holds[s.event.route] = lane_rules.after(
                holds[s.event.route], s.answer, s.started_at, now
            )
    await _save(tx, {route: hold for route, hold in holds.items() if hold != before[route]})


@writes
async def prune(tx: Tx, created_before: Instant, most: int = BITE) -> int:
    """Drop a bite (`most`) of the events that could not be delivered for so long; how many."""
    return len(await tx.fetch("prune_events", created_before, most))


@writes
async def prune_told(tx: Tx, told_before: Instant, most: int = BITE) -> int:
    """Forget a bite (`most`) of when something was told last, where that is so long ago;
    how many.
    """
    return len(await tx.fetch("prune_told", told_before, most))


async def _claimed(tx: Tx, rows: Sequence[Row], now: Instant) -> list[ClaimedEvent]:
    """Claimed rows with what their workspaces have of their own, in the order in which they
    became true.
    """
    workspaces = {row[3]: None for row in rows}
    settings = {
        identity: read_workspace(identity, text)
        for identity, text in await tx.each(
            "callback_workspaces", [(name,) for name in sorted(workspaces)]
        )
    }
    claimed = []
    for row in sorted(rows, key=itemgetter(0)):
        workspace = settings.get(row[3])
        url = None if row[2] == SERVICE or workspace is None else workspace.events_url
        claimed.append(
            ClaimedEvent(
                *(*row, url, () if workspace is None else secrets_in_force(workspace, now))
            )
        )
    return claimed


def _route(row: Row) -> tuple[str, Hold]:
    workspace, until, reason, step, refusals, set_at = row
    return workspace, Hold(until, HoldReason(reason) if reason else None, step, refusals, set_at)


async def _save(tx: Tx, holds: Mapping[str, Hold]) -> None:
    rows = [
        (
            route,
            hold.until,
            hold.reason.value if hold.reason else None,
            hold.step,
            hold.refusals,
            hold.set_at,
        )
        for route, hold in sorted(holds.items())
    ]
    await tx.each("save_routes", rows)
