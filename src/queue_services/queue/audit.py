"""The audit log: who did what at the dashboard, and what came of it. Used by the dashboard."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from queue_services.clock import Clock
from queue_services.domain.message import FOREVER, Instant
from queue_services.errors import QueueServicesError
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Database, Tx

LONGEST_OUTCOME = 300


class AuditEntry(msgspec.Struct, frozen=True):
    """One thing somebody did; `outcome` is None while it is under way, or where the process
    died meanwhile.
    """

    id: int
    at: Instant
    actor: str
    workspace: str | None
    action: str
    subject: str
    detail: str | None
    outcome: str | None


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
        entry = await note.run(
            self._database, self._clock.now(), actor, workspace, action, subject, detail
        )
        try:
            yield
        except QueueServicesError as error:
            await close.run(self._database, entry, f"refused: {error}"[:LONGEST_OUTCOME])
            raise
        await close.run(self._database, entry, "done")


@writes
async def note(
    tx: Tx,
    at: Instant,
    actor: str,
    workspace: str | None,
    action: str,
    subject: str,
    detail: str | None,
) -> int:
    """Write down that somebody is about to do something; the entry's id."""
    [[identity]] = await tx.fetch("insert_audit", at, actor, workspace, action, subject, detail)
    return int(identity)


@writes
async def close(tx: Tx, identity: int, outcome: str) -> None:
    """Write down what came of it."""
    await tx.fetch("finish_audit", identity, outcome)


@reads
async def newest(
    tx: Tx, workspace: str | None, most: int, before: int | None = None
) -> list[AuditEntry]:
    """What was done, the newest first, from before an entry's id on; of a workspace, or all."""
    before = FOREVER if before is None else before
    if workspace is None:
        return [AuditEntry(*row) for row in await tx.fetch("list_audit", before, most)]
    return [AuditEntry(*row) for row in await tx.fetch("list_audit_of", before, most, workspace)]
