"""The lanes of one claim in the store: locked in turn, read, and saved with their places.

Called by the claiming flow, which decides nothing either: that is `domain.claim_plan`. A
lane's own copy of its limit, weight and window is kept by `lane_settings`.
"""

from __future__ import annotations

from collections.abc import Iterable

from queue_services.domain.claim_lane import Candidate, ClaimRequest, Lane
from queue_services.domain.claim_plan import Place, Read
from queue_services.domain.holds import Hold, HoldReason
from queue_services.domain.message import FOREVER, Instant
from queue_services.queue.lane_settings import read_log, read_terms, refresh, write
from queue_services.storage.port import Row, Tx


async def lock(
    tx: Tx, statement: str, request: ClaimRequest, before: Instant, most: int, now: Instant
) -> list[Lane]:
    """Lock the first lanes by `statement`, `most` at most. Those that a changed tier has not
    been applied to yet first get what it says, which may take them out of turn.
    """
    asked, refreshed = (request.channel.value, before, request.left_out(), most), set[int]()
    rows = await tx.fetch(statement, *asked)
    while (
        behind := {row[0] for row in rows if row[-1] is not None and row[0] > row[-1]} - refreshed
    ):
        await refresh(tx, behind, now)
        refreshed |= behind
        rows = await tx.fetch(statement, *asked)
    return [_lane(row, request) for row in rows]


async def read(tx: Tx, reads: Iterable[Read]) -> list[Candidate]:
    """The due messages that the plan asks for."""
    keys: dict[str, list[Row]] = {}
    for lane, priority, before, most, counted in reads:
        statement = "claim_counted" if counted else "claim_candidates"
        keys.setdefault(statement, []).append((lane, priority, before, most))
    return [
        Candidate(*row)
        for statement, of_one in keys.items()
        for row in await tx.each(statement, of_one)
    ]


async def earliest(tx: Tx, lanes: dict[int, Lane]) -> dict[int, tuple[Instant, Instant]]:
    """When each lane's first `high` and its first other message may be claimed; what is not
    counted yet waits for a day with some of its quota left.
    """
    found = {
        lane: (high or FOREVER, other or FOREVER)
        for lane, high, other in await tx.each("lane_earliest", [(lane,) for lane in lanes])
    }
    used_up = [(lane.id,) for lane in lanes.values() if lane.left_today == 0]
    for identity, *counted in await tx.each("counted_earliest", used_up) if used_up else []:
        day = lanes[identity].day_ends_at
        high_at, other_at = (
            min(at or FOREVER, max(first, day))
            for at, first in zip(counted, found[identity], strict=True)
        )
        found[identity] = (high_at, other_at)
    return found


async def save(tx: Tx, places: Iterable[Place]) -> None:
    """Store lanes with their places."""
    await tx.each(
        "save_lanes",
        [
            (
                lane.id,
                due_at,
                high_at,
                slot_at,
                lane.deficit,
                write(lane.log),
                lane.exceeded_at,
                hold.until,
                lane.day_ends_at,
                lane.day_count,
            )
            for lane, due_at, high_at, slot_at, hold in places
        ],
    )


def _lane(row: Row, request: ClaimRequest) -> Lane:
    identity, workspace, weight, deficit, rate, log, due_at, high_at, exceeded_at, *rest = row
    until, reason, step, refusals, set_at, terms, day_ends_at, day_count, _ = rest
    return Lane(
        id=identity,
        workspace=workspace,
        weight=weight,
        deficit=deficit,
        rate=rate if rate is not None and rate < request.rate else None,
        log=read_log(log),
        next_due_at=due_at,
        next_high_at=high_at,
        exceeded_at=exceeded_at,
        hold=Hold(until, HoldReason(reason) if reason else None, step, refusals, set_at),
        terms=read_terms(terms),
        day_ends_at=day_ends_at,
        day_count=day_count,
    )
