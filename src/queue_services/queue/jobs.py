"""Jobs: the state of one message or many, searching, and what an operator may do to one
(retry, promote, reschedule, cancel).

Called by the API, the dashboard and the CLI. `workspace` restricts a call to one workspace
(a workspace key's): another's job is not found. `writer` names the process in the tallies.
Raises NotFound and Conflict.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from queue_services.domain.message import (
    ERASED,
    FOREVER,
    Channel,
    Instant,
    Priority,
    Reason,
    Status,
    first_id,
)
from queue_services.errors import Conflict, NotFound
from queue_services.queue import doomed, failures, results, waiting
from queue_services.queue.campaigns import shifted
from queue_services.queue.intake import lower_lanes
from queue_services.queue.job_search import resolve
from queue_services.queue.records import Attempt, Job, JobFilter
from queue_services.queue.tallies import Tally
from queue_services.queue.transactions import reads, wakes, writes
from queue_services.storage.port import Row, Tx

PARKED = FOREVER - 1
RARE = 20_000
"""So many jobs of a channel are looked at one by one for a status."""
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""What every id looks like; any other text names no job, and PostgreSQL would refuse to
compare it with one.
"""


@reads
async def find(
    tx: Tx, ids: Sequence[str], now: Instant, *, workspace: str | None = None
) -> list[Job]:
    """Those of `ids` that exist, in the order asked for."""
    jobs = {
        row[0]: _job(row, now)
        for row in await tx.fetch(
            "find_jobs", [message for message in dict.fromkeys(ids) if ID.fullmatch(message)]
        )
    }
    return [
        jobs[message]
        for message in ids
        if message in jobs and workspace in (None, jobs[message].workspace)
    ]


@reads
async def status(
    tx: Tx, message: str, now: Instant, *, workspace: str | None = None
) -> tuple[Job, list[Attempt]]:
    """A job with its attempts, oldest first."""
    return await _one(tx, message, now, workspace), await attempts(tx, message)


async def attempts(tx: Tx, message: str) -> list[Attempt]:
    """Every POST of the message that has an outcome, oldest first, the answer with the one it
    belongs to.
    """
    if not ID.fullmatch(message):
        return []
    found = [Attempt(*row) for row in await tx.fetch("attempts_of", message)]
    kept = await failures.answer_of(tx, message)
    return [
        msgspec.structs.replace(one, answer=kept.body, answer_cut=kept.cut)
        if kept is not None and one.number == kept.number
        else one
        for one in found
    ]


@reads
async def search(tx: Tx, wanted: JobFilter, now: Instant) -> list[Job]:
    """The jobs that match, newest first, `wanted.limit` at most."""
    wanted = await resolve(tx, wanted)
    kind, filters = chosen(wanted, now, rare=await _is_rare(tx, wanted))
    rows = await tx.search(f"search_{kind}", filters, wanted.limit)
    if wanted.status is Status.CANCELLED:
        rows = [*rows, *await doomed.search(tx, filters_of(wanted), wanted.limit, now)]
        rows = sorted(rows, key=lambda row: str(row[0]), reverse=True)[: wanted.limit]
    return [_job(row, now) for row in rows]


async def _is_rare(tx: Tx, wanted: JobFilter) -> bool:
    """Whether a status is searched on a channel that has few jobs, whoever's: then all of
    those are looked at rather than all of that status.
    """
    if wanted.status is None or wanted.channel is None or _subject(wanted) is not None:
        return False
    stored = {row[0]: row[1] - sum(row[7:10]) for row in await tx.fetch("service_counts")}
    return bool(stored.get(wanted.channel.value, 0) <= RARE)


def _subject(wanted: JobFilter) -> str | None:
    """Something that few jobs have."""
    return (
        wanted.workspace
        or wanted.campaign
        or wanted.contact
        or wanted.recipient
        or wanted.error_group
        or wanted.text
        or (None if wanted.metadata is None else wanted.metadata.path)
    )


def chosen(wanted: JobFilter, now: Instant, *, rare: bool = False) -> tuple[str, dict[str, Any]]:
    """Which rows a search goes by ("jobs", "pending", "ended" or "delivered"), and its
    filters; `rare`: by its channel, which has few.
    """
    subject = _subject(wanted)
    if rare and wanted.status is not None:
        waits = wanted.status in (Status.SCHEDULED, Status.CLAIMED)
        return "jobs", {
            **_by_channel(filters_of(wanted)),
            **({wanted.status.value: now} if waits else {"delivered": wanted.status.value}),
        }
    match wanted.status:
        case Status.SCHEDULED | Status.CLAIMED:
            return "pending", {wanted.status.value: now, **filters_of(wanted)}
        case Status.DEAD | Status.CANCELLED:
            return "ended", {"unsent": wanted.status.value, **filters_of(wanted)}
        case (
            Status.DELIVERED
        ):  # the newest of all may be a million that wait; the newest of one subject are few
            return "delivered" if subject is None else "jobs", {
                "delivered": wanted.status.value,
                **filters_of(wanted),
            }
    return "jobs", filters_of(wanted) if subject else _by_channel(filters_of(wanted))


def _by_channel(filters: dict[str, Any]) -> dict[str, Any]:
    """The filters of a search that goes through the jobs of a channel, where one is given."""
    return {
        "channel_alone" if name == "channel" else name: value for name, value in filters.items()
    }


def filters_of(wanted: JobFilter) -> dict[str, Any]:
    """The filters of a search for what is asked, but for its status, by the names that the
    statements have for them.
    """
    named = {
        "workspace": wanted.workspace,
        "channel": wanted.channel,
        "campaign": wanted.campaign,
        "contact": wanted.contact,
        "recipient": wanted.recipient,
        "error_group": wanted.error_group,
    }
    filters: dict[str, Any] = {key: str(value) for key, value in named.items() if value is not None}
    if wanted.ids is not None:
        filters["ids"] = list(wanted.ids)
    if wanted.beginning is not None:
        filters["beginning"] = wanted.beginning
    if wanted.metadata is not None:
        kind = "indexed" if wanted.metadata.indexed else "metadata"
        filters[kind] = msgspec.json.encode(wanted.metadata).decode()
    if wanted.created_from is not None:
        filters["from_id"] = first_id(wanted.created_from)
    if wanted.created_to is not None:
        filters["to_id"] = first_id(wanted.created_to)
    if wanted.before is not None:
        filters["before_id"] = wanted.before
    return filters


@wakes
async def requeue(
    tx: Tx, message: str, now: Instant, writer: str, *, workspace: str | None = None
) -> Job:
    """Schedule a dead or cancelled message now, its tries starting anew."""
    job = await _one(tx, message, now, workspace)
    if job.status not in (Status.DEAD, Status.CANCELLED):
        raise Conflict("Only a failed or cancelled job can be retried.", status=job.status)
    if job.payload == ERASED:
        raise Conflict("Its contact was erased: there is nothing left to send.", status=job.status)
    # Of a cancelled campaign it may not have ended yet: then its campaign and its lane are
    # locked before it, as everywhere.
    campaign = (
        await tx.each("share_campaigns", [(job.workspace, job.campaign)])
        if job.campaign is not None
        else []
    )
    await tx.each("lock_lanes", await tx.fetch("lane_of", message))
    await results.cancel_unclaimed(tx, [message], Reason.CANCELLED, now, writer)
    ended = await tx.fetch("lock_result", message)
    if not ended:
        raise NotFound("job", message)  # it was pruned meanwhile
    [[status, posts, outcome, started_at, duration, status_code, error]] = ended
    if status not in (Status.DEAD, Status.CANCELLED):
        raise Conflict("The job has been retried already.", status=Status.SCHEDULED)
    if outcome is not None:
        await tx.each(
            "insert_attempts", [(message, posts, outcome, started_at, duration, status_code, error)]
        )
    tally = Tally()
    counts = tally.of(job.workspace, job.channel.value, campaign[0][0] if campaign else None)
    counts.revived_dead += status == Status.DEAD
    counts.revived_cancelled += status == Status.CANCELLED
    await failures.leave(tx, message)
    await tx.fetch("revive_result", message, now, (await tx.fetch("next_changes", 1))[0][0])
    [[lane]] = await tx.fetch("revive_pending", message, now, posts)
    await tally.add(tx, writer, now)
    await lower_lanes(tx, {lane: [now, now if job.priority == Priority.HIGH else FOREVER]})
    return await _one(tx, message, now, workspace)


@wakes
async def reschedule(
    tx: Tx, message: str, due_at: Instant, now: Instant, *, workspace: str | None = None
) -> Job:
    """Make a scheduled message due at `due_at`; a past instant is now."""
    job = await _one(tx, message, now, workspace)
    if job.campaign is not None:
        await tx.each(
            "share_campaigns", [(job.workspace, job.campaign)]
        )  # a shift under way leaves the new time alone, a cancel waits for it
    lanes = await tx.fetch("lane_of", message)
    if job.status is Status.SCHEDULED and lanes:
        await tx.each("lock_lanes", lanes)
        for lane, priority in await tx.fetch("reschedule_pending", message, max(due_at, now), now):
            await lower_lanes(
                tx,
                {
                    lane: [
                        max(due_at, now),
                        max(due_at, now) if priority == Priority.HIGH else FOREVER,
                    ]
                },
            )
            return await _one(tx, message, now, workspace)
        job = await _one(tx, message, now, workspace)
    raise Conflict("Only a scheduled job can be given another time.", status=job.status)


@wakes
async def promote(tx: Tx, message: str, now: Instant, *, workspace: str | None = None) -> Job:
    """Make a scheduled message due now."""
    return await reschedule(tx, message, now, now, workspace=workspace)


@writes
async def cancel(
    tx: Tx, message: str, now: Instant, writer: str, *, workspace: str | None = None
) -> Job:
    """End a scheduled message as cancelled."""
    job = await _one(tx, message, now, workspace)
    if job.status is Status.SCHEDULED and await results.cancel_unclaimed(
        tx, [message], Reason.CANCELLED, now, writer
    ):
        return await _one(tx, message, now, workspace)
    raise Conflict(
        "Only a scheduled job can be cancelled.",
        status=(await _one(tx, message, now, workspace)).status,
    )


async def _one(tx: Tx, message: str, now: Instant, workspace: str | None) -> Job:
    found = await find(tx, [message], now, workspace=workspace)
    if not found:
        raise NotFound("job", message)
    return found[0]


def _job(row: Row, now: Instant) -> Job:
    head, pending, campaign, lane, result, last_error = (
        row[:11],
        row[11:18],
        row[18:23],
        row[23:32],
        row[32:39],
        row[39],
    )
    (
        identity,
        workspace,
        channel,
        contact,
        name,
        priority,
        created_at,
        expires_at,
        key,
        payload,
        units,
    ) = head
    job: dict[str, Any] = {
        "id": identity,
        "workspace": workspace,
        "channel": Channel(channel),
        "contact": contact,
        "campaign": name,
        "priority": Priority(priority),
        "created_at": created_at,
        "expires_at": expires_at,
        "idempotency_key": key,
        "payload": payload,
        "units": units,
    }
    if pending[0] is None:
        return Job(**job, **_ended(result))
    return Job(**job, **_pending(pending, Priority(priority), campaign, lane, last_error, now))


def _ended(result: Row) -> dict[str, Any]:
    status, reason, due_at, finished_at, tries, posts, error = result
    return {
        "status": Status(status),
        "reason": reason,
        "due_at": due_at,
        "finished_at": finished_at,
        "tries": tries,
        "attempts": posts,
        "next_attempt_at": None,
        "error": error,
        "waiting_for": None,
    }


def _pending(
    pending: Row, priority: Priority, campaign: Row, lane: Row, last_error: str | None, now: Instant
) -> dict[str, Any]:
    _, due_at, visible_at, claimed_by, tries, posts, epoch = pending
    state, campaign_epoch, cancel_epoch, cancelled_at, shift = campaign
    claimed = claimed_by is not None and now < visible_at < PARKED
    known = {
        "reason": None,
        "finished_at": None,
        "tries": tries,
        "attempts": posts,
        "error": last_error,
        "next_attempt_at": None,
        "waiting_for": None,
    }
    if claimed:
        return {**known, "status": Status.CLAIMED, "due_at": due_at}
    if (
        state is not None and epoch < cancel_epoch
    ):  # in force since the campaign was cancelled, whenever its row follows
        return {
            **known,
            "status": Status.CANCELLED,
            "reason": Reason.CANCELLED.value,
            "due_at": due_at,
            "finished_at": cancelled_at,
        }
    if state == "shifting" and epoch < campaign_epoch:
        due_at = shifted(due_at, shift, now)
        visible_at = shifted(visible_at, shift, now) if visible_at < PARKED else due_at
    next_at = due_at if visible_at >= PARKED or claimed_by is not None else visible_at
    held_back = state in ("paused", "shifting")
    waits = waiting.waiting_for(
        lane, next_at, priority, now, paused=held_back, counted=posts > 0 or claimed_by is not None
    )
    return {
        **known,
        "status": Status.SCHEDULED,
        "due_at": due_at,
        "next_attempt_at": next_at,
        "waiting_for": waits.value,
    }
