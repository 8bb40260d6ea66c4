"""A channel as a whole: stopping it for every workspace, and letting it go on. Used by the
API, the dashboard and the CLI.
"""

from __future__ import annotations

from queue_services.domain.message import Channel
from queue_services.queue import workspaces
from queue_services.storage.port import Database


class Channels:
    """The channel calls of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pause(self, channel: Channel) -> None:
        """Let no message of the channel start; what is in flight ends, and slots reserved in
        the moments before are still used.
        """
        await self._database.write(workspaces.pause_channel, channel, paused=True)

    async def resume(self, channel: Channel) -> None:
        """Let the channel's messages start again."""
        await self._database.write(workspaces.pause_channel, channel, paused=False)
        self._database.wake()
