"""The operations on workspaces, on one store at one clock's time: what a tenant's
administrator does in a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from queue_services.clock import Clock
from queue_services.domain.message import Channel
from queue_services.domain.scaling import Adjustment
from queue_services.domain.workspace import Change
from queue_services.queue import autoscaling, workspaces
from queue_services.queue.workspaces import EffectiveSettings, LaneHold
from queue_services.storage.port import Database


@dataclass
class Workspaces:
    """`limits` are the service's, messages a second."""

    database: Database
    clock: Clock
    limits: Mapping[Channel, float]

    async def terms(self, workspace: str) -> EffectiveSettings:
        return await workspaces.effective_settings.run(self.database, workspace, self.limits)

    async def change(self, workspace: str, change: Change) -> None:
        await workspaces.change.run(self.database, workspace, change, self.clock.now())

    async def pause(self, workspace: str, channel: Channel, *, paused: bool = True) -> None:
        await self.change(workspace, Change(paused={channel: paused}))

    async def holds(self, workspace: str) -> list[LaneHold]:
        return await workspaces.holds.run(self.database, workspace, self.clock.now())

    async def lift(self, workspace: str, channel: Channel) -> bool:
        return await workspaces.lift.run(self.database, workspace, channel, self.clock.now())

    async def adjustments(self, workspace: str, channel: Channel) -> list[Adjustment]:
        return await autoscaling.adjustments.run(self.database, workspace, channel, 50)
