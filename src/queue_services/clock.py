"""The one clock: monotonic time plus an offset that is measured against the database, so
that all processes agree and no step is ever seen.

Built by `bootstrap`; everything else is given `now` or this object. Nothing else reads a
clock. Instants are integer microseconds since 1970, UTC.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

SLEW = 0.005
"""How fast the offset follows a measured error: seconds a second. Slow enough that no
window of a second is shortened by what a limit leaves free.
"""
STEP = 5_000
"""A larger error, in microseconds, is stepped at once; the caller must then let one window
pass in silence. Clocks 40 ms apart put 66 sends into a second where 50 was set; the limits
bear about 7 (docs/decisions/limits.md).
"""


class Clock:
    """`monotonic` returns seconds that never go back, `wall` seconds since 1970; both are
    injected by tests.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._monotonic = monotonic
        self._offset = round((wall() - monotonic()) * 1_000_000)
        self._error = 0
        self._measured_at = monotonic()
        self._steps = 0

    @property
    def steps(self) -> int:
        """How often it was stepped: instants before and after one are of different times."""
        return self._steps

    def now(self) -> int:
        at = self._monotonic()
        return round(at * 1_000_000) + self._offset + self._slewed(at)

    def steps_for(self, error: int) -> bool:
        """Whether `correct` steps the clock for such an error."""
        return abs(error) > STEP

    def correct(self, error: int, *, at_once: bool = False) -> bool:
        """Take in a measured error (true time less `now()`, microseconds); whether the clock
        stepped: for a large error, or where asked for `at_once`.
        """
        at = self._monotonic()
        self._offset += self._slewed(at)
        self._measured_at = at
        stepped = at_once or self.steps_for(error)
        self._offset += error if stepped else 0
        self._steps += stepped
        self._error = 0 if stepped else error
        return stepped

    async def sleep_until(self, instant: int) -> None:
        """Return at `instant` or as soon after it as the event loop can; at once when it has
        passed. Before it only where the clock was stepped meanwhile: when the time is over that
        there was to wait then.
        """
        steps = self._steps
        while (left := instant - self.now()) > 0 and self._steps == steps:
            await asyncio.sleep(
                max(left, 500) / 1_000_000
            )  # an event loop's timers are a millisecond coarse, and may be early

    async def wait(self, signal: asyncio.Event, until: int, *, poll: int) -> None:
        """Return at the signal, at `until`, or after `poll` microseconds, in case the signal
        was lost; at once when `until` has passed.
        """
        left = min(until - self.now(), poll)
        if left > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    left / 1_000_000
                ):  # wait_for, before Python 3.12, loses a cancel that comes with the signal
                    await signal.wait()

    async def pause(self, seconds: float) -> None:
        """The rest between two rounds of a chore: nothing depends on its length."""
        await asyncio.sleep(seconds)

    def _slewed(self, at: float) -> int:
        """How much of the measured error has been made up so far."""
        if not self._error:
            return 0
        most = round((at - self._measured_at) * SLEW * 1_000_000)
        return max(-most, min(most, self._error))
