"""Decides one claim: which lanes give how many messages, which of those are taken, and
where each lane waits afterwards.

Pure: the claiming flow locks and reads what the plan asks for, hands it over, and writes
what the plan says. Slots may be reserved within the claim (`reserve`), or later, for the
head of the dispatcher's buffer. Turns are deficit round robin (`domain.turns`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import ceil
from operator import attrgetter
from typing import NamedTuple

from queue_services.domain import exceedance, limits, turns
from queue_services.domain.claim_lane import LANES_A_CLAIM, Candidate, ClaimRequest, Lane
from queue_services.domain.gate import CampaignState
from queue_services.domain.holds import Hold, probe, probes
from queue_services.domain.limits import BUFFER_SPAN, HORIZON, LimitLog
from queue_services.domain.message import FOREVER, SECOND, Instant, Priority
from queue_services.domain.slot_plan import SlotPlan, Wish


class Read(NamedTuple):
    """What to read of a lane: the first `most` due messages of a priority. `counted`: only
    those that a day's quota has counted already.
    """

    lane: int
    priority: int
    before: Instant
    most: int
    counted: bool


class Unsendable(NamedTuple):
    """What the claim must end or park first: expired ids; (cancelled_at, key) of cancelled
    campaigns' messages and keys of paused ones', a key being the parameters of the statement.
    """

    expired: list[str]
    doomed: list[tuple[Instant, tuple[int, int, Instant, int, int]]]
    parked: list[tuple[int, int, Instant, int]]


class Taken(NamedTuple):
    """A message that is to be claimed, and its slot, or its earliest start where it has none."""

    candidate: Candidate
    slot: Instant


class Place(NamedTuple):
    """What is stored of a lane after a claim."""

    lane: Lane
    due_at: Instant
    high_at: Instant
    slot_at: Instant
    hold: Hold


_turn = attrgetter("priority", "visible_at", "id")


class ClaimPlan:
    """One claim of one channel, step by step as `queue.claims.claim` takes them. `room` is how
    many messages it may take, 0: nothing. Turns, caps and room are counted in units.
    """

    def __init__(self, request: ClaimRequest, log: LimitLog, now: Instant, *, paused: bool) -> None:
        self._request, self._log, self._now, self._paused = request, log, now, paused
        self.before = now + request.lead
        span = HORIZON if request.reserves else BUFFER_SPAN
        self._within_limit = limits.free(log, request.rate, now, request.lead, span) - sum(
            request.waiting.values()
        )
        room = min(self._within_limit, request.most, request.free_connections)
        self.room = 0 if paused else max(0, room)
        self.lanes: dict[int, Lane] = {}
        self.taken: list[Taken] = []
        self._in_turn: list[Lane] = []
        self._more = False
        self._asked: dict[int, int] = {}
        self._reading: list[tuple[Lane, int]] = []
        self._usual = self.room
        self._found: dict[int, list[Candidate]] = {}
        self._sendable: list[Candidate] = []

    @property
    def lanes_wanted(self) -> int:
        """How many lanes to lock in turn."""
        return min(self.room, self._request.lanes)

    def take_lanes(self, lanes: list[Lane]) -> None:
        """The first lanes in turn, locked."""
        self._in_turn, self._more = lanes, len(lanes) == self.lanes_wanted
        for lane in lanes:
            lane.prepare(self._request, self.before, self._now)

    def reads(self) -> list[Read]:
        """What to read next of the lanes in turn; nothing once they have enough together.

        Who has less than its turn leaves the rest to the next: most of many workspaces have
        one message due, and a claim would bring a quarter of what it could.
        """
        wanting = [
            turns.Turn(
                lane.weight,
                lane.deficit,
                lane.cap if lane.id in self._asked else min(lane.cap, self._usual),
            )
            for lane in self._in_turn
        ]
        shares = turns.shares(self.room, wanting, more=self._more)
        reached = [
            (lane, max(share, min(lane.cap, turns.left_of(turn, self.room))))
            for lane, turn, share in zip(self._in_turn, wanting, shares, strict=True)
            if share > self._asked.get(lane.id, 0)
        ]
        if reached:
            return self._reads_of(reached)
        for lane, share in zip(self._in_turn, shares, strict=True):
            lane.share = share
            if share or lane.cap <= 0:  # who was not reached stays where it is
                self.lanes[lane.id] = lane
        return []

    def found(self, candidates: Iterable[Candidate]) -> None:
        """What was read of the lanes last asked for."""
        for candidate in candidates:
            self._found[candidate.lane].append(candidate)
        for lane, most in self._reading:
            self._asked[lane.id] = most
            if not lane.high_only and len(self._found[lane.id]) < most:
                lane.cap = min(most, sum(c.units for c in self._found[lane.id]))
        asked = [lane for lane in self._in_turn if lane.id in self._asked]
        if asked:
            had = sum(min(lane.cap, self._asked[lane.id]) for lane in asked)
            self._usual = max(1, ceil(had / len(asked)))

    @property
    def kept(self) -> int:
        """How many slots are kept for lanes with due `high` that are not in turn; none while a
        lane at fault is looked for.
        """
        if self._request.lanes < LANES_A_CLAIM:
            return 0
        return len(turns.high_slots(self._log.number, self.room))

    def take_passed_over(self, lanes: Iterable[Lane]) -> list[Read]:
        """The first lanes with due `high`, locked; what to read of those not in turn."""
        passed_over = [lane for lane in lanes if lane.id not in self.lanes]
        for lane in passed_over:
            lane.high_only = True
            lane.prepare(self._request, self.before, self._now)
            lane.share = min(ceil(self.kept / len(passed_over)), lane.cap)
            self.lanes[lane.id] = lane
        return self._reads_of([(lane, lane.share) for lane in passed_over if lane.share])

    def campaigns(self) -> list[int]:
        """The campaigns whose states are asked for."""
        return sorted(
            {
                c.campaign
                for of_one in self._found.values()
                for c in of_one
                if c.campaign is not None
            }
        )

    def judge(self, states: Mapping[int, CampaignState]) -> Unsendable:
        """Keep what may be sent. A message whose campaign is not in `states` (it is being
        changed right now) is left for the next claim.
        """
        expired, doomed, parked = list[str](), set(), set()
        for candidate in (c for of_one in self._found.values() for c in of_one):
            if candidate.expires_at is not None and candidate.expires_at <= self.before:
                expired.append(candidate.id)
                continue
            campaign = candidate.campaign
            state = None if campaign is None else states.get(campaign)
            key = (candidate.lane, candidate.priority, self.before)
            if campaign is None:
                self._sendable.append(candidate)
            elif state is None:
                continue
            elif candidate.epoch < state.cancel_epoch:
                at = state.cancelled_at or self._now
                doomed.add((at, (*key, campaign, state.cancel_epoch)))
            elif state.holds:
                parked.add((*key, campaign))
            else:
                self._sendable.append(candidate)
        return Unsendable(sorted(expired), sorted(doomed), sorted(parked))

    def choose(self) -> list[Taken]:
        """What to claim where slots are reserved later, in order; each takes a place."""
        high, normal = self._shares_of()
        held, free = dict(self._request.held), self._request.free_connections
        chosen = []
        for candidate in [*high, *normal]:
            lane = self.lanes[candidate.lane]
            mine = held.get(lane.workspace, 0)
            if mine < free:
                held[lane.workspace] = mine + 1
                free -= 1
                chosen.append(Taken(candidate, lane.earliest(candidate)))
        return chosen

    @property
    def has_sendable(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._sendable)

    def reserve(self, log: LimitLog, *, paused: bool) -> list[Taken]:
        """What to claim, each with its slot; `log` is the channel's, locked, and is added to."""
        self._log = log
        if paused:
            return []
        owns = {lane.id: (lane.log, lane.rate) for lane in self.lanes.values() if lane.rate}
        request = self._request
        self._slots = SlotPlan(log, request.rate, request.lead, owns, self._now)
        wishes: dict[int, Candidate] = {}
        queues = []
        for candidates in self._shares_of():
            queue = []
            for c in candidates:
                lane = self.lanes[c.lane]
                wish = Wish(c.lane, lane.workspace, lane.earliest(c), c.units)
                wishes[id(wish)] = c
                queue.append(wish)
            queues.append(queue)
        high, normal = queues
        self._slots.reserve((), high, normal, request.held, request.free_connections)
        for identity, units in self._slots.spent.items():
            self.lanes[identity].spent, self.lanes[identity].wanted = True, units
        return [
            Taken(wishes[id(wish)], wish.slot)
            for wish in self._slots.given
            if wish.slot is not None
        ]

    def claimed(self, chosen: Iterable[Taken], ids: set[str]) -> None:
        """Which of the chosen were really claimed; slots of the others go back."""
        for candidate, slot in chosen:
            lane = self.lanes[candidate.lane]
            if candidate.id not in ids:
                if self._request.reserves:
                    self._slots.give_back(lane.id, slot, candidate.units)
                continue
            self.taken.append(Taken(candidate, slot))
            lane.taken += 1
            lane.taken_units += candidate.units
            lane.taken_high |= candidate.priority == Priority.HIGH
            lane.day_count += lane.counts(candidate)
            noted = slot if self._request.reserves else self._now
            lane.slots.extend([noted] * candidate.units)

    def used_up(self) -> list[Lane]:
        """The lanes to count what is left of: their limit had no slot left, and their last
        exceedance is old enough. Asked before `places`, with their first due known.
        """
        request, now = self._request, self._now
        if request.reserves:
            channel = limits.free(self._log, request.rate, now, request.lead) == 0
        else:
            channel = self._within_limit <= sum(lane.taken_units for lane in self.lanes.values())
        return [
            lane
            for lane in self.lanes.values()
            if (channel if lane.rate is None else lane.is_spent(request, now))
            and not probes(lane.hold)
            and exceedance.recordable(lane.exceeded_at, now)
        ]

    def exceeded(self, lane: Lane, left: int) -> tuple[int, float, Instant] | None:
        """(due messages, the limit, when the last can go) where `left` due messages are an
        exceedance; None where they are none.
        """
        rate = lane.rate_in_force(self._request)
        due = left + lane.taken + self._request.waiting.get(lane.id, 0)
        due = min(due, exceedance.DUE_COUNTED)
        if not exceedance.exceeded(due, left > 0, rate):
            return None
        lane.exceeded_at = self._now
        return due, rate, self._now + int(left / rate * SECOND)

    def places(self, earliest: Mapping[int, tuple[Instant, Instant]]) -> list[Place]:
        """Where each lane waits afterwards. `earliest` is when its first `high` and its first
        other message are visible.
        """
        placed = []
        for order, lane in enumerate(self.lanes.values()):
            # Not all at once: those whose turns are used up keep their order in the next round.
            behind = min(self._now + order, self.before)
            due_at, high_at = lane.next_due(
                earliest[lane.id], self.before, self.room, behind, self._now
            )
            slot_at = lane.slot_at(self._request, self._now)
            if lane.rate is None:
                limits.note_sends(lane.log, lane.slots, self._now)
            hold = probe(lane.hold, self._now) if lane.taken else lane.hold
            placed.append(Place(lane, due_at, high_at, slot_at, hold))
        return placed

    def wake_at(self, ready_at: Instant | None) -> Instant:
        """When the next claim may find something; `ready_at` is the first lane's."""
        if self._paused or self._request.free_connections <= 0:
            return FOREVER
        request = self._request
        if not self.room and request.waiting:
            # What waits in the buffer uses up the limit. The next free slot is near, and named by
            # it the claim would come again and again for nothing.
            return self._now + BUFFER_SPAN // 4
        wake_at = FOREVER if ready_at is None else ready_at - request.lead
        if self.room and limits.free(self._log, request.rate, self._now, request.lead):
            return wake_at
        # When half is free again: a pass a slot would make batches of one, waiting for all of
        # it would leave slots unused.
        half = HORIZON // 2 if request.reserves else BUFFER_SPAN // 2
        next_slot = limits.next_free(self._log, request.rate, self._now, request.lead)
        return max(wake_at if self.room else 0, next_slot - request.lead - half)

    def busy(self) -> tuple[int, ...]:
        """The lanes that gave messages and near their limit."""
        request, now = self._request, self._now
        return tuple(lane.id for lane in self.lanes.values() if lane.is_busy(request, now))

    def _reads_of(self, lanes: list[tuple[Lane, int]]) -> list[Read]:
        self._reading = lanes
        reads = []
        for lane, most in lanes:
            self._found[lane.id] = []
            for priority in lane.priorities(self.before):
                counted = lane.left_today == 0
                reads.append(Read(lane.id, priority.value, self.before, most, counted))
        return reads

    def _shares_of(self) -> tuple[list[Candidate], list[Candidate]]:
        """What may go now: for the kept slots, and each lane's share of the others."""
        mine: dict[int, list[Candidate]] = {}
        for candidate in self._sendable:
            mine.setdefault(candidate.lane, []).append(candidate)
        high, normal = list[Candidate](), list[Candidate]()
        for lane in self.lanes.values():
            candidates = sorted(mine.get(lane.id, ()), key=_turn)
            (high if lane.high_only else normal).extend(_within(candidates, lane.share))
        return high, normal


def _within(candidates: Sequence[Candidate], share: int) -> list[Candidate]:
    """The first of them, until their units have used up the share; one at least."""
    begins = accumulate((c.units for c in candidates), initial=0)
    return [c for c, begin in zip(candidates, begins, strict=False) if begin < share]
