"""A clock that can be moved: it goes at the pace of the real one, and `advance` lets days
pass in seconds, from wake to wake, with nothing left out.

Built by `bootstrap` for `serve --test-clock` in place of `Clock`. While it advances, time
stands still as long as anything is at work, and then jumps to the next instant that
something sleeps for. It knows of work by `working` alone; who is at work is
`stepping`'s to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Iterator
from itertools import count
from typing import Any

from queue_services.clock import Clock

CALM = 20
"""Turns of the event loop without any work after which nothing is about to begin: from an
outcome to its settling, or from a wake to a claim, are fewer.
"""
LONGEST_TIMER = 3600.0

Wake = tuple[int, int, bool, asyncio.Future[None]]


class SteppedClock(Clock):
    """`advance` moves it. A sleep until an instant, or a wait, stops the jump there; a
    pause between chores, or a poll, ends with the next stop after it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._moved = 0
        self._stands_at: int | None = None
        self._wakes: list[Wake] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._at_work = 0
        self._all_rest = asyncio.Event()
        self._advancing = asyncio.Lock()

    def now(self) -> int:
        """Real time and what it was moved by; while it advances, the instant at which it stands."""
        return super().now() + self._moved if self._stands_at is None else self._stands_at

    def steps_for(self, error: int) -> bool:  # noqa: ARG002 - whatever it is
        return False

    def correct(self, error: int, *, at_once: bool = False) -> bool:
        """Agree with the database's clock at the start, and never again: it goes its own way."""
        return at_once and super().correct(error, at_once=True)

    async def sleep_until(self, instant: int) -> None:
        """Return at `instant`; at once when it has passed."""
        while self.now() < instant:
            await self._wake_at(instant, stops=True)

    async def wait(self, signal: asyncio.Event, until: int, *, poll: int) -> None:
        """Return at the signal, at `until`, or with the first stop that is `poll` microseconds
        or more from now; at once when `until` has passed.
        """
        if (now := self.now()) < until and not signal.is_set():
            wakes = [self._wake_at(until, stops=True), self._wake_at(now + poll, stops=False)]
            waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(signal.wait()), *wakes]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waits:
                    one.cancel()

    async def pause(self, seconds: float) -> None:
        """Rest for so long, or until the next stop after that: in an hour in which nothing
        happens a chore is done once.
        """
        await self._wake_at(self.now() + round(seconds * 1_000_000), stops=False)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Something that takes real time is going on: time stands still meanwhile."""
        self.begin_work()
        try:
            yield
        finally:
            self.end_work()

    def begin_work(self) -> None:
        """Let time stand still until `end_work`."""
        self._at_work += 1
        self._all_rest.clear()

    def end_work(self) -> None:
        """Let time go on, where nothing else is at work."""
        self._at_work -= 1
        if not self._at_work:
            self._all_rest.set()

    async def advance(self, microseconds: int) -> int:
        """Move on by so much; the new time. Returns when all that fell due on the way is over;
        a second call waits for the first.
        """
        async with self._advancing:
            self._stands_at = self.now()
            until = self._stands_at + microseconds
            try:
                await self._calm()
                while (stop := self._next_stop()) <= until or self._stands_at < until:
                    self._stands_at = max(self._stands_at, min(stop, until))
                    self._ring()
                    await self._calm()
            finally:
                self._moved, self._stands_at = self._stands_at - super().now(), None
                self._set_timer()
            return until

    async def _calm(self) -> None:
        """Wait until nothing is at work or about to begin."""
        calm = 0
        while calm < CALM:
            await asyncio.sleep(0)
            calm += 1
            if self._at_work:
                await self._all_rest.wait()
                calm = 0

    def _wake_at(self, instant: int, *, stops: bool) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._wakes, (instant, next(self._numbers), stops, future))
        self._set_timer()
        return future

    def _next_stop(self) -> int:
        """The first instant that something sleeps for; a pause is none."""
        self._wakes = [wake for wake in self._wakes if not wake[3].done()]
        heapq.heapify(self._wakes)
        return min((instant for instant, _, stops, _ in self._wakes if stops), default=1 << 62)

    def _ring(self) -> None:
        """Wake whoever sleeps until now, in the order of their instants."""
        while self._wakes and self._wakes[0][0] <= self.now():
            future = heapq.heappop(self._wakes)[3]
            if not future.done():
                future.set_result(None)
        self._set_timer()

    def _set_timer(self) -> None:
        """Ring at the first wake, at the pace of real time, unless the clock is being moved."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._wakes and self._stands_at is None:
            seconds = max(
                0.0005, (self._wakes[0][0] - self.now()) / 1_000_000
            )  # an event loop's timers are a millisecond coarse, and may be early
            self._timer = asyncio.get_running_loop().call_later(
                min(seconds, LONGEST_TIMER), self._ring
            )
