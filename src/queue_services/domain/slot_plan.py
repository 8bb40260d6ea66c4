"""Gives slots of one channel's limit, and of the lanes' own limits where they have one, to
messages in order.

Called with the limit's row and the lanes' locked: by a claim that reserves at once, and for
the head of a dispatcher's buffer. Pure; the rule of a single limit is `domain.limits`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

import msgspec

from queue_services.domain import limits, turns
from queue_services.domain.limits import HORIZON, WINDOW, LimitLog, Reservation
from queue_services.domain.message import FOREVER, Instant

OwnLimit = tuple[LimitLog, float]
"""A lane's own limit: its log and its rate a second."""


class Wish(msgspec.Struct, eq=False):
    """A message that wants a slot, not before `due`; `slot` is what it was given, None where
    there was none.
    """

    lane: int
    workspace: str
    due: Instant
    units: int = 1
    slot: Instant | None = None


class SlotPlan:
    """Reserves for wishes, and writes each slot into the logs it falls under.

    `owns` are the limits of the lanes that have one, by lane. `given` are the wishes that got a
    slot, in the order in which they did. `full`: the channel has no slot
    left within reach. `spent`: lanes whose own limit had none for a message of so many units.
    """

    def __init__(
        self,
        log: LimitLog,
        rate: float,
        lead: int,
        owns: Mapping[int, OwnLimit],
        now: Instant,
    ) -> None:
        self._log, self._rate, self._lead, self._owns, self._now = log, rate, lead, owns, now
        self._latest = now + lead + HORIZON
        self._shared = Reservation(LimitLog(), rate, now, lead)
        self._own: dict[int, Reservation] = {}
        self.given: list[Wish] = []
        self.full = False
        self.spent: dict[int, int] = {}

    def reserve(
        self,
        first: Iterable[Wish],
        high: Iterable[Wish],
        normal: Iterable[Wish],
        held: Mapping[str, int],
        free: int,
    ) -> None:
        """Give slots to `first` before all others, every fourth of the channel to `high` while
        there is one, the rest in turn.

        Each start takes a connection: a workspace that has `held` as many as are left `free`
        gets no slot. Those of `first` hold theirs already.
        """
        # A message of many units may look further ahead: single ones would take its room for ever.
        self._shared = Reservation(self._log, self._rate, self._now, self._lead, HORIZON + WINDOW)
        for wish in first:
            if not self.full and wish.lane not in self.spent:
                wish.slot = self._take(wish, wish.due)
                if wish.slot is None and not self.full:
                    self.spent[wish.lane] = wish.units
        highs, others, waiting = deque(high), deque(normal), _Waiting()
        taken = Counter(held)
        while not self.full:
            wanted, soonest = self._next(highs, others, waiting)
            if wanted is None:
                break
            if wanted.lane in self.spent or taken[wanted.workspace] >= free:
                continue
            if self._give(wanted, waiting, soonest):
                taken[wanted.workspace] += 1
                free -= 1

    def give_back(self, lane: int, slot: Instant, units: int) -> None:
        """Take the slot of a start that is not made out of its logs. Not while reserving:
        a `Reservation` keeps sums of its log.
        """
        limits.give_back(self._log, self._rate, [slot] * units)
        if own := self._owns.get(lane):
            limits.give_back(*own, [slot] * units)

    def _give(self, wish: Wish, waiting: _Waiting, soonest: Instant) -> bool:
        """Give the channel's next slot, unless the lane's own limit lets the message start only
        after it: then it waits until the channel has come to that.
        """
        due = wish.due
        if own := self._owns.get(wish.lane):
            own_slot = self._of(wish.lane, own).next_slot(due, wish.units)
            if own_slot is None:
                self.spent[wish.lane] = wish.units
                return False
            if own_slot > (soonest or self._soonest()):
                waiting.put(wish, own_slot)
                return False
            due = own_slot
        wish.slot = self._take(wish, due)
        return wish.slot is not None

    def _next(
        self, highs: deque[Wish], others: deque[Wish], waiting: _Waiting
    ) -> tuple[Wish | None, Instant]:
        """Whose turn it is, and the channel's next slot where that was looked at (else 0).

        One that waits for its own limit goes as soon as the channel has come to its slot;
        when no other is left, the channel is let run ahead to it.
        """
        while True:
            soonest = 0
            if waiting.by_lane:
                soonest = self._soonest()
                if (wish := waiting.pop(soonest)) is not None:
                    return wish, soonest
            if not (highs or others):
                return waiting.pop(FOREVER), FOREVER
            to_high = highs and (not others or turns.high_slots(self._log.number, 1))
            wish = highs.popleft() if to_high else others.popleft()
            if not (waiting.by_lane and waiting.follow(wish)):
                return wish, soonest

    def _soonest(self) -> Instant:
        return self._shared.next_slot(0) or FOREVER

    def _take(self, wish: Wish, due: Instant) -> Instant | None:
        """The next slot, not before `due`, in every log the message falls under."""
        own = self._owns.get(wish.lane)
        if own is not None:
            own_slot = self._of(wish.lane, own).next_slot(due, wish.units)
            if own_slot is None:
                return None
            due = own_slot
        slot = self._shared.next_slot(due, wish.units)
        if slot is None or (wish.units == 1 and slot > self._latest):
            self.full = True
            return None
        self._shared.take(slot, wish.units)
        self.given.append(wish)
        if own is not None:
            self._of(wish.lane, own).take(slot, wish.units)
        return slot

    def _of(self, lane: int, own: OwnLimit) -> Reservation:
        if lane not in self._own:
            self._own[lane] = Reservation(*own, self._now, self._lead)
        return self._own[lane]


class _Waiting:
    """Wishes whose own limits let them start only after the channel's next slot: the soonest
    first, those of one lane in their order.

    Were they given their slots in turn, the channel's slots until then would be lost; were
    they left for a later reservation, they would find slots taken.
    """

    def __init__(self) -> None:
        self.by_lane: dict[int, deque[Wish]] = {}
        self._slots: dict[int, Instant] = {}
        self._soonest: list[tuple[Instant, int]] = []

    def follow(self, wish: Wish) -> bool:
        """Let a wish wait behind those of its lane; False when there are none."""
        behind = self.by_lane.get(wish.lane)
        if behind is not None:
            behind.append(wish)
        return behind is not None

    def put(self, wish: Wish, slot: Instant) -> None:
        """Let the first of a lane wait until the channel has come to `slot`."""
        self.by_lane.setdefault(wish.lane, deque()).appendleft(wish)
        self._slots[wish.lane] = slot
        heappush(self._soonest, (slot, wish.lane))

    def pop(self, by: Instant) -> Wish | None:
        """The first whose slot may have come `by` then."""
        # An entry whose slot is no longer its lane's is out of date.
        while self._soonest and self._slots.get(self._soonest[0][1]) != self._soonest[0][0]:
            heappop(self._soonest)
        if not self._soonest or self._soonest[0][0] > by:
            return None
        lane = self._soonest[0][1]
        wish = self.by_lane[lane].popleft()
        if not self.by_lane[lane]:
            del self.by_lane[lane], self._slots[lane]
        return wish
