"""A channel's lanes in memory, claimed from by `ClaimPlan` as the claiming flow does in SQL."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from queue_services.domain import claim_lane
from queue_services.domain.claim_lane import Candidate, ClaimRequest
from queue_services.domain.claim_plan import ClaimPlan, Read
from queue_services.domain.holds import Hold
from queue_services.domain.limits import WINDOW, LimitLog
from queue_services.domain.message import FOREVER, SECOND, Channel, Instant, Priority
from queue_services.domain.workspace import LaneTerms

from .limit_world import EPOCH

LEAD = 3_000


@dataclass
class Lane:
    """`due` messages that wait, under a limit of its own or none; `slots` is what it was given."""

    name: str
    due: int = 1_000_000
    weight: float = 1
    own: float | None = None
    deficit: int = 0
    log: LimitLog = field(default_factory=LimitLog)
    slots: list[Instant] = field(default_factory=list)

    def a_second(self) -> float:
        """What it was given a second, over 15 whole windows after the first two seconds."""
        first = EPOCH + 2 * SECOND
        return sum(first <= slot < first + 15 * WINDOW for slot in self.slots) / (
            15 * WINDOW / SECOND
        )

    def locked(self, identity: int, ready_at: Instant) -> claim_lane.Lane:
        """Its row, as a claim locks it."""
        return claim_lane.Lane(
            id=identity,
            workspace=self.name,
            weight=self.weight,
            deficit=self.deficit,
            rate=self.own,
            log=self.log,
            next_due_at=ready_at,
            next_high_at=FOREVER,
            exceeded_at=0,
            hold=Hold(),
            terms=LaneTerms(),
            day_ends_at=0,
            day_count=0,
        )

    def first(self, read: Read) -> Iterable[Candidate]:
        """The first messages that it has due."""
        if read.priority != Priority.NORMAL:
            return []
        number = len(self.slots)
        return [
            candidate(f"{self.name}-{at:09}", read.lane)
            for at in range(number, number + min(read.most, self.due))
        ]


def candidate(
    identity: str, lane: int, priority: Priority = Priority.NORMAL, units: int = 1
) -> Candidate:
    """A message that is due since EPOCH."""
    return Candidate(
        id=identity,
        lane=lane,
        claim=0,
        priority=priority.value,
        campaign=None,
        epoch=0,
        due_at=EPOCH,
        visible_at=EPOCH,
        expires_at=None,
        tries=0,
        attempts=0,
        refused_since=None,
        claimed_by=None,
        contact="c",
        units=units,
        payload="{}",
    )


def serve(lanes: list[Lane], rate: float, seconds: float, every: int = 50_000) -> list[str]:
    """Claim every so many microseconds; the names of the lanes in the order in which they
    were given slots.
    """
    queue = [(EPOCH, order, order) for order in range(len(lanes))]
    log, order, given = LimitLog(), len(lanes), list[str]()
    for now in range(EPOCH, EPOCH + round(seconds * SECOND), every):
        plan = ClaimPlan(request(rate), log, now, paused=False)
        if not plan.room:
            continue
        ready = list[tuple[Instant, int, int]]()
        while queue and queue[0][0] <= plan.before and len(ready) < plan.lanes_wanted:
            ready.append(heapq.heappop(queue))
        plan.take_lanes([lanes[index].locked(index, ready_at) for ready_at, _, index in ready])
        while reads := plan.reads():
            plan.found(one for read in reads for one in lanes[read.lane].first(read))
        plan.judge({})
        chosen = plan.reserve(log, paused=False)
        plan.claimed(chosen, {taken.candidate.id for taken in chosen})
        for taken in plan.taken:
            lane = lanes[taken.candidate.lane]
            lane.slots.append(taken.slot)
            lane.due -= 1
            given.append(lane.name)
        earliest = {
            index: (FOREVER, EPOCH if lanes[index].due else FOREVER) for index in plan.lanes
        }
        placed = {place.lane.id: place for place in plan.places(earliest)}
        for ready_at, old_order, index in ready:
            place = placed.get(index)
            if place is None:  # it was not reached, and keeps its place
                heapq.heappush(queue, (ready_at, old_order, index))
                continue
            lanes[index].deficit = place.lane.deficit
            order += 1
            if place.due_at < FOREVER:
                heapq.heappush(queue, (max(place.due_at, place.slot_at), order, index))
    return given


def request(rate: float, **changes: Any) -> ClaimRequest:
    """A claim with connections without end."""
    asked = ClaimRequest(
        channel=Channel.SMS,
        dispatcher=1,
        writer="tests",
        rate=rate,
        lead=LEAD,
        lease=30 * SECOND,
        free_connections=1_000_000,
        held={},
    )
    return msgspec.structs.replace(asked, **changes)
