"""How much a chore may do in one transaction: as much as takes a few milliseconds, learnt
from the transactions before.

Used by `maintenance` for what is deleted or rewritten in bulk. Deliveries share the writer,
and on PostgreSQL the disk: between two bites they go first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from queue_services.clock import Clock

LONGEST = 5_000
"""Microseconds that a bite may take: what a delivery may be held up by it, where it comes
just after.
"""
SMALLEST = 10
GROWTH = 1.25
REST = 0.02
"""Seconds between two bites, at least; after a long one four times as long as it took, so
that the work is a fifth of the time at most.
"""


class Bites:
    """The bites of one chore, `first` of its rows at the beginning and `most` at any time.
    A bite counts with its wait for the writer: who waits is busy.
    """

    def __init__(self, clock: Clock, first: int, most: int) -> None:
        self._clock, self.size, self._most = clock, min(first, most), most

    async def take_all(self, bite: Callable[[int], Awaitable[int]]) -> None:
        """Repeat `bite(size)`, which answers how many rows it did, until one did fewer than it
        might.
        """
        while True:
            size, began = self.size, self._clock.now()
            done = await bite(size)
            took = self._clock.now() - began
            if done >= size:
                self._learn(took)
            if done < size:
                return
            await self._clock.pause(max(REST, 4 * took / 1_000_000))

    def _learn(self, took: int) -> None:
        if took > LONGEST:
            self.size = max(SMALLEST, min(self.size // 2, self.size * LONGEST // took))
        elif took < LONGEST // 2:
            self.size = min(self._most, int(self.size * GROWTH) + 1)
