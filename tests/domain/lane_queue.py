"""The lane queue of one channel in memory: passes that lock lanes in turn, share the free
slots and reserve, as the claiming flow does in SQL.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from queue_services.domain.limits import HORIZON, WINDOW, LimitLog, free, next_free
from queue_services.domain.message import SECOND, Instant
from queue_services.domain.turns import Turn, rest_after, shares
from tests.domain.reserving import both, reserve

from .limit_world import EPOCH

LEAD = 3_000
LANES_A_PASS = 64


@dataclass
class Lane:
    """`due` messages that wait, under a limit of its own or none; `slots` is what it was given."""

    name: str
    due: int = 1_000_000
    weight: float = 1
    own: float | None = None
    rest: int = 0
    log: LimitLog = field(default_factory=LimitLog)
    slots: list[Instant] = field(default_factory=list)

    def a_second(self) -> float:
        """What it was given a second, over 15 whole windows after the first two seconds."""
        first = EPOCH + 2 * SECOND
        return sum(first <= slot < first + 15 * WINDOW for slot in self.slots) / (
            15 * WINDOW / SECOND
        )


def serve(lanes: list[Lane], rate: float, seconds: float, every: int = 50_000) -> list[str]:
    """Pass every so many microseconds; the names of the lanes in the order in which they
    were given slots.
    """
    queue = [(EPOCH, order, lane) for order, lane in enumerate(lanes)]
    log, order, given = LimitLog(), len(lanes), list[str]()
    for now in range(EPOCH, EPOCH + round(seconds * SECOND), every):
        room = free(log, rate, now, LEAD)
        locked = (
            [heapq.heappop(queue) for _ in range(LANES_A_PASS) if queue and queue[0][0] <= now]
            if room
            else []
        )
        turns = [Turn(lane.weight, lane.rest, _cap(lane, now)) for _, _, lane in locked]
        for (ready_at, place, lane), turn, share in zip(
            locked, turns, shares(room, turns, more=bool(queue) and queue[0][0] <= now), strict=True
        ):
            taken = _reserve(lane, log, rate, now, share)
            given += [lane.name] * taken
            lane.rest = rest_after(turn, taken, room) if taken < turn.cap else 0
            if not lane.due:
                continue
            order += 1
            place_after = (ready_at, place) if lane.rest else (_ready_at(lane, now), order)
            heapq.heappush(queue, (*place_after, lane))
    return given


def _cap(lane: Lane, now: Instant) -> int:
    return lane.due if lane.own is None else min(lane.due, free(lane.log, lane.own, now, LEAD))


def _reserve(lane: Lane, log: LimitLog, rate: float, now: Instant, share: int) -> int:
    due = [now] * share
    slots = (
        reserve(log, rate, now, LEAD, due)
        if lane.own is None
        else both(lane.log, lane.own, log, rate, now, LEAD, due)
    )
    lane.slots += slots
    lane.due -= len(slots)
    return len(slots)


def _ready_at(lane: Lane, now: Instant) -> Instant:
    """Behind all that wait; under a limit of its own, when its next slot comes within the
    horizon, so that its wait for a turn costs it nothing.
    """
    return (
        now
        if lane.own is None
        else max(now, next_free(lane.log, lane.own, now, LEAD) - LEAD - HORIZON)
    )
