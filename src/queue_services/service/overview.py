"""What the dashboard shows of the whole service: figures of the channels, counts by status,
campaigns, endpoints, dispatchers. Used by the dashboard.

`workspace` restricts a call to one workspace (a workspace key's); None is all of them.
Nothing here changes anything.
"""

from __future__ import annotations

from queue_services.clock import Clock
from queue_services.domain.message import Channel
from queue_services.queue import operations, overview
from queue_services.queue.overview import (
    Answered,
    CampaignLine,
    ChannelFigures,
    Counts,
    LiveDispatcher,
    Matching,
    Wave,
)
from queue_services.queue.records import JobFilter
from queue_services.storage.port import Database

__all__ = [
    "Answered",
    "CampaignLine",
    "ChannelFigures",
    "Counts",
    "LiveDispatcher",
    "Matching",
    "Overview",
    "Wave",
]


class Overview:
    """The overview calls of one process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def channels(self, workspace: str | None = None) -> dict[Channel, ChannelFigures]:
        """Both channels as they are now."""
        return await self._database.read(overview.channels, workspace, self._clock.now())

    async def wave(self, channel: Channel, workspace: str | None = None) -> Wave | None:
        """The next messages of a channel that fall due."""
        return await self._database.read(overview.wave, channel, workspace, self._clock.now())

    async def counts(
        self, workspace: str | None, channel: Channel | None = None, campaign: str | None = None
    ) -> Counts:
        """Jobs by status, exactly, of what is named."""
        by_channel = await self._database.read(
            overview.counts, workspace, campaign, self._clock.now()
        )
        wanted = [channel] if channel is not None else list(Channel)
        return {
            status: sum(by_channel[one][status] for one in wanted)
            for status in by_channel[wanted[0]]
        }

    async def count_matching(self, wanted: JobFilter) -> Matching:
        """Jobs that match a filter by status, the filter's own left aside; exact to 10,000."""
        return await self._database.read(overview.count_matching, wanted, self._clock.now())

    async def campaigns(
        self, workspace: str | None, name: str | None, before: int | None, most: int
    ) -> list[CampaignLine]:
        """Campaigns, the newest first; `before` is the id of the last one seen."""
        return await self._database.read(
            overview.campaigns, workspace, name, before, most, self._clock.now()
        )

    async def campaign_rate(self, workspace: str, name: str) -> float:
        """How many messages of a campaign ended a second, of late."""
        return await self._database.read(overview.campaign_rate, workspace, name, self._clock.now())

    async def next_of_campaign(self, job: str) -> str | None:
        """The job scheduled after this one in its campaign."""
        return await self._database.read(overview.next_of_campaign, job)

    async def answers(self, workspace: str, most: int = 10) -> list[Answered]:
        """How a workspace's endpoint answered of late."""
        return await self._database.read(overview.answers, workspace, most)

    async def dispatchers(self) -> list[LiveDispatcher]:
        """The dispatching processes that have told of themselves and have not stopped."""
        return await self._database.read(overview.dispatchers)

    async def size(self) -> int:
        """How many bytes the database takes."""
        return await self._database.read(overview.size)

    async def secret(self, proposed: str) -> str:
        """The secret that signs the dashboard's cookies in every process: the first that was
        proposed.
        """
        return await self._database.write(operations.secret, proposed)
