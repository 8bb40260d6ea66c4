"""A campaign's messages as one: their counts, and ending, holding or moving all of them.
Used by the API, the dashboard and the CLI.

Every action is in force when it returns; maintenance brings the rows after it. Raises
NotFound and Conflict.
"""

from __future__ import annotations

from queue_services.clock import Clock
from queue_services.queue import campaigns
from queue_services.queue.records import Campaign
from queue_services.storage.port import Database


class Campaigns:
    """The campaign calls of one process. Counts are the messages that are not claimed,
    which an action acts on.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def summary(self, workspace: str, campaign: str) -> Campaign:
        """State, counts, first and last due time."""
        return await self._database.read(campaigns.summary, workspace, campaign, self._clock.now())

    async def cancel(self, workspace: str, campaign: str) -> int:
        """End every message that exists now."""
        return await self._database.write(campaigns.cancel, workspace, campaign, self._clock.now())

    async def pause(self, workspace: str, campaign: str) -> int:
        """Hold every message, and those scheduled later, until `resume`."""
        return await self._database.write(campaigns.pause, workspace, campaign, self._clock.now())

    async def resume(self, workspace: str, campaign: str) -> int:
        """Let a paused campaign's messages go."""
        count = await self._database.write(campaigns.resume, workspace, campaign, self._clock.now())
        self._database.wake()
        return count

    async def shift(self, workspace: str, campaign: str, delta: int) -> int:
        """Move the due times by `delta` microseconds, never to before now."""
        return await self._database.write(
            campaigns.shift, workspace, campaign, delta, self._clock.now()
        )
