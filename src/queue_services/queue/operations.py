"""The flows of what is done at the dashboard: the audit log, and operations on many jobs
that go on in the background.

Called by `queue.audit` and `queue.operations`. An operation is taken by one process at
a time, for as long as its lease; whoever takes it next goes on after `position`, the id of
the last job that was done, newest first.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from queue_services.domain.message import Instant, Reason
from queue_services.errors import NotFound
from queue_services.queue import results
from queue_services.queue.jobs import ID
from queue_services.queue.records import JobFilter
from queue_services.queue.transactions import writes
from queue_services.storage.port import Row, Tx

PRUNED_AT_ONCE = 500


class Action(StrEnum):
    """What can be done to many jobs."""

    RETRY = "retry"
    CANCEL = "cancel"
    PROMOTE = "promote"
    RESCHEDULE = "reschedule"


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """To which jobs: those of `jobs` or, without any, all that match `wanted`; `due_at` is
    when a reschedule makes them due.
    """

    jobs: tuple[str, ...] = ()
    wanted: JobFilter = JobFilter()
    due_at: Instant | None = None


class Operation(msgspec.Struct, frozen=True):
    """An operation: how many jobs matched when it was asked for, how many are done, how
    many were skipped because their state did not allow it.

    `state` is waiting, running, finished, stopped or failed; `workspace` is the only one it
    touches, None for any.
    """

    id: str
    workspace: str | None
    action: Action
    actor: str
    request: Request
    matched: int
    done: int
    skipped: int
    position: str | None
    state: str
    error: str | None
    created_at: Instant
    finished_at: Instant | None


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


_read_request = msgspec.json.Decoder(Request).decode


async def add(tx: Tx, operation: Operation) -> None:
    """Keep an operation that is to be done."""
    o = operation
    await tx.fetch(
        "insert_operation",
        o.id,
        o.workspace,
        o.action.value,
        o.actor,
        msgspec.json.encode(o.request).decode(),
        o.matched,
        o.created_at,
    )


async def find(tx: Tx, identity: str, workspace: str | None) -> Operation:
    """An operation. Raises NotFound, for another workspace's too."""
    rows = await tx.fetch("find_operation", identity) if ID.fullmatch(identity) else []
    if not rows or workspace not in (None, rows[0][1]):
        raise NotFound("operation", identity)
    return _operation(rows[0])


async def newest(tx: Tx, workspace: str | None, most: int) -> list[Operation]:
    """Operations, the newest first; of a workspace, or all."""
    return [_operation(row) for row in await tx.fetch("list_operations", workspace or "", most)]


async def take(tx: Tx, worker: str, now: Instant, until: Instant) -> Operation | None:
    """The oldest operation that is not finished and that no other process holds; held until
    `until`.
    """
    rows = await tx.fetch("take_operation", worker, now, until)
    return _operation(rows[0]) if rows else None


async def advance(
    tx: Tx, identity: str, worker: str, done: int, skipped: int, position: str, until: Instant
) -> bool:
    """Keep how far an operation has come; False where it was stopped, or another process
    has taken it.
    """
    return bool(
        await tx.fetch("advance_operation", identity, worker, done, skipped, position, until)
    )


async def cancel(
    tx: Tx, identity: str, worker: str, jobs: list[str], now: Instant, until: Instant
) -> bool:
    """End a bite of jobs as cancelled, and keep how far the operation has come; as `advance`."""
    ended = await results.cancel_unclaimed(tx, jobs, Reason.CANCELLED, now, worker)
    return await advance(tx, identity, worker, len(ended), len(jobs) - len(ended), jobs[-1], until)


async def finish(tx: Tx, identity: str, state: str, error: str | None, now: Instant) -> bool:
    """End an operation; False where it has ended already."""
    return bool(await tx.fetch("finish_operation", identity, state, error, now))


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


async def close(tx: Tx, identity: int, outcome: str) -> None:
    """Write down what came of it."""
    await tx.fetch("finish_audit", identity, outcome)


async def log(tx: Tx, workspace: str | None, before: int, most: int) -> list[AuditEntry]:
    """What was done, the newest first, from before an entry's id on; of a workspace, or all."""
    if workspace is None:
        return [AuditEntry(*row) for row in await tx.fetch("list_audit", before, most)]
    return [AuditEntry(*row) for row in await tx.fetch("list_audit_of", before, most, workspace)]


async def prune(tx: Tx, before: Instant) -> None:
    """Delete a bite of what was done before an instant."""
    await tx.fetch("prune_audit", before, PRUNED_AT_ONCE)
    await tx.fetch("prune_operations", before, PRUNED_AT_ONCE)


@writes
async def secret(tx: Tx, proposed: str) -> str:
    """The secret that signs the dashboard's cookies in every process: the first that was
    proposed.
    """
    await tx.fetch("keep_secret", proposed)
    [[kept]] = await tx.fetch("read_secret")
    return str(kept)


def _operation(row: Row) -> Operation:
    identity, workspace, action, actor, request, *rest = row
    return Operation(identity, workspace, Action(action), actor, _read_request(request), *rest)
