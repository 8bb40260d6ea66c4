"""The lanes of one claim: which are locked, how many messages each may give, and where each
waits afterwards.

Called by the claiming flow alone, but for the plain values that it passes on. A lane's own
copy of its limit, weight and window is kept by `lane_settings`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from math import ceil

import msgspec

from queue_services.domain import limits, turns
from queue_services.domain.calendar import day_bounds
from queue_services.domain.connections import allowance
from queue_services.domain.holds import Hold, HoldReason, probe, probes
from queue_services.domain.limits import LimitLog
from queue_services.domain.message import FOREVER, Channel, Instant, Priority
from queue_services.domain.workspace import LaneTerms, opens_at
from queue_services.queue.lane_settings import read_log, read_terms, refresh, slot_at, write
from queue_services.storage.port import Row, Tx

LANES_A_CLAIM = 256
"""How many lanes one claim locks at most."""
BUSY_AT = 0.5
"""From this share of a lane's limit on, maintenance looks at it each second: its warning
begins at 80%, and its scaling with the limit used up.
"""


class ClaimRequest(msgspec.Struct, frozen=True):
    """What a dispatcher asks for. `rate` is the channel's limit a second; `lead` and
    `lease` are microseconds; `held` counts its connections by workspace.

    `events` says that the service has an URL for the events of every workspace.
    """

    channel: Channel
    dispatcher: int
    writer: str
    rate: float
    lead: int
    lease: int
    free_connections: int
    held: dict[str, int]
    most: int = 10_000
    events: bool = False

    def left_out(self) -> list[str]:
        """The workspaces that may take no connection more."""
        return [workspace for workspace, held in self.held.items() if held >= self.free_connections]


class Candidate(msgspec.Struct, array_like=True, gc=False):
    """A due message read before the limit is locked; it may turn out to be gone."""

    id: str
    lane: int
    claim: int
    priority: int
    campaign: int | None
    epoch: int
    due_at: Instant
    visible_at: Instant
    expires_at: Instant | None
    tries: int
    attempts: int
    refused_since: Instant | None
    claimed_by: int | None
    contact: str
    units: int
    payload: str


class Lane(msgspec.Struct):
    """A locked lane's row, and what the claim has learnt of it.

    `rate` is its own limit where that is under the channel's. `opens_at` is when messages
    other than `high` may start. `left_today` is what is left of its daily quota. `spent`:
    its own limit has no slot for a message of `wanted` units. `slots` are those taken, one
    a unit: turns are counted in units, too.
    """

    id: int
    workspace: str
    weight: float
    rest: int
    rate: float | None
    log: LimitLog
    next_due_at: Instant
    next_high_at: Instant
    exceeded_at: Instant
    hold: Hold
    terms: LaneTerms
    day_ends_at: Instant
    day_count: int
    opens_at: Instant = 0
    share: int = 0
    cap: int = 0
    taken: int = 0
    taken_high: bool = False
    high_only: bool = False
    spent: bool = False
    wanted: int = 1
    slots: list[Instant] = []

    @property
    def own(self) -> tuple[LimitLog, float] | None:
        """Its own limit: log and rate."""
        return None if self.rate is None else (self.log, self.rate)

    @property
    def left_today(self) -> int | None:
        quota = self.terms.daily_quota
        return None if quota is None else max(0, quota - self.day_count)

    def earliest(self, candidate: Candidate) -> Instant:
        """When a message of this lane may start at the earliest."""
        visible_at = candidate.visible_at
        return (
            visible_at
            if visible_at >= self.opens_at or candidate.priority == Priority.HIGH
            else self.opens_at
        )

    def priorities(self, before: Instant) -> Sequence[Priority]:
        """Which messages it may give to a claim of what is due by `before`."""
        return [Priority.HIGH] if self.high_only or self.opens_at > before else list(Priority)

    def take(self, candidate: Candidate, slot: Instant) -> None:
        """Note that a message was claimed. It counts for the day once, at its first claim:
        tries count nothing, and need none of a quota that is used up.
        """
        self.taken += 1
        self.taken_high |= candidate.priority == Priority.HIGH
        self.day_count += candidate.attempts == 0 and candidate.claimed_by is None
        if candidate.units == 1:
            self.slots.append(slot)
        else:
            self.slots.extend([slot] * candidate.units)


async def lock_lanes(
    tx: Tx, request: ClaimRequest, before: Instant, most: int, now: Instant
) -> list[Lane]:
    """Lock the first lanes in turn, `most` at most, each with its cap."""
    lanes = [
        _lane(row, request, now)
        for row in await _first_lanes(tx, "claim_lanes", request, before, most, now)
    ]
    for lane in lanes:
        lane.cap = _cap(request, lane, before, now)
    return lanes


async def lock_passed_over(
    tx: Tx, request: ClaimRequest, before: Instant, kept: int, served: Container[int], now: Instant
) -> list[Lane]:
    """Lock the lanes with due `high` that the `kept` slots are for, those that are `served`
    in turn left out; each with its share of the slots.
    """
    rows = await _first_lanes(tx, "claim_high_lanes", request, before, kept, now)
    lanes = [_lane(row, request, now) for row in rows if row[0] not in served]
    for lane in lanes:
        lane.high_only, lane.cap = True, _cap(request, lane, before, now)
        lane.share = min(ceil(kept / len(lanes)), lane.cap)
    return lanes


async def _first_lanes(
    tx: Tx, statement: str, request: ClaimRequest, before: Instant, most: int, now: Instant
) -> list[Row]:
    """Lock the first lanes in turn. Those that a changed tier has not been applied to yet
    first get what it says, which may take them out of turn.
    """
    asked, refreshed = (request.channel.value, before, request.left_out(), most), set[int]()
    rows = await tx.fetch(statement, *asked)
    while (
        behind := {row[0] for row in rows if row[-1] is not None and row[0] > row[-1]} - refreshed
    ):
        await refresh(tx, behind, now)
        refreshed |= behind
        rows = await tx.fetch(statement, *asked)
    return rows


def _lane(row: Row, request: ClaimRequest, now: Instant) -> Lane:
    (
        identity,
        workspace,
        weight,
        rest,
        rate,
        log,
        due,
        high,
        exceeded,
        until,
        reason,
        step,
        refusals,
        set_at,
        text,
        day_ends_at,
        day_count,
        _,
    ) = row
    hold, terms = (
        Hold(until, HoldReason(reason) if reason else None, step, refusals, set_at),
        read_terms(text),
    )
    own = rate if rate is not None and rate < request.rate else None
    lane = Lane(
        identity,
        workspace,
        weight,
        rest,
        own,
        read_log(log),
        due,
        high,
        exceeded,
        hold,
        terms,
        day_ends_at,
        day_count,
    )
    lane.opens_at = opens_at(terms, now, now + request.lead + limits.HORIZON)
    if terms.daily_quota is not None and now >= day_ends_at:
        lane.day_ends_at, lane.day_count = day_bounds(terms.zone, now)[1], 0
    return lane


def _cap(request: ClaimRequest, lane: Lane, before: Instant, now: Instant) -> int:
    """The most messages a lane may give now: by its connections, its hold, its own limit,
    its window and its day.
    """
    cap = allowance(request.free_connections, request.held.get(lane.workspace, 0))
    if probes(lane.hold):
        cap = min(cap, 1)
    if lane.rate is not None:
        cap = min(cap, limits.free(lane.log, lane.rate, now, request.lead))
    if lane.opens_at > before and lane.next_high_at > before:
        cap = 0
    return (
        min(cap, lane.left_today) if lane.left_today else cap
    )  # with none left it may give what has counted already, as much as it likes


def place(
    lane: Lane,
    earliest: tuple[Instant, Instant],
    before: Instant,
    free: int,
    now: Instant,
    behind: Instant,
) -> tuple[Instant, Instant]:
    """Where a lane waits after a claim: when it is next due, and due with a `high` message;
    keeps the rest of its turn in step.

    `behind` all that wait when its turn is used up, where it was when slots were missing.
    `earliest` is when its first `high` and other messages are visible.
    """
    high_at, other_at = earliest[0], max(earliest[1], lane.opens_at)
    due_at = min(high_at, other_at)
    if due_at > before:
        lane.rest = 0
    elif lane.high_only:
        due_at = min(lane.next_due_at, now)
    else:
        lane.rest = turns.rest_after(
            turns.Turn(lane.weight, lane.rest, lane.cap), len(lane.slots), free, lane.share
        )
        due_at = min(lane.next_due_at, now) if lane.rest > 0 else behind
    if high_at <= before:
        high_at = behind if lane.taken_high else min(max(high_at, lane.next_high_at), now)
    return due_at, high_at


async def earliest_of(tx: Tx, lanes: dict[int, Lane]) -> dict[int, tuple[Instant, Instant]]:
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


async def save_lanes(tx: Tx, lanes: Iterable[tuple[Lane, Instant, Instant]], now: Instant) -> None:
    """Store lanes with their places."""
    rows = []
    for lane, due_at, high_at in lanes:
        hold = probe(lane.hold, now) if lane.taken else lane.hold
        if lane.rate is None:
            limits.note_sends(lane.log, lane.slots, now)
        next_slot_at = slot_at(lane.log, lane.rate, lane.wanted)
        log = write(lane.log)
        rows.append(
            (
                lane.id,
                due_at,
                high_at,
                next_slot_at,
                lane.rest,
                log,
                lane.exceeded_at,
                hold.until,
                lane.day_ends_at,
                lane.day_count,
            )
        )
    await tx.each("save_lanes", rows)


def is_busy(lane: Lane, request: ClaimRequest, now: Instant) -> bool:
    """Whether a lane that gave messages nears its limit."""
    rate = request.rate if lane.rate is None else lane.rate
    return (
        bool(lane.taken)
        and limits.utilization(lane.log, rate, now, limits.telling_seconds(rate)) >= BUSY_AT
    )
