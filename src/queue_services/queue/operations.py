"""Operations on many jobs, in the background: what may be asked for, and how far each is.

Called by the dashboard; done by `operation_runner`. An operation is taken by one process at
a time, for as long as its lease; whoever takes it next goes on after `position`, the id of
the last job that was done, newest first.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from queue_services.domain.message import Instant, Reason, Status, new_id
from queue_services.errors import Conflict, Fault, InvalidRequest, NotFound
from queue_services.queue import results
from queue_services.queue.job_search import resolve
from queue_services.queue.jobs import ID, chosen
from queue_services.queue.records import JobFilter
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Row, Tx

PRUNED_AT_ONCE = 500
MOST_COUNTED = 5_000_000
"""Jobs that an operation counts before it answers; of more it shows so many."""
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


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


ACTS_ON = {
    Action.RETRY: (Status.DEAD, Status.CANCELLED),
    Action.CANCEL: (Status.SCHEDULED,),
    Action.PROMOTE: (Status.SCHEDULED,),
    Action.RESCHEDULE: (Status.SCHEDULED,),
}
"""The states that an action can be asked for; it skips jobs that have left theirs meanwhile."""

_read_request = msgspec.json.Decoder(Request).decode


def new_operation(
    action: Action,
    actor: str,
    workspace: str | None,
    request: Request,
    matched: int,
    now: Instant,
) -> Operation:
    """An operation that does an action to the jobs of a request; `workspace` is the only one
    it may touch.

    Raises InvalidRequest where nothing narrows it down: one wrong click must not end
    everything.
    """
    if not request.jobs and not is_narrowed(request.wanted):
        raise InvalidRequest(
            Fault(
                "filter",
                "Narrow the jobs down first: by workspace, channel, campaign, contact,"
                " recipient or time.",
            )
        )
    if not request.jobs and request.wanted.status not in ACTS_ON[action]:
        raise InvalidRequest(Fault("status", f"Choose the state of the jobs to {action.value}."))
    if (action is Action.RESCHEDULE) != (request.due_at is not None):
        raise InvalidRequest(Fault("due_at", "Say when the jobs are to be due."))
    identity = new_id(now)
    wanted = msgspec.structs.replace(
        request.wanted, before=identity, workspace=workspace or request.wanted.workspace
    )
    request = msgspec.structs.replace(
        request, jobs=tuple(sorted(set(request.jobs), reverse=True)), wanted=wanted
    )
    return Operation(
        identity,
        workspace,
        action,
        actor,
        request,
        matched,
        0,
        0,
        None,
        "waiting",
        None,
        now,
        None,
    )


def is_narrowed(wanted: JobFilter) -> bool:
    """Whether a filter has a member, besides the status, that narrows the jobs down."""
    rest = msgspec.structs.replace(wanted, status=None, before=None, limit=JobFilter().limit)
    return rest != JobFilter()


@writes
async def start(
    tx: Tx,
    action: Action,
    actor: str,
    workspace: str | None,
    request: Request,
    now: Instant,
) -> Operation:
    """Count the jobs that match now and have an action done to them; `workspace` is the only
    one it may touch. Raises InvalidRequest.
    """
    kind, filters = chosen(await resolve(tx, request.wanted), now)
    rows = await tx.search(f"count_{kind}", filters, MOST_COUNTED)
    operation = new_operation(action, actor, workspace, request, sum(row[-1] for row in rows), now)
    await add(tx, operation)
    return operation


@writes
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


@reads
async def find(tx: Tx, identity: str, workspace: str | None) -> Operation:
    """An operation. Raises NotFound, for another workspace's too."""
    rows = await tx.fetch("find_operation", identity) if ID.fullmatch(identity) else []
    if not rows or workspace not in (None, rows[0][1]):
        raise NotFound("operation", identity)
    return _operation(rows[0])


@reads
async def newest(
    tx: Tx, workspace: str | None, most: int, before: str | None = None
) -> list[Operation]:
    """Operations, the newest first, from before an operation's id on; of a workspace, or all."""
    rows = await tx.fetch("list_operations", workspace or "", most, before or LAST_ID)
    return [_operation(row) for row in rows]


@writes
async def stop(tx: Tx, identity: str, workspace: str | None, now: Instant) -> None:
    """Leave the rest of an operation undone. Raises NotFound, and Conflict where it has ended
    already.
    """
    await find(tx, identity, workspace)
    if not await finish(tx, identity, "stopped", None, now):
        raise Conflict("The operation has ended already.")


@writes
async def take(tx: Tx, worker: str, now: Instant, until: Instant) -> Operation | None:
    """The oldest operation that is not finished and that no other process holds; held until
    `until`.
    """
    rows = await tx.fetch("take_operation", worker, now, until)
    return _operation(rows[0]) if rows else None


@writes
async def advance(
    tx: Tx, identity: str, worker: str, done: int, skipped: int, position: str, until: Instant
) -> bool:
    """Keep how far an operation has come; False where it was stopped, or another process
    has taken it.
    """
    return bool(
        await tx.fetch("advance_operation", identity, worker, done, skipped, position, until)
    )


@writes
async def cancel(
    tx: Tx, identity: str, worker: str, jobs: list[str], now: Instant, until: Instant
) -> bool:
    """End a bite of jobs as cancelled, and keep how far the operation has come; as `advance`."""
    ended = await results.cancel_unclaimed(tx, jobs, Reason.CANCELLED, now, worker)
    return await advance(tx, identity, worker, len(ended), len(jobs) - len(ended), jobs[-1], until)


@writes
async def finish(tx: Tx, identity: str, state: str, error: str | None, now: Instant) -> bool:
    """End an operation; False where it has ended already."""
    return bool(await tx.fetch("finish_operation", identity, state, error, now))


async def forget(tx: Tx, workspace: str, contact: str, recipients: set[str], now: Instant) -> None:
    """Take a contact, and what it was reached at, from the requests of operations. One that has
    not ended is stopped: without them it would act on other jobs.
    """
    for identity, text in await tx.fetch("operation_requests", workspace):
        request = _read_request(text)
        wanted = request.wanted
        names_it = wanted.contact == contact and wanted.workspace in (None, workspace)
        reached = wanted.text is not None and any(
            one.lower().startswith(wanted.text.lower()) for one in (contact, *recipients)
        )
        if names_it or wanted.recipient in recipients or reached:
            cleared = msgspec.structs.replace(wanted, contact=None, recipient=None, text=None)
            changed = msgspec.structs.replace(request, wanted=cleared)
            await finish(tx, identity, "stopped", None, now)
            await tx.fetch("change_request", identity, msgspec.json.encode(changed).decode())


@writes
async def prune(tx: Tx, before: Instant) -> None:
    """Delete a bite of what was done before an instant."""
    await tx.fetch("prune_audit", before, PRUNED_AT_ONCE)
    await tx.fetch("prune_operations", before, PRUNED_AT_ONCE)


def _operation(row: Row) -> Operation:
    identity, workspace, action, actor, request, *rest = row
    return Operation(identity, workspace, Action(action), actor, _read_request(request), *rest)
