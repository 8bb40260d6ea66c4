"""Keeps a process's clock by the database's, and the store by the clock: where one was set
back, what is stored ahead of it is put right.

Run by maintenance in a process that dispatches, by `bootstrap` in one that only serves.
"""

from __future__ import annotations

import asyncio

import structlog

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.errors import StoreUnavailable
from queue_services.queue import clock_steps, dispatchers, slots
from queue_services.storage.port import Database

CLOCK_SECONDS = 2
"""How often the clock is measured: processes that follow a step one after the other disagree
for as long.
"""
UNDER_WAY = 15 * SECOND
"""What was begun with an instant of before a step has been stored by then."""
MEASUREMENTS = 5
CLOCK_GRAIN = 1_000
"""SQLite tells its clock in milliseconds."""

log = structlog.get_logger(__name__)


class ClockKeeper:
    """Follows the database's clock for one process. `lease` is the microseconds that a claim
    lasts.
    """

    def __init__(self, database: Database, clock: Clock, lease: int) -> None:
        self._database, self._clock, self._lease = database, clock, lease
        self._checking = asyncio.Lock()
        self._correct_at: list[Instant] = [0, clock.now() + UNDER_WAY]

    async def check(self) -> None:
        """Measure the clock; around a step, let one window pass in silence, and put right
        what is stored ahead of it: after every step, and once at the start, when nobody
        knows whether the clock was set while no process ran. After a step once more, for
        what was under way with instants of before, and for claims: a process that has not
        followed yet would take a lease that was corrected for one that has run out.

        The silence is in the store before the clock is stepped: a claim between the two would
        take slots of the old time for long past. Raises StoreUnavailable.
        """
        # Two at once would each step the clock by the same error.
        async with self._checking:
            await self._check()

    async def _check(self) -> None:
        error = await measure(self._database, self._clock)
        if self._clock.steps_for(error):
            for channel in Channel:
                await self._database.write(slots.silence, channel, self._clock.now() + error)
        if self._clock.correct(error):
            log.warning("the clock was wrong and has been stepped", error_ms=error / 1000)
            self._correct_at = [0, self._clock.now() + UNDER_WAY]
        if self._correct_at and self._clock.now() >= self._correct_at[0]:
            lease = None if len(self._correct_at) > 1 else self._lease
            count = await clock_steps.correct(self._database, self._clock.now(), lease)
            del self._correct_at[0]
            if count:
                log.warning("instants ahead of the clock were corrected", rows=count)

    async def run(self) -> None:
        """Check again and again until cancelled, whatever one check meets."""
        while True:
            try:
                await self.check()
            except StoreUnavailable:
                pass
            except Exception:
                log.exception("the clock could not be checked")
            await self._clock.pause(CLOCK_SECONDS)


async def measure(database: Database, clock: Clock) -> int:
    """How far the database's clock is surely ahead of `clock`, microseconds: by the
    quickest of some round trips, less what it leaves unknown.
    """
    quickest, error = None, 0
    for _ in range(MEASUREMENTS):
        before = clock.now()
        there = await dispatchers.read_clock.run(database)
        took = clock.now() - before
        if quickest is None or took < quickest:
            quickest, error = took, there - before - took // 2
    unknown = (quickest or 0) // 2 + CLOCK_GRAIN
    return max(0, abs(error) - unknown) * (1 if error > 0 else -1)
