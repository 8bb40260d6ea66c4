"""The audit log: who did what at the dashboard, and what came of it. Used by the dashboard."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from queue_services.clock import Clock
from queue_services.domain.message import FOREVER
from queue_services.errors import QueueServicesError
from queue_services.queue import operations
from queue_services.queue.operations import AuditEntry
from queue_services.storage.port import Database

__all__ = ["Audit", "AuditEntry"]

LONGEST_OUTCOME = 300


class Audit:
    """The audit calls of one process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    @contextlib.asynccontextmanager
    async def of(
        self,
        actor: str,
        action: str,
        subject: str,
        *,
        workspace: str | None = None,
        detail: str | None = None,
    ) -> AsyncIterator[None]:
        """Write an action down before it is done, and afterwards what came of it: an entry
        without outcome is one that a crash cut off.
        """
        entry = await self._database.write(
            operations.note, self._clock.now(), actor, workspace, action, subject, detail
        )
        try:
            yield
        except QueueServicesError as error:
            await self._database.write(
                operations.close, entry, f"refused: {error}"[:LONGEST_OUTCOME]
            )
            raise
        await self._database.write(operations.close, entry, "done")

    async def newest(
        self, workspace: str | None, most: int, before: int | None = None
    ) -> list[AuditEntry]:
        """What was done, the newest first; of a workspace, or all."""
        return await self._database.read(
            operations.log, workspace, FOREVER if before is None else before, most
        )
