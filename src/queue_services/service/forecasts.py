"""Forecasts: when more messages would start and finish, when a waiting one is expected, when a campaign ends. Used by the API, the dashboard and the CLI.

They are estimates from counts, and write nothing. For jobs and campaigns, which are asked about again and again, what other workspaces have waiting may
be a second old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from queue_services.clock import Clock
from queue_services.domain.forecast import Forecast, estimated_at, forecast
from queue_services.domain.load import Lane, Load, Wait
from queue_services.domain.message import SECOND, Channel, Instant, Status
from queue_services.storage import loads
from queue_services.storage.loads import Picture
from queue_services.storage.port import Database, Tx
from queue_services.storage.records import Campaign, Job

KEPT = SECOND
"""How long a picture of all lanes serves: many jobs may be asked about at once."""

__all__ = ["Forecast", "Forecasts"]


class Forecasts:
    """The forecasts of one process. `limits` are the settings', messages a second; `concurrency` how many deliveries go on at once."""

    def __init__(self, database: Database, clock: Clock, limits: Mapping[Channel, float], concurrency: int) -> None:
        self._database, self._clock, self._limits, self._concurrency = database, clock, limits, concurrency
        self._pictures: dict[Channel, Picture] = {}

    async def foresee(self, workspace: str, channel: Channel, count: int, at: Instant) -> Forecast:
        """When `count` more messages of a workspace, due at `at`, would start and finish under today's limits and backlog."""
        return await asyncio.to_thread(forecast, await self._load(workspace, channel, kept_for=0), count, at)

    async def of_job(self, job: Job) -> Job:
        """A job that waits, with when it is expected to start; any other as it is."""
        if job.status is not Status.SCHEDULED or job.waiting_for == Wait.PAUSE or job.next_attempt_at is None:
            return job
        load, ahead = await self._load(job.workspace, job.channel, kept_for=KEPT), await self._database.read(loads.ahead, job.id)
        expected = await asyncio.to_thread(estimated_at, load, ahead, job.next_attempt_at)
        return msgspec.structs.replace(job, estimated_at=expected.start_at)

    async def of_campaign(self, campaign: Campaign) -> Campaign:
        """A campaign that has messages waiting, with when the last of them is expected to be answered: it goes after all that are due by then."""
        if campaign.state == "paused" or campaign.last_due_at is None or not campaign.counts[Status.SCHEDULED]:
            return campaign
        loads_of = [await self._load(campaign.workspace, channel, kept_for=KEPT) for channel in campaign.channels]
        ends = [await asyncio.to_thread(forecast, load, 1, campaign.last_due_at) for load in loads_of]
        known = [end.end_at for end in ends if end.end_at is not None]
        return msgspec.structs.replace(campaign, estimated_end=max(known) if known and len(known) == len(ends) else None)

    async def _load(self, workspace: str, channel: Channel, kept_for: int) -> Load:
        """The channel beside one lane; the other lanes as they were at most `kept_for` microseconds ago."""
        now = self._clock.now()
        kept = self._pictures.get(channel)

        async def flow(tx: Tx) -> tuple[Picture, Lane]:
            fresh = kept if kept is not None and 0 <= now - kept.now < kept_for else await loads.picture(tx, channel, now)
            return fresh, await loads.lane(tx, workspace, channel, now)

        picture, lane = await self._database.read(flow)
        self._pictures[channel] = picture
        others = [other for name, other in picture.lanes.items() if name != workspace]
        return Load(now, self._limits[channel], lane, others, picture.paused, self._concurrency)
