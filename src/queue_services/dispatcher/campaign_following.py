"""Brings the messages of cancelled, resumed and shifted campaigns after them, and with them the
change feed.

Run by maintenance in a process that dispatches, by `bootstrap` in one that only serves: two
processes take different campaigns.
"""

from __future__ import annotations

import structlog

from queue_services.clock import Clock
from queue_services.errors import StoreUnavailable
from queue_services.queue import campaigns
from queue_services.storage.port import Database

INTERVAL_SECONDS = 0.25

log = structlog.get_logger(__name__)


class CampaignFollower:
    """Follows for one process; `writer` names it in the tallies."""

    def __init__(self, database: Database, clock: Clock, writer: str) -> None:
        self._database, self._clock, self._writer = database, clock, writer

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                await self.follow()
            except StoreUnavailable:
                pass
            except Exception:
                log.exception("campaigns.following_failed")
            await self._clock.pause(INTERVAL_SECONDS)

    async def follow(self) -> None:
        """Take a bite a transaction, every campaign in turn, until none is busy."""
        busy = True
        while busy:
            after, busy = 0, False
            while (
                advanced := await campaigns.advance.run(
                    self._database, after, self._clock.now(), self._writer
                )
            ) is not None:
                after, moved = advanced
                busy |= moved > 0
            if busy:
                self._database.wake()
