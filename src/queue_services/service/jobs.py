"""One job or many: their state, searching, and an operator's wishes. Used by the API, the
dashboard and the CLI.

`workspace` restricts a call to one workspace (a workspace key's); another's job is then not
found. Raises NotFound and Conflict.
"""

from __future__ import annotations

from collections.abc import Sequence

from queue_services.clock import Clock
from queue_services.domain.message import Instant
from queue_services.errors import NotFound
from queue_services.queue import changes, jobs
from queue_services.queue.changes import Changes, Position
from queue_services.queue.records import Attempt, Job, JobFilter
from queue_services.storage.port import Database, Tx


class Jobs:
    """The job calls of one process; `writer` names it in the tallies."""

    def __init__(self, database: Database, clock: Clock, writer: str) -> None:
        self._database, self._clock, self._writer = database, clock, writer

    async def status(self, job: str, workspace: str | None = None) -> tuple[Job, list[Attempt]]:
        """A job with its attempts, oldest first."""

        async def flow(tx: Tx) -> tuple[list[Job], list[Attempt]]:
            return await jobs.find(
                tx, [job], self._clock.now(), workspace=workspace
            ), await jobs.attempts(tx, job)

        found, attempts = await self._database.read(flow)
        if not found:
            raise NotFound("job", job)
        return found[0], attempts

    async def statuses(self, wanted: Sequence[str], workspace: str | None = None) -> list[Job]:
        """Those of the jobs that exist, in the order asked for."""
        return await self._database.read(jobs.find, wanted, self._clock.now(), workspace=workspace)

    async def search(self, wanted: JobFilter) -> list[Job]:
        """The jobs that match, newest first."""
        return await self._database.read(jobs.search, wanted, self._clock.now())

    async def changes(self, after: Position, most: int, workspace: str | None = None) -> Changes:
        """What ended or was retried after a position of the feed, in order, the newest change
        of a job alone.
        """
        return await self._database.read(changes.read, after, most, workspace=workspace)

    async def retry(self, job: str, workspace: str | None = None) -> Job:
        """Schedule a failed or cancelled job now."""
        return self._waking(
            await self._database.write(
                jobs.requeue, job, self._clock.now(), self._writer, workspace=workspace
            )
        )

    async def promote(self, job: str, workspace: str | None = None) -> Job:
        """Make a scheduled job due now."""
        return self._waking(
            await self._database.write(jobs.promote, job, self._clock.now(), workspace=workspace)
        )

    async def reschedule(self, job: str, due_at: Instant, workspace: str | None = None) -> Job:
        """Make a scheduled job due at another time."""
        return self._waking(
            await self._database.write(
                jobs.reschedule, job, due_at, self._clock.now(), workspace=workspace
            )
        )

    async def cancel(self, job: str, workspace: str | None = None) -> Job:
        """End a scheduled job as cancelled."""
        return await self._database.write(
            jobs.cancel, job, self._clock.now(), self._writer, workspace=workspace
        )

    def _waking(self, job: Job) -> Job:
        self._database.wake()
        return job
