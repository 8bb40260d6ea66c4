"""Tiers: what the workspaces of each get. Used by the API, the dashboard and the CLI.
Raises NotFound.
"""

from __future__ import annotations

from queue_services.clock import Clock
from queue_services.domain.message import SECOND
from queue_services.domain.tiers import Tier, TierChange
from queue_services.queue import lane_settings, tiers
from queue_services.storage.port import Database

PATIENCE = SECOND // 2
"""How long a call goes on to apply a change, microseconds."""


class Tiers:
    """The tier calls of one process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def find(self, name: str) -> Tier:
        """The tier called `name`."""
        return await self._database.read(tiers.find, name)

    async def every(self) -> list[Tier]:
        """All tiers, by name."""
        return await self._database.read(tiers.every)

    async def change(self, name: str, change: TierChange) -> Tier:
        """Change a tier, or make it; in force for all its workspaces when this returns. Of very
        many, maintenance brings the lanes that wait for nothing.
        """
        tier = await self._database.write(tiers.change, name, change)
        began = self._clock.now()
        waiting = await self._database.read(tiers.held_back, began)
        for first in range(0, len(waiting), tiers.BITE):
            await self._database.write(
                lane_settings.refresh, waiting[first : first + tiers.BITE], self._clock.now()
            )
            self._database.wake()
        while self._clock.now() - began < PATIENCE and await self._database.write(
            tiers.advance, self._clock.now()
        ):
            self._database.wake()
        return tier
