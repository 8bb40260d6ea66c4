"""A load sent message by message, by the rules that the claiming flow uses: what a forecast
is measured against.

    python -m tests.domain.load_world      # a table: 20 random loads, the end of each as
    simulated and as forecast

What stands for the real thing: a list of lanes for their table, one `LimitLog` for the
channel's row. A pass claims when a lane is ready and half of the horizon is free. There are
no stalls, late starts or failures here. A lane keeps its place while it waits for slots
that are there, and lanes that used up their turns in one pass stay in order.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections import deque
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from queue_services.domain import limits, turns
from queue_services.domain.calendar import Window, opening
from queue_services.domain.connections import allowance
from queue_services.domain.forecast.estimate import forecast
from queue_services.domain.forecast.load import LaneLoad, Load
from queue_services.domain.limits import LimitLog
from queue_services.domain.message import FOREVER, SECOND, Instant
from tests.domain.reserving import both, reserve

SOONEST_PASS = 2_000
LEAD = 4_000
LANES_A_CLAIM = 256
EPOCH = 1_700_000_000 * SECOND


@dataclass
class Sender:
    """A lane's row: its place, its own log, the connections it holds, and the due times of
    its messages in order.
    """

    number: int
    lane: LaneLoad
    due: deque[Instant]
    next_due_at: Instant = FOREVER
    slot_at: Instant = 0
    rest: int = 0
    log: LimitLog = field(default_factory=LimitLog)
    held: int = 0
    sent: int = 0

    def ready_at(self) -> Instant:
        return max(self.next_due_at, self.slot_at, self.lane.held_until)

    def visible(self, before: Instant, most: int) -> list[Instant]:
        """The due times of the first messages that may go by `before`: none while the window is
        closed.
        """
        if self.opening(before) > before:
            return []
        return [due for due in islice(self.due, most) if due <= before]

    def opening(self, at: Instant) -> Instant:
        return at if self.lane.window is None else opening(self.lane.window, self.lane.zone, at)

    def earliest(self, before: Instant) -> Instant:
        """When the lane has something visible next."""
        return self.opening(max(self.due[0], before)) if self.due else FOREVER


def own_place(log: LimitLog, rate: float) -> Instant:
    """When a lane's own limit has its next slot, whatever the order of slots may add: the
    pace's, or a window after the N-th slot back.
    """
    stamps = [stamp for stamp, count in limits.entries(log) for _ in range(count)]
    most = max(1, int(rate))
    back = stamps[-most] + round(limits.WINDOW * most / rate) if len(stamps) >= most else 0
    return max(log.pace + round(limits.WINDOW / rate), back)


class LoadWorld:
    """Sends a load, with `count` more messages of its lane due at `at`, and keeps when the
    first and the last of those start.
    """

    def __init__(self, load: Load, count: int, at: Instant, seed: int = 0) -> None:
        rnd = random.Random(seed)
        self.load = load
        self.log = LimitLog()
        mine = [
            (load.now, load.lane.due),
            *(wave for wave in load.lane.waves if wave[0] <= at),
            (at, count),
        ]
        lanes = [
            (lane, [(load.now, lane.due), *lane.waves])
            for lane in load.others
            for _ in range(lane.lanes)
            if not lane.paused
        ]
        self.senders = [
            self._sender(number, lane, arrivals, rnd)
            for number, (lane, arrivals) in enumerate([*lanes, (load.lane, mine)])
        ]
        self.mine = self.senders[-1]
        self.first = sum(number for _, number in mine) - count + 1
        self.last = self.first + count - 1
        self.starts: dict[int, Instant] = {}
        self.answers: list[tuple[Instant, int]] = []
        if any(s.due and s.due[0] <= load.now for s in self.senders):
            self._send_for_a_window(load)

    def _send_for_a_window(self, load: Load) -> None:
        """What is due now has been for a while: the channel's limit is in full use."""
        sent = int(load.limit)
        for number in range(sent):
            at = load.now - (sent - number) * limits.WINDOW // sent
            reserve(self.log, load.limit, at, 0, [at])

    def _sender(
        self, number: int, lane: LaneLoad, arrivals: list[tuple[Instant, int]], rnd: random.Random
    ) -> Sender:
        due = deque(at for at, count in sorted(arrivals) for _ in range(count))
        first = due[0] if due else FOREVER
        return Sender(
            number, lane, due, first if first > self.load.now else first - rnd.randrange(SECOND)
        )

    def run(self) -> tuple[Instant, Instant]:
        """When the first of the watched messages starts and the last is answered."""
        now = self.load.now
        while self.mine.sent < self.last:
            now = max(now + SOONEST_PASS, self._pass(now))
        return self.starts[self.first], self.starts[self.last] + self.load.lane.answer

    def _pass(self, now: Instant) -> Instant:
        """One claim; when the next can find something."""
        while self.answers and self.answers[0][0] <= now:
            self.senders[heapq.heappop(self.answers)[1]].held -= 1
        free_connections = self.load.concurrency - len(self.answers)
        free = min(limits.free(self.log, self.load.limit, now, LEAD), free_connections)
        before = now + LEAD
        if free > 0:
            ready = sorted(
                (s for s in self.senders if s.ready_at() <= before and s.held < free_connections),
                key=lambda s: (s.ready_at(), s.number),
            )
            self._claim(ready[: min(free, LANES_A_CLAIM)], now, free, free_connections)
        ready_at = min(s.ready_at() for s in self.senders)
        answered_at = self.answers[0][0] if self.answers else FOREVER
        if limits.free(self.log, self.load.limit, now, LEAD) == 0:
            ready_at = max(
                ready_at,
                limits.next_free(self.log, self.load.limit, now, LEAD) - limits.HORIZON // 2,
            )
        return min(answered_at, ready_at - LEAD)

    def _claim(self, lanes: list[Sender], now: Instant, free: int, free_connections: int) -> None:
        before = now + LEAD
        asked = [
            turns.Turn(s.lane.weight, s.rest, self._cap(s, now, free_connections)) for s in lanes
        ]
        shares = turns.shares(free, asked, more=len(lanes) == min(free, LANES_A_CLAIM))
        for place, (sender, turn, share) in enumerate(zip(lanes, asked, shares, strict=True)):
            taken = 0
            for due in sender.visible(before, share):
                slot = self._reserve(sender, now, due)
                if slot is None or sender.held >= self.load.concurrency - len(self.answers):
                    break
                taken += 1
                self._start(sender, slot)
            self._save(sender, turn, taken, free, now, place)

    def _cap(self, sender: Sender, now: Instant, free_connections: int) -> int:
        cap = allowance(free_connections, sender.held)
        return (
            min(cap, limits.free(sender.log, sender.lane.limit, now, LEAD))
            if sender.lane.limit
            else cap
        )

    def _reserve(self, sender: Sender, now: Instant, due: Instant) -> Instant | None:
        if sender.lane.limit is None or sender.lane.limit >= self.load.limit:
            slots = reserve(self.log, self.load.limit, now, LEAD, [due])
        else:
            slots = both(sender.log, sender.lane.limit, self.log, self.load.limit, now, LEAD, [due])
        return slots[0] if slots else None

    def _start(self, sender: Sender, slot: Instant) -> None:
        sender.due.popleft()
        sender.sent += 1
        sender.held += 1
        heapq.heappush(self.answers, (slot + sender.lane.answer, sender.number))
        if sender is self.mine and sender.sent in {self.first, self.last}:
            self.starts[sender.sent] = slot

    def _save(
        self, sender: Sender, turn: turns.Turn, taken: int, free: int, now: Instant, place: int
    ) -> None:
        before = now + LEAD
        due_at = sender.earliest(before)
        rest = 0
        if due_at <= before:
            rest = turns.rest_after(turn, taken, free)
            due_at = min(sender.next_due_at, now) if rest else now + place
        sender.next_due_at, sender.rest = due_at, rest
        if sender.lane.limit is not None and sender.lane.limit < self.load.limit:
            slot_at = own_place(sender.log, sender.lane.limit)
            sender.slot_at = (
                slot_at if slot_at > before else 0
            )  # else it would lose its place to a slot that it has already


def random_load(seed: int) -> tuple[Load, int, Instant]:
    """A load of 2 to 51 lanes, how many more messages are asked about and when those are due.

    The lanes have weights and limits as tiers give them, waves, holds, closed windows,
    pauses, and endpoints that answer in 50 ms to 2 s.
    """
    rnd = random.Random(seed)
    limit = rnd.choice([50, 100])
    seconds = rnd.randint(30, 90)
    now = EPOCH + rnd.randrange(86_400) * SECOND
    size = rnd.choice([1, 3, 8, 20, 50])
    most = max(1, 2 * limit * seconds // (size + 1))

    def soon() -> Instant:
        return now + rnd.randrange(seconds * SECOND)

    def lane() -> LaneLoad:
        return LaneLoad(
            due=rnd.choice([0, rnd.randint(1, most)]),
            waves=tuple(
                sorted(
                    (soon(), rnd.randint(1, max(1, most // 3))) for _ in range(rnd.randint(0, 2))
                )
            ),
            limit=rnd.choice([None, None, None, 10, 5, 1]),
            weight=rnd.choice([0.5, 1, 1, 2]),
            window=rnd.choice([None, None, None, None, Window("00:00", "12:00")]),
            held_until=rnd.choice([0, 0, 0, soon()]),
            paused=rnd.random() < 0.05,
            answer=rnd.choice([50_000, 50_000, 200_000, 500_000, 2 * SECOND]),
        )

    mine = msgspec.structs.replace(lane(), window=None, paused=False)
    mine = msgspec.structs.replace(mine, due=mine.due // 4)
    count = max(20, int(min(mine.limit or limit, limit) * seconds / rnd.choice([1, 3, 6])))
    return Load(now, limit, mine, [lane() for _ in range(size)]), count, rnd.choice([now, soon()])


def main() -> None:
    print("seed  lanes  limit  own  weight  count  simulated s  forecast s  error  limited by")
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 20):
        load, count, at = random_load(seed)
        foreseen = forecast(load, count, at)
        start, end = LoadWorld(load, count, at, seed).run()
        assert foreseen.end_at is not None
        assert foreseen.start_at is not None
        simulated, told = (end - load.now) / SECOND, (foreseen.end_at - load.now) / SECOND
        print(
            f"{seed:4} {len(load.others) + 1:6} {load.limit:6} {load.lane.limit or '-':>4}"
            f" {load.lane.weight:7} {count:6} {simulated:12.2f} {told:11.2f}"
            f" {told / simulated - 1:+7.1%}  {foreseen.limited_by:15} start"
            f" {(start - load.now) / SECOND:8.2f} {(foreseen.start_at - load.now) / SECOND:8.2f}"
        )


if __name__ == "__main__":
    main()
