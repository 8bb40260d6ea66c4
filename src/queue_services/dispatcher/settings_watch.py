"""Keeps a process on the settings that the store has: ends pauses and limits whose time has
come, and refreshes the service's limits.

Run by `bootstrap` in every process, so that an end is kept also while no dispatcher runs.
"""

from __future__ import annotations

import structlog

from queue_services.clock import Clock
from queue_services.errors import StoreUnavailable
from queue_services.queue import timed_ends
from queue_services.queue.service_limits import ServiceLimits
from queue_services.storage.port import Database

INTERVAL_SECONDS = 0.25

log = structlog.get_logger(__name__)


class SettingsWatch:
    """The watch of one process; `limits` are refreshed in place. `sends`: its limits are those
    that messages are sent by, and are written down.
    """

    def __init__(
        self, database: Database, clock: Clock, limits: ServiceLimits, *, sends: bool = False
    ) -> None:
        self._database, self._clock, self._limits, self._sends = database, clock, limits, sends

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailable:
                pass
            except Exception:
                log.exception("settings.watch_failed")
            await self._clock.pause(INTERVAL_SECONDS)

    async def look(self) -> None:
        """End what has come to its end, and read the limits."""
        now = self._clock.now()
        for kind, workspace, name in await timed_ends.due.run(self._database, now):
            if await timed_ends.end.run(self._database, kind, workspace, name, now):
                log.info("settings.ended", kind=kind.value, workspace=workspace, name=name)
        await self._limits.refresh(self._database)
        if self._sends:
            await self._limits.note(self._database, now)
