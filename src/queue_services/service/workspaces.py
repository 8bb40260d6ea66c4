"""Workspaces: what is set for one, its limits in force, its holds, and which of them send
most. Used by the API, the dashboard and the CLI.

Every workspace exists: one that nobody has set anything for has the default tier. Raises
InvalidRequest and NotFound.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from queue_services.clock import Clock
from queue_services.domain.message import Channel
from queue_services.domain.scaling import Adjustment
from queue_services.domain.tiers import Limit
from queue_services.domain.workspace import Change, Workspace
from queue_services.queue import autoscaling, workspaces
from queue_services.queue.workspaces import LaneHold, Sort, Volume
from queue_services.storage.port import Database, Tx

__all__ = ["LaneHold", "Sort", "Terms", "Volume", "Workspaces"]


class Terms(msgspec.Struct, frozen=True):
    """What a workspace is served under: its settings, and by channel the limit in force."""

    workspace: Workspace
    limits: dict[Channel, Limit]


class Workspaces:
    """The workspace calls of one process; `service_limits` are the settings' limits by
    channel, messages a second.
    """

    def __init__(
        self, database: Database, clock: Clock, service_limits: Mapping[Channel, float]
    ) -> None:
        self._database, self._clock, self._service_limits = database, clock, service_limits

    async def terms(self, workspace: str) -> Terms:
        """What is set for a workspace, and its limits in force."""
        return await self._database.read(self._terms, workspace)

    async def change(self, workspace: str, change: Change) -> Terms:
        """Change what is set; dispatchers go by it from their next claim on. Raises
        InvalidRequest, and nothing is changed, for an unknown tier.
        """

        async def flow(tx: Tx) -> Terms:
            await workspaces.change(tx, workspace, change, self._clock.now())
            return await self._terms(tx, workspace)

        terms = await self._database.write(flow)
        self._database.wake()
        return terms

    async def pause(self, workspace: str, channel: Channel, *, paused: bool = True) -> Terms:
        """Hold a workspace's messages of a channel until it is resumed (`paused` false)."""
        return await self.change(workspace, Change(paused={channel: paused}))

    async def holds(self, workspace: str) -> list[LaneHold]:
        """Why a workspace's messages wait, by channel, and until when."""
        return await self._database.read(workspaces.holds, workspace, self._clock.now())

    async def lift(self, workspace: str, channel: Channel) -> bool:
        """End the hold that an endpoint's answers have put on a workspace's channel; whether
        there was one. Pauses and windows stay.
        """
        lifted = await self._database.write(workspaces.lift, workspace, channel, self._clock.now())
        self._database.wake()
        return lifted

    async def adjustments(
        self, workspace: str, channel: Channel, most: int = 50
    ) -> list[Adjustment]:
        """How automatic scaling has changed a workspace's limit, newest first."""
        return await self._database.read(autoscaling.adjustments, workspace, channel, most)

    async def busiest(
        self, sort: Sort, most: int, after: tuple[int, str] | None = None
    ) -> list[Volume]:
        """Workspaces by one of their figures, most first; `after` are the figure and id of the
        last one seen.
        """
        return await self._database.read(workspaces.busiest, sort, most, after)

    async def _terms(self, tx: Tx, workspace: str) -> Terms:
        return Terms(
            await workspaces.find(tx, workspace),
            await workspaces.limits(tx, workspace, self._service_limits),
        )
