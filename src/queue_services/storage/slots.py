"""Gives slots: of a channel's limit, and of the lanes' own limits where they have one, in one reservation.

Called by the claiming flow, and by the dispatcher for starts that missed their slot. Lock order: lanes, then the channel's limit, just before the commit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from queue_services.domain import limits, turns
from queue_services.domain.limits import HORIZON, WINDOW, LimitLog, Reservation
from queue_services.domain.message import Channel, Instant
from queue_services.storage.lanes import Candidate, ClaimRequest, Lane
from queue_services.storage.port import Tx
from queue_services.storage.tenancy import read_log, write


class Slots:
    """The slots of one channel while its limit, and every lane that is asked for, are locked. `full`: there are none left."""

    def __init__(self, log: LimitLog, request: ClaimRequest, now: Instant) -> None:
        self._now, self._lead = now, request.lead
        self._latest = now + request.lead + HORIZON
        # A message of many units may look further ahead: single ones would take its room for ever.
        self._shared = Reservation(log, request.rate, now, request.lead, HORIZON + WINDOW)
        self._own: dict[int, Reservation] = {}
        self.full = False

    def take(self, lane: int, own: tuple[LimitLog, float] | None, due: Instant, units: int) -> Instant | None:
        """The next slot of a message of so many units, due at `due`, in both limits; None when its lane's limit has none, or the channel is `full`."""
        mine = None if own is None else self._own.get(lane) or self._own.setdefault(lane, Reservation(*own, self._now, self._lead))
        slot = due if mine is None else mine.next_slot(due, units)
        if slot is None:
            return None
        slot = self._shared.next_slot(slot, units)
        if slot is None or (units == 1 and slot > self._latest):
            self.full = True
            return None
        self._shared.take(slot, units)
        if mine is not None:
            mine.take(slot, units)
        return slot


async def read_limit(tx: Tx, statement: str, channel: Channel, now: Instant) -> tuple[LimitLog, bool]:
    """The channel's log and whether the channel is paused; a log with slots that no right clock can have reserved is silenced."""
    [[text, paused]] = await tx.fetch(statement, channel.value)
    log = read_log(text)
    if limits.astray(log, now):
        [[true_time]] = await tx.fetch("read_clock")  # it may be this process that is behind, as after a suspend: then the log is right
        if limits.astray(log, true_time):
            limits.silence(log, true_time)
    return log, bool(paused)


async def save_limit(tx: Tx, channel: Channel, log: LimitLog) -> None:
    """Store the channel's log, its row being locked."""
    await tx.fetch("save_limit", channel.value, write(log))


def reserve(
    log: LimitLog, request: ClaimRequest, lanes: dict[int, Lane], high: Iterable[Candidate], normal: Iterable[Candidate], now: Instant
) -> list[tuple[Candidate, Instant]]:
    """Every fourth slot of the channel to a passed-over lane's `high` message while there is one; the others in turn.

    Each start takes a connection: a lane is done when its workspace holds as many as are left free.
    """
    first, rest = iter(high), iter(normal)
    held, free = Counter(request.held), request.free_connections
    slots = Slots(log, request, now)
    reserved: list[tuple[Candidate, Instant]] = []
    while not slots.full:
        kept = bool(turns.high_slots(log.number, 1))
        candidate = next(first, None) or next(rest, None) if kept else next(rest, None) or next(first, None)
        if candidate is None:
            break
        lane = lanes[candidate.lane]
        if lane.spent or held[lane.workspace] >= free:
            continue
        slot = slots.take(lane.id, lane.own, lane.earliest(candidate), candidate.units)
        if slot is not None:
            reserved.append((candidate, slot))
            held[lane.workspace] += 1
            free -= 1
        elif not slots.full:
            lane.spent, lane.wanted = True, candidate.units
    return reserved


def give_back(log: LimitLog, request: ClaimRequest, own: tuple[LimitLog, float] | None, slot: Instant, units: int) -> None:
    """Take the slot of a start that is not made out of both limits."""
    limits.give_back(log, request.rate, [slot] * units)
    if own is not None:
        limits.give_back(*own, [slot] * units)


async def reserve_again(tx: Tx, request: ClaimRequest, missed: list[tuple[int, Instant, int]], now: Instant) -> list[Instant | None]:
    """New slots for messages that missed theirs, before any new message; None where there is none yet.

    Each is given by its lane, the slot that goes back, and its units.
    """
    rows = await tx.each("lane_logs", [(lane,) for lane in sorted({lane for lane, _, _ in missed})])
    own = {lane: (read_log(text), rate) for lane, rate, text in rows if rate < request.rate}
    log, paused = await read_limit(tx, "lock_limit", request.channel, now)
    for lane, slot, units in missed:
        give_back(log, request, own.get(lane), slot, units)
    slots = Slots(log, request, now)
    found = [None if paused else slots.take(lane, own.get(lane), now, units) for lane, _, units in missed]
    await tx.each("save_lane_logs", [(lane, write(kept), limits.next_free(kept, rate, now, 0)) for lane, (kept, rate) in own.items()])
    await save_limit(tx, request.channel, log)
    return found


async def silence(tx: Tx, channel: Channel, now: Instant) -> None:
    """Let one window pass without a slot, and forget those before: after a clock error nobody knows when they really were."""
    log, _ = await read_limit(tx, "lock_limit", channel, now)
    limits.silence(log, now)
    await save_limit(tx, channel, log)
