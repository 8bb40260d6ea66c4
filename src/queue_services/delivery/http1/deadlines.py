"""Time limits of many requests with one timer for all of them.

Every entry has the same time, so they end in the order in which they began: a dict that
keeps that order is all the structure there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import takewhile
from typing import Generic, TypeVar

CLOCK_SECONDS = 0.001  # as fine as uvloop's clock is

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Calls `expire` with each entry that is not discarded within `seconds`."""

    def __init__(self, seconds: float, expire: Callable[[T], None]) -> None:
        self._seconds, self._expire = seconds, expire
        self._loop = asyncio.get_running_loop()
        self._ends: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, entry: T) -> None:
        """Begin the time of an entry."""
        self._ends[entry] = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._sweep)

    def discard(self, entry: T) -> None:
        """End the time of an entry, if it runs."""
        self._ends.pop(entry, None)

    def close(self) -> None:
        """Forget every entry."""
        self._ends.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _sweep(self) -> None:
        """Expire what is over, each in a step of its own, and sleep until the end of the oldest
        that is not.
        """
        now = self._loop.time() + CLOCK_SECONDS
        over = [entry for entry, _ in takewhile(lambda pair: pair[1] <= now, self._ends.items())]
        for entry in over:
            del self._ends[entry]
            self._loop.call_soon(self._expire, entry)
        oldest = next(iter(self._ends.values()), None)
        self._timer = None if oldest is None else self._loop.call_at(oldest, self._sweep)
