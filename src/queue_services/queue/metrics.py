"""The figures of the service and its workspaces, resetting them, their history, and what a
monitoring system is told. Used by the API and the CLI.

All come from the store: every process answers the same, before and after a restart.
`workspace` None is the whole service. Raises InvalidRequest.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from queue_services.clock import Clock
from queue_services.domain.figures import DAY, MOST_POINTS, Figures, step
from queue_services.domain.message import Channel, Instant
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import exposition, figures, history, workspaces
from queue_services.queue.exposition import Exposition, Totals
from queue_services.queue.figures import Entry, Exceeded, Ranking, Use
from queue_services.queue.history import Point
from queue_services.queue.tallies import ALL, MINUTE, HistogramKind
from queue_services.storage.port import Database, Tx
from queue_services.wire.metrics import STEP_SECONDS

__all__ = [
    "Entry",
    "Exceeded",
    "Exposition",
    "HistogramKind",
    "History",
    "Metrics",
    "Point",
    "Ranking",
    "ServiceFigures",
    "Totals",
    "Use",
    "WorkspaceUse",
]

MOST_WORKSPACES = 1_000
FEW_DETAILS = 5
MOST_DETAILS = 50
BUSIEST = 50


class ServiceFigures(msgspec.Struct, frozen=True):
    """Figures by channel, and the workspaces that were over a limit, worst first."""

    channels: dict[Channel, Figures]
    ranking: Ranking


class WorkspaceUse(msgspec.Struct, frozen=True):
    """A workspace's tier, and what it has of each channel."""

    tier: str
    channels: dict[Channel, Use]


class History(msgspec.Struct, frozen=True):
    """Points, one every `step` seconds."""

    step: int
    points: list[Point]


class Metrics:
    """The metrics calls of one process; `service_limits` are the settings' limits by
    channel, messages a second.
    """

    def __init__(
        self, database: Database, clock: Clock, service_limits: Mapping[Channel, float]
    ) -> None:
        self._database, self._clock, self._service_limits = database, clock, service_limits

    async def figures(self, workspace: str | None = None) -> ServiceFigures:
        """The figures since the last reset; of one workspace they name itself alone."""

        async def flow(tx: Tx) -> ServiceFigures:
            if workspace is None:
                return ServiceFigures(
                    await figures.figures(tx),
                    await figures.ranking(tx, MOST_WORKSPACES, FEW_DETAILS),
                )
            counted = await figures.figures(tx, workspace)
            over = {
                channel: one
                for channel, one in (
                    await figures.exceeded(tx, workspace, counted, FEW_DETAILS)
                ).items()
                if one.count
            }
            by_channel = {
                channel: [over[channel]] if channel in over else [] for channel in Channel
            }
            return ServiceFigures(counted, Ranking(by_channel, {workspace: over} if over else {}))

        return await self._database.read(flow)

    async def workspace(self, workspace: str) -> WorkspaceUse:
        """What a workspace uses, and how often it was over its limits since the last reset."""

        async def flow(tx: Tx) -> WorkspaceUse:
            settings = await workspaces.find(tx, workspace)
            return WorkspaceUse(
                settings.tier,
                await figures.uses(
                    tx, workspace, self._service_limits, MOST_DETAILS, self._clock.now()
                ),
            )

        return await self._database.read(flow)

    async def reset(self, channel: Channel | None = None, workspace: str | None = None) -> None:
        """Count figures from now on: a workspace's, or the service's and every workspace's; of
        one channel or both.
        """
        channels = list(Channel) if channel is None else [channel]
        await self._database.write(
            figures.reset, ALL if workspace is None else workspace, channels, self._clock.now()
        )

    async def history(
        self,
        workspace: str | None = None,
        channel: Channel | None = None,
        *,
        begin: Instant | None = None,
        end: Instant | None = None,
        seconds: int | None = None,
    ) -> History:
        """What was sent, failed and exceeded between two instants (by default the last day), in
        steps of `seconds` or of what is left of that time.
        """
        now = self._clock.now()
        end = now if end is None else end
        begin = end - DAY * MINUTE if begin is None else begin
        if begin > end:
            raise InvalidRequest(Fault("from", "must not be after `to`"))
        first, behind = begin // MINUTE, -(-end // MINUTE)
        every = step(first, behind, now // MINUTE, seconds) // 60
        first = first // every * every
        if behind - first > MOST_POINTS * every:
            raise InvalidRequest(
                Fault(
                    STEP_SECONDS,
                    f"would make more than {MOST_POINTS:,} points; make it larger, or the time"
                    " shorter",
                )
            )
        channels = list(Channel) if channel is None else [channel]
        points = await self._database.read(
            history.read, ALL if workspace is None else workspace, channels, first, behind, every
        )
        return History(every * 60, points)

    async def exposition(self) -> Exposition:
        """What a monitoring system is told, with the busiest workspaces."""
        return await self._database.read(exposition.read, BUSIEST, self._clock.now())
