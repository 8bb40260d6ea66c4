"""Whether this process can do its work: its newest write and a probe of the store say so.

Asked by `/health/ready` alone; one object a process.
"""

from __future__ import annotations

import asyncio

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Instant
from queue_services.errors import StoreUnavailable
from queue_services.queue.dispatchers import check_writable
from queue_services.queue.intake import Intake
from queue_services.storage.port import Database

PROBE_EVERY = SECOND
FAILURE_COUNTS = 5 * SECOND
"""How long a failed write of the intake counts: a process that is asked nothing while it is not
ready writes nothing that could succeed.
"""


class Readiness:
    """Rewrites a small row at most once a second, however many ask at once."""

    def __init__(self, database: Database, clock: Clock, intake: Intake) -> None:
        self._database, self._clock, self._intake = database, clock, intake
        self._probe: asyncio.Task[StoreUnavailable | None] | None = None
        self._probed_at: Instant = 0

    async def check(self) -> None:
        """Raise StoreUnavailable while the newest write of the intake, or the probe, fails."""
        now = self._clock.now()
        failed = self._intake.failure
        if failed is not None and 0 <= now - failed.at < FAILURE_COUNTS:
            raise failed.error.with_traceback(None)
        if self._probe is None or (
            self._probe.done() and not 0 <= now - self._probed_at < PROBE_EVERY
        ):
            self._probed_at = now
            self._probe = asyncio.create_task(self._ask())
        # who stops asking does not stop the others' probe
        if (error := await asyncio.shield(self._probe)) is not None:
            raise error.with_traceback(None)

    async def _ask(self) -> StoreUnavailable | None:
        try:
            await check_writable.run(self._database)
        except StoreUnavailable as error:
            return error
        return None
