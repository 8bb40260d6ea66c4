"""Forecasts: when more messages would start and finish, when a waiting one is expected,
when a campaign ends. Used by the API, the dashboard and the CLI.

They are estimates from counts, and write nothing. For jobs and campaigns, which are asked
about again and again, what other workspaces have waiting may be a second old.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from queue_services.clock import Clock
from queue_services.domain.forecast.backlog import Backlog, backlog, slowest_lanes
from queue_services.domain.forecast.competing_lanes import CompetingLanes
from queue_services.domain.forecast.estimate import Forecast, estimated_starts, forecast
from queue_services.domain.forecast.load import LaneLoad, Load, Wait
from queue_services.domain.message import SECOND, Channel, Instant, Priority, Status
from queue_services.queue import loads, queue_positions
from queue_services.queue.loads import LoadSnapshot
from queue_services.queue.records import Campaign, Job
from queue_services.storage.port import Database, Tx

KEPT = SECOND
"""How long a snapshot of all lanes serves: many jobs may be asked about at once."""
MOST_EXPECTED = 200
"""Of so many jobs at once it is said when they are expected to start: of any page of a list."""

__all__ = ["Forecast", "Forecasts"]


class Forecasts:
    """The forecasts of one process.

    `limits` are the settings', units a second; `concurrency` is how many deliveries go on
    at once; `counts_segments` says that an SMS may have several units.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        limits: Mapping[Channel, float],
        concurrency: int,
        *,
        counts_segments: bool = False,
    ) -> None:
        self._counts_units = {Channel.SMS} if counts_segments else set()
        self._database, self._clock, self._limits, self._concurrency = (
            database,
            clock,
            limits,
            concurrency,
        )
        self._snapshots: dict[Channel, LoadSnapshot] = {}

    async def foresee(self, workspace: str, channel: Channel, count: int, at: Instant) -> Forecast:
        """When `count` more messages of a workspace, due at `at`, would start and finish under
        today's limits and backlog.
        """
        return await asyncio.to_thread(
            forecast, (await self._loads([workspace], channel, kept_for=0))[workspace], count, at
        )

    async def of_job(self, job: Job) -> Job:
        """A job that waits, with when it is expected to start; any other as it is."""
        return (await self.of_jobs([job]))[0]

    async def of_jobs(self, found: Sequence[Job]) -> list[Job]:
        """Jobs in their order, those that wait with when each is expected to start: one load a
        channel and one timeline a lane and priority.

        More than MOST_EXPECTED stay as they are: who asks for so many statuses compares them,
        and would wait five times as long.
        """
        if len(found) > MOST_EXPECTED:
            return list(found)
        estimates: dict[str, Instant | None] = {}
        for channel in Channel:
            waiting = [job for job in found if job.channel is channel and _waits(job)]
            if waiting:
                estimates |= await self._estimates(channel, waiting)
        return [
            msgspec.structs.replace(job, estimated_at=estimates[job.id])
            if estimates.get(job.id) is not None
            else job
            for job in found
        ]

    async def of_campaign(self, campaign: Campaign) -> Campaign:
        """A campaign that has messages waiting, with when the last of them is expected to be
        answered: it goes after all that are due by then.
        """
        if (
            campaign.state == "paused"
            or campaign.last_due_at is None
            or not campaign.counts[Status.SCHEDULED]
        ):
            return campaign
        loads_of = [
            (await self._loads([campaign.workspace], channel, kept_for=KEPT))[campaign.workspace]
            for channel in campaign.channels
        ]
        ends = [
            await asyncio.to_thread(forecast, load, 1, campaign.last_due_at) for load in loads_of
        ]
        known = [end.end_at for end in ends if end.end_at is not None]
        return msgspec.structs.replace(
            campaign, estimated_end=max(known) if known and len(known) == len(ends) else None
        )

    async def backlog(self, channel: Channel, workspace: str | None = None) -> Backlog:
        """How many messages of a channel, or of one workspace on it, are due, and when the last of
        them starts as things stand.
        """
        now = self._clock.now()
        if workspace is not None:
            loads_of = await self._loads([workspace], channel, kept_for=KEPT)
            count = loads_of[workspace].lane.due
        else:
            snapshot = await self._database.read(
                loads.snapshot, channel, now, counts_units=channel in self._counts_units
            )
            count = sum(lane.due * lane.lanes for lane in snapshot.lanes.values())
            names = slowest_lanes(snapshot.lanes, self._limits[channel])
            loads_of = await self._loads(names, channel, kept_for=KEPT) if names else {}
        return await asyncio.to_thread(backlog, count, now, loads_of.values())

    async def _estimates(
        self, channel: Channel, waiting: Sequence[Job]
    ) -> dict[str, Instant | None]:
        """When each of some jobs of a channel that wait is expected to start; those that do no
        more when it is looked are left out.
        """
        loads_of = await self._loads(
            list(dict.fromkeys(job.workspace for job in waiting)), channel, kept_for=KEPT
        )
        backlogs = {workspace: load.lane.backlog for workspace, load in loads_of.items()}
        ahead = await self._database.read(
            queue_positions.places, [job.id for job in waiting], backlogs
        )
        queues = defaultdict[tuple[str, Priority], list[tuple[Instant, int, str]]](list)
        for job in waiting:
            if job.id in ahead:
                queues[job.workspace, job.priority].append(
                    (job.next_attempt_at or job.due_at, ahead[job.id], job.id)
                )

        def follow() -> dict[str, Instant | None]:
            found: dict[str, Instant | None] = {}
            for (workspace, _), queue in queues.items():
                queue.sort()
                starts = estimated_starts(
                    loads_of[workspace], [(due_at, before) for due_at, before, _ in queue]
                )
                found |= zip((job for _, _, job in queue), starts, strict=True)
            return found

        return await asyncio.to_thread(follow)

    async def _loads(
        self, workspaces: Sequence[str], channel: Channel, kept_for: int
    ) -> dict[str, Load]:
        """The channel beside the lane of each workspace; the other lanes as they were at most
        `kept_for` microseconds ago.
        """
        now = self._clock.now()
        kept, counts_units = self._snapshots.get(channel), channel in self._counts_units

        async def flow(tx: Tx) -> tuple[LoadSnapshot, dict[str, LaneLoad]]:
            fresh = (
                kept
                if kept is not None and 0 <= now - kept.now < kept_for
                else await loads.snapshot(tx, channel, now, counts_units=counts_units)
            )
            return fresh, await loads.lanes(tx, workspaces, channel, now, counts_units=counts_units)

        snapshot, lanes = await self._database.read(flow)
        self._snapshots[channel] = snapshot
        competing = CompetingLanes(snapshot.lanes, len(workspaces))
        return {
            name: Load(
                now,
                self._limits[channel],
                lane,
                competing.of(name),
                snapshot.paused,
                self._concurrency,
            )
            for name, lane in lanes.items()
        }


def _waits(job: Job) -> bool:
    return (
        job.status is Status.SCHEDULED
        and job.waiting_for != Wait.PAUSE
        and job.next_attempt_at is not None
    )
