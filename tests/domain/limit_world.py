"""A simulated service that sends under one limit: processes, their stalls, slow commits,
clocks of their own and crashes, all from one seed.

    python -m tests.domain.limit_world              # a table: densest second at the
    receiver, share of the limit used python -m tests.domain.limit_world without      # the
    same at 50/s with one part of the rule taken away at a time

What stands for the real thing: a heap of instants for the event loops, one `LimitLog` for
the limit's row, one instant for its lock. Each process repeats a pass: it reads `now`,
reaches the row when its lock is free, gives back what was late, reserves, commits, and
starts each message at its slot.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from queue_services.domain import limits
from queue_services.domain.limits import HORIZON, LATE, WINDOW, LimitLog, give_back, lead_after
from queue_services.domain.message import SECOND, Instant
from tests.domain.reserving import reserve
from tests.support.densest import densest

MILLISECOND = 1_000
EPOCH = 1_700_000_000 * SECOND
WIRE = 5 * MILLISECOND
Event = Callable[[Instant], None]


@dataclass(frozen=True)
class Stalls:
    """When a process's loop does not run: `per_second` times in each second, for up to
    `longest` microseconds (always that long if `steady`).
    """

    per_second: int = 0
    longest: int = 0
    steady: bool = False

    def spans(self, rnd: random.Random, seconds: int) -> list[tuple[Instant, Instant]]:
        starts = [
            EPOCH + second * SECOND + rnd.randrange(SECOND)
            for second in range(seconds)
            for _ in range(self.per_second)
        ]
        return [
            (start, start + (self.longest if self.steady else rnd.randint(0, self.longest)))
            for start in sorted(starts)
        ]


@dataclass
class Process:
    """One dispatcher: when it stalls, how far its clock is ahead, and what it must give
    back (slot, due time).
    """

    stalls: deque[tuple[Instant, Instant]]
    clock_ahead: int
    commits: deque[int] = field(default_factory=lambda: deque([0], maxlen=32))
    late: list[tuple[Instant, Instant]] = field(default_factory=list)
    life: int = 0  # counts restarts: what an earlier life had planned does not happen


@dataclass
class World:
    """Runs `processes` against one limit of `rate` for `seconds`. `sent` is when the
    receiver got each message, `lateness` its start after its due time.

    `arrivals`: the due times of all messages; None: a backlog that never ends. `commits`:
    the shortest and longest time from `now` to commit.
    """

    rate: float
    seed: int = 0
    processes: int = 1
    seconds: int = 30
    commits: tuple[int, int] = (10 * MILLISECOND, 20 * MILLISECOND)
    stalls: Stalls = Stalls()
    arrivals: Sequence[Instant] | None = None
    crashes_per_minute: float = 0
    clocks_apart: int = 0
    every: int = 50 * MILLISECOND
    late: int = LATE
    horizon: int = HORIZON
    sent: list[Instant] = field(default_factory=list)
    lateness: list[int] = field(default_factory=list)
    given_back: int = 0

    def run(self) -> World:
        self._random = random.Random(self.seed)
        self._end = EPOCH + self.seconds * SECOND
        self._log, self._lock_free = LimitLog(), EPOCH
        self._waiting = sorted(self.arrivals or [])
        self._events: list[tuple[Instant, int, Event]] = []
        self._planned = 0
        for at in range(self.processes):
            ahead = self._random.randint(-self.clocks_apart // 2, self.clocks_apart // 2)
            process = Process(deque(self.stalls.spans(self._random, self.seconds)), ahead)
            self._pass_at(process, EPOCH + at * self.every // self.processes)
            self._crash_after(process, EPOCH)
        while self._events and self._events[0][0] < self._end:
            at, _, event = heapq.heappop(self._events)
            event(at)
        return self

    def densest(self) -> int:
        return densest(self.sent, SECOND)

    def used(self) -> float:
        """The share of the limit that was sent, over whole windows; the burst that opens an
        idle limit and the end are left out.
        """
        first = EPOCH + 2 * SECOND
        last = first + (self._end - SECOND // 2 - first) // WINDOW * WINDOW
        return sum(first <= at < last for at in self.sent) * SECOND / (last - first) / self.rate

    def _plan(self, at: Instant, event: Event) -> None:
        self._planned += 1
        heapq.heappush(self._events, (at, self._planned, event))

    def _plan_on(self, process: Process, at: Instant, event: Event) -> None:
        """Run `event` when the process's loop gets to it, unless the process has died by then."""
        for start, end in process.stalls:
            if start <= at < end:
                at = end
        life = process.life
        self._plan(
            at + self._random.randint(0, MILLISECOND),
            lambda now: event(now) if process.life == life else None,
        )

    def _pass_at(self, process: Process, at: Instant) -> None:
        self._plan_on(process, at, lambda now: self._claim(process, now))

    def _claim(self, process: Process, began: Instant) -> None:
        while process.stalls and process.stalls[0][1] < began - SECOND:
            process.stalls.popleft()
        took = self._random.randint(*self.commits)
        self._plan(began + took // 2, lambda now: self._lock(process, began, now, took // 2))

    def _lock(self, process: Process, began: Instant, now: Instant, held: int) -> None:
        if now < self._lock_free:
            self._plan(self._lock_free, lambda later: self._lock(process, began, later, held))
            return
        self._lock_free = now + held
        given = self._reserve(process, began + process.clock_ahead)
        self._plan_on(
            process, now + held, lambda known: self._committed(process, began, known, given)
        )

    def _reserve(self, process: Process, clock: Instant) -> list[tuple[Instant, Instant]]:
        """Give back what was late and reserve anew, that first; the (slot, due time) of each
        message claimed.
        """
        late, process.late = process.late, []
        give_back(self._log, self.rate, [slot for slot, _ in late])
        self.given_back += len(late)
        lead = lead_after(process.commits)
        if self.arrivals is None:
            return [
                (slot, clock)
                for slot in reserve(
                    self._log, self.rate, clock, lead, [clock] * 1_000, self.horizon
                )
            ]
        self._waiting[:0] = [due for _, due in late]
        due = [at for at in self._waiting[:1_000] if at <= clock + lead + self.horizon]
        slots = reserve(self._log, self.rate, clock, lead, due, self.horizon)
        del self._waiting[: len(slots)]
        return list(zip(slots, due, strict=False))

    def _committed(
        self, process: Process, began: Instant, known: Instant, given: list[tuple[Instant, Instant]]
    ) -> None:
        process.commits.append(known - began)
        for slot, due in given:
            self._start_at(process, max(slot - process.clock_ahead, known), slot, due)
        self._pass_at(process, max(known, began + self.every))

    def _start_at(self, process: Process, at: Instant, slot: Instant, due: Instant) -> None:
        self._plan_on(process, at, lambda now: self._start(process, now, slot, due))

    def _start(self, process: Process, now: Instant, slot: Instant, due: Instant) -> None:
        if now + process.clock_ahead > slot + self.late:
            process.late.append((slot, due))
            return
        self.sent.append(now + self._random.randint(0, WIRE))
        self.lateness.append(now + process.clock_ahead - due)

    def _crash_after(self, process: Process, now: Instant) -> None:
        if self.crashes_per_minute:
            self._plan(
                now + round(self._random.expovariate(self.crashes_per_minute / 60) * SECOND),
                lambda at: self._crash(process, at),
            )

    def _crash(self, process: Process, now: Instant) -> None:
        """What it had reserved is neither sent nor given back; it starts again a second later."""
        process.life += 1
        process.late = []
        process.commits = deque([0], maxlen=32)
        self._pass_at(process, now + SECOND)
        self._crash_after(process, now)


def table() -> None:
    cases = {
        "none": Stalls(),
        "one up to 60 ms": Stalls(1, 60_000),
        "one of 60 ms": Stalls(1, 60_000, steady=True),
        "three up to 150 ms": Stalls(3, 150_000),
    }
    print("stalls a second     commits up to  processes   N/s  densest   used  given back")
    for stalls, commit, processes in [
        (stalls, commit, processes)
        for stalls in cases
        for commit in (2, 20)
        for processes in (1, 3)
    ]:
        for rate in (5, 50, 100, 200, 1000):
            commits = (commit * MILLISECOND // 2, commit * MILLISECOND)
            worlds = [
                World(rate, seed, processes, 30, commits, cases[stalls]).run() for seed in range(3)
            ]
            most, least, back = (
                max(w.densest() for w in worlds),
                min(w.used() for w in worlds),
                sum(w.given_back for w in worlds),
            )
            print(
                f"{stalls:20}{commit:10} ms{processes:12}{rate:7}{most:9}{least:8.2%}{back:10}",
                flush=True,
            )


def without() -> None:
    parts: list[tuple[str, dict[str, int], dict[str, Any]]] = [
        ("the whole rule", {}, {}),
        ("a window of a second exactly", {"WINDOW": SECOND}, {}),
        ("starts up to 20 ms late made", {}, {"late": 20 * MILLISECOND}),
        ("no lead", {"MAX_LEAD": 0}, {}),
        ("no catching up", {"CATCH_UP": 0}, {}),
        ("no horizon", {}, {"horizon": 0}),
        ("no horizon and no lead", {"MAX_LEAD": 0}, {"horizon": 0}),
        ("clocks up to 6 ms apart", {}, {"clocks_apart": 6 * MILLISECOND}),
        ("clocks up to 40 ms apart", {}, {"clocks_apart": 40 * MILLISECOND}),
    ]
    for name, constants, options in parts:
        with ExitStack() as patched:
            for constant, value in constants.items():
                patched.enter_context(patch.object(limits, constant, value))
            worlds = [
                World(50, seed, 3, stalls=Stalls(1, 60 * MILLISECOND), **options).run()
                for seed in range(5)
            ]
        print(
            f"{name:32}{max(w.densest() for w in worlds):5}{min(w.used() for w in worlds):9.2%}",
            flush=True,
        )


if __name__ == "__main__":
    without() if sys.argv[1:] == ["without"] else table()
