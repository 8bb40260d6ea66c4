"""Does the operations on many jobs that are kept in the store, in whichever process serves
the dashboard; resumes them after a crash.

Run by the dashboard. A job whose state no longer allows the action is skipped. After a
crash at most one bite is done again, which changes nothing: a job that was retried, moved
or cancelled already is skipped or left as it is.
"""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import structlog

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Instant
from queue_services.errors import Refusal, StoreUnavailable
from queue_services.queue import jobs, operations
from queue_services.queue.operations import Action, Operation, Request
from queue_services.queue.records import Job
from queue_services.storage.port import Database

BITE = {Action.CANCEL: 500, Action.RETRY: 50, Action.PROMOTE: 50, Action.RESCHEDULE: 50}
"""Jobs between two notes of how far an operation has come; a cancelled bite is one
transaction, the others one a job.
"""
AT_ONCE = 10
LEASE = 30 * SECOND
POLL_SECONDS = 2.0
KEPT = 400 * 86_400 * SECOND
"""How long operations and the audit log are kept."""
PRUNE_EVERY = 3600 * SECOND

log = structlog.get_logger(__name__)


class OperationRunner:
    """Starts and does operations; `run` must be running in some process for any to be done.
    `writer` names this one in tallies and leases.
    """

    def __init__(self, database: Database, clock: Clock, writer: str) -> None:
        self._database, self._clock, self._worker = database, clock, writer
        self._asked = asyncio.Event()
        self._prune_at: Instant = 0

    async def start(
        self, action: Action, actor: str, workspace: str | None, request: Request, matched: int
    ) -> Operation:
        """Have an action done to the jobs of a request; `workspace` is the only one it may touch.
        Raises InvalidRequest.
        """
        operation = operations.new_operation(
            action, actor, workspace, request, matched, self._clock.now()
        )
        await operations.add.run(self._database, operation)
        self._asked.set()
        return operation

    async def run(self) -> None:
        """Do what was asked for, here or in a process that died, until cancelled."""
        while True:
            busy = False
            try:
                busy = await self.advance()
                await self._prune()
            except StoreUnavailable:
                pass
            except Exception:
                log.exception("an operation failed")
            if not busy:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), POLL_SECONDS)
                self._asked.clear()

    async def advance(self) -> bool:
        """Do one bite of the oldest operation that is to be done; False when there is none."""
        now = self._clock.now()
        operation = await operations.take.run(self._database, self._worker, now, now + LEASE)
        if operation is None:
            return False
        try:
            await self._do_bite(operation)
        except StoreUnavailable:
            raise
        except Exception as error:
            await operations.finish.run(
                self._database,
                operation.id,
                "failed",
                f"{type(error).__name__}: {error}"[:500],
                self._clock.now(),
            )
            raise
        return True

    async def _do_bite(self, operation: Operation) -> None:
        bite = await self._next(operation)
        if not bite:
            await operations.finish.run(
                self._database, operation.id, "finished", None, self._clock.now()
            )
            return
        if operation.action is Action.CANCEL:
            now = self._clock.now()
            await operations.cancel.run(
                self._database, operation.id, self._worker, bite, now, now + LEASE
            )
            return
        done = 0
        for start in range(0, len(bite), AT_ONCE):
            done += sum(
                await asyncio.gather(
                    *(self._act(operation, job) for job in bite[start : start + AT_ONCE])
                )
            )
        await operations.advance.run(
            self._database,
            operation.id,
            self._worker,
            done,
            len(bite) - done,
            bite[-1],
            self._clock.now() + LEASE,
        )

    async def _next(self, operation: Operation) -> list[str]:
        """The ids of the jobs whose turn it is, newest first; of chosen ones only those of the
        workspace.
        """
        most, request = BITE[operation.action], operation.request
        if request.jobs:
            rest = [
                job
                for job in request.jobs
                if operation.position is None or job < operation.position
            ][:most]
            if operation.action is not Action.CANCEL or not rest:
                return rest
            found = await jobs.find.run(
                self._database, rest, self._clock.now(), workspace=operation.workspace
            )
            return [job.id for job in found]
        wanted = msgspec.structs.replace(
            request.wanted, before=operation.position or request.wanted.before, limit=most
        )
        found = await jobs.search.run(self._database, wanted, self._clock.now())
        return [job.id for job in found]

    async def _act(self, operation: Operation, job: str) -> bool:
        """Do the action to one job; False where its state does not allow it any more."""
        try:
            await self._acted(operation, job)
        except Refusal:
            return False
        return True

    async def _acted(self, operation: Operation, job: str) -> Job:
        database, now, only = self._database, self._clock.now(), operation.workspace
        match operation.action:
            case Action.RETRY:
                return await jobs.requeue.run(database, job, now, self._worker, workspace=only)
            case Action.PROMOTE:
                return await jobs.promote.run(database, job, now, workspace=only)
            case Action.RESCHEDULE:
                due_at = operation.request.due_at or 0
                return await jobs.reschedule.run(database, job, due_at, now, workspace=only)
            case Action.CANCEL:
                return await jobs.cancel.run(database, job, now, self._worker, workspace=only)

    async def _prune(self) -> None:
        now = self._clock.now()
        if now >= self._prune_at:
            self._prune_at = now + PRUNE_EVERY
            await operations.prune.run(self._database, now - KEPT)
