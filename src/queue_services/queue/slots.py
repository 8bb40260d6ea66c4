"""Gives slots: of a channel's limit, and of the lanes' own limits where they have one, in
one reservation.

Called by the claiming flow, and by the dispatcher for starts that missed their slot. Lock
order: lanes, then the channel's limit, just before the commit.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from heapq import heappop, heappush

from queue_services.domain import limits, turns
from queue_services.domain.limits import HORIZON, WINDOW, LimitLog, Reservation
from queue_services.domain.message import FOREVER, Channel, Instant
from queue_services.queue.lane_settings import read_log, slot_at, write
from queue_services.queue.lanes import Candidate, ClaimRequest, Lane
from queue_services.storage.port import Tx

OwnLimit = tuple[LimitLog, float]


class Slots:
    """The slots of one channel while its limit, and every lane that is asked for, are
    locked. `full`: there are none left.
    """

    def __init__(self, log: LimitLog, request: ClaimRequest, now: Instant) -> None:
        self._now, self._lead = now, request.lead
        self._latest = now + request.lead + HORIZON
        # A message of many units may look further ahead: single ones would take its room for ever.
        self._shared = Reservation(log, request.rate, now, request.lead, HORIZON + WINDOW)
        self._own: dict[int, Reservation] = {}
        self.full = False

    def soonest(self) -> Instant:
        """The channel's next slot; FOREVER when there is none."""
        return self._shared.next_slot(0) or FOREVER

    def own_slot(self, lane: int, own: OwnLimit | None, due: Instant, units: int) -> Instant | None:
        """When a lane's own limit lets a message of so many units start that is due at `due`;
        None: not within reach of this claim.
        """
        return due if own is None else self._reservation(lane, own).next_slot(due, units)

    def take(self, lane: int, own: OwnLimit | None, due: Instant, units: int) -> Instant | None:
        """The next slot of a message in both limits; None when its lane's limit has none, or
        the channel is `full`.
        """
        if own is not None:
            own_slot = self.own_slot(lane, own, due, units)
            if own_slot is None:
                return None
            due = own_slot
        slot = self._shared.next_slot(due, units)
        if slot is None or (units == 1 and slot > self._latest):
            self.full = True
            return None
        self._shared.take(slot, units)
        if own is not None:
            self._reservation(lane, own).take(slot, units)
        return slot

    def _reservation(self, lane: int, own: OwnLimit) -> Reservation:
        if lane not in self._own:
            self._own[lane] = Reservation(*own, self._now, self._lead)
        return self._own[lane]


class _Waiting:
    """Candidates whose own limits let them start only after the channel's next slot: the
    soonest first, those of one lane in their order.

    Were they given their slots in turn, the channel's slots until then would be lost; were
    they left for a later claim, they would find slots taken.
    """

    def __init__(self) -> None:
        self.by_lane: dict[int, deque[Candidate]] = {}
        self._slots: dict[int, Instant] = {}
        self._soonest: list[
            tuple[Instant, int]
        ] = []  # an entry whose slot is not its lane's any more counts for nothing

    def follow(self, candidate: Candidate) -> bool:
        """Let a candidate wait behind those of its lane; False when there are none."""
        behind = self.by_lane.get(candidate.lane)
        if behind is not None:
            behind.append(candidate)
        return behind is not None

    def put(self, candidate: Candidate, slot: Instant) -> None:
        """Let the first of a lane wait until the channel has come to `slot`."""
        self.by_lane.setdefault(candidate.lane, deque()).appendleft(candidate)
        self._slots[candidate.lane] = slot
        heappush(self._soonest, (slot, candidate.lane))

    def pop(self, by: Instant) -> Candidate | None:
        """The first whose slot may have come `by` then."""
        while self._soonest and self._slots.get(self._soonest[0][1]) != self._soonest[0][0]:
            heappop(self._soonest)
        if not self._soonest or self._soonest[0][0] > by:
            return None
        lane = self._soonest[0][1]
        candidate = self.by_lane[lane].popleft()
        if not self.by_lane[lane]:
            del self.by_lane[lane], self._slots[lane]
        return candidate


async def read_limit(
    tx: Tx, statement: str, channel: Channel, now: Instant
) -> tuple[LimitLog, bool]:
    """The channel's log and whether the channel is paused; a log with slots that no right
    clock can have reserved is silenced.
    """
    [[text, paused]] = await tx.fetch(statement, channel.value)
    log = read_log(text)
    if limits.astray(log, now):
        [[true_time]] = await tx.fetch(
            "read_clock"
        )  # it may be this process that is behind, as after a suspend: then the log is right
        if limits.astray(log, true_time):
            limits.silence(log, true_time)
    return log, bool(paused)


async def save_limit(tx: Tx, channel: Channel, log: LimitLog) -> None:
    """Store the channel's log, its row being locked."""
    await tx.fetch("save_limit", channel.value, write(log))


def reserve(
    log: LimitLog,
    request: ClaimRequest,
    lanes: dict[int, Lane],
    high: Sequence[Candidate],
    normal: Sequence[Candidate],
    now: Instant,
) -> list[tuple[Candidate, Instant]]:
    """Every fourth slot of the channel to a passed-over lane's `high` message while there
    is one; the others in turn.

    Each start takes a connection: a lane is done when its workspace holds as many as are left free.
    """
    first, rest = deque(high), deque(normal)
    held, free = Counter(request.held), request.free_connections
    slots, waiting = Slots(log, request, now), _Waiting()
    reserved: list[tuple[Candidate, Instant]] = []
    while (
        not slots.full
    ):  # for most candidates nothing waits and their lanes have no limit: those must cost little
        candidate, soonest = None, 0
        if waiting.by_lane:
            soonest = slots.soonest()
            candidate = waiting.pop(soonest)
        if candidate is None and (first or rest):
            candidate = (
                first.popleft()
                if not rest or (first and turns.high_slots(log.number, 1))
                else rest.popleft()
            )
            if waiting.by_lane and waiting.follow(candidate):
                continue
        elif candidate is None:
            candidate, soonest = waiting.pop(FOREVER), FOREVER
        if candidate is None:
            break
        lane = lanes[candidate.lane]
        if lane.spent or held[lane.workspace] >= free:
            continue
        due, own = lane.earliest(candidate), lane.own
        if own is not None and not _comes_now(
            candidate, lane, due, slots, waiting, soonest or slots.soonest()
        ):
            continue
        slot = slots.take(lane.id, own, due, candidate.units)
        if slot is not None:
            reserved.append((candidate, slot))
            held[lane.workspace] += 1
            free -= 1
    return reserved


def _comes_now(
    candidate: Candidate,
    lane: Lane,
    due: Instant,
    slots: Slots,
    waiting: _Waiting,
    soonest: Instant,
) -> bool:
    """Whether a candidate's own limit lets it have the channel's next slot; else it waits
    for a later one, or its lane is done.
    """
    own_slot = slots.own_slot(lane.id, lane.own, due, candidate.units)
    if own_slot is None:
        lane.spent, lane.wanted = True, candidate.units
    elif own_slot > soonest:
        waiting.put(candidate, own_slot)
    else:
        return True
    return False


def give_back(
    log: LimitLog, request: ClaimRequest, own: OwnLimit | None, slot: Instant, units: int
) -> None:
    """Take the slot of a start that is not made out of both limits."""
    limits.give_back(log, request.rate, [slot] * units)
    if own is not None:
        limits.give_back(*own, [slot] * units)


async def reserve_again(
    tx: Tx, request: ClaimRequest, missed: list[tuple[int, Instant, int]], now: Instant
) -> list[Instant | None]:
    """New slots for messages that missed theirs, before any new message; None where there
    is none yet.

    Each is given by its lane, the slot that goes back, and its units.
    """
    rows = await tx.each("lane_logs", [(lane,) for lane in sorted({lane for lane, _, _ in missed})])
    own = {lane: (read_log(text), rate) for lane, rate, text in rows if rate < request.rate}
    log, paused = await read_limit(tx, "lock_limit", request.channel, now)
    for lane, slot, units in missed:
        give_back(log, request, own.get(lane), slot, units)
    slots = Slots(log, request, now)
    found = [
        None if paused else slots.take(lane, own.get(lane), now, units) for lane, _, units in missed
    ]
    await tx.each(
        "save_lane_logs",
        [(lane, write(kept), slot_at(kept, rate)) for lane, (kept, rate) in own.items()],
    )
    await save_limit(tx, request.channel, log)
    return found


async def silence(tx: Tx, channel: Channel, now: Instant) -> None:
    """Let one window pass without a slot, and forget those before: after a clock error
    nobody knows when they really were.
    """
    log, _ = await read_limit(tx, "lock_limit", channel, now)
    limits.silence(log, now)
    await save_limit(tx, channel, log)
