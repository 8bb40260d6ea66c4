"""Jobs: their status, the list, and an operator's wishes for one. An id that is no UUID is
not found, without asking the store.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from queue_services.api import render
from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.api.job_filters import given, job_filter
from queue_services.errors import Fault, InvalidRequest, NotFound, StoreUnavailable
from queue_services.queue import changes as change_feed
from queue_services.queue import jobs
from queue_services.queue.changes import Position
from queue_services.queue.records import Job, JobFilter
from queue_services.web import bodies as reading
from queue_services.wire import answers, bodies
from queue_services.wire.fields import shown
from queue_services.wire.intake import Faults, due_at
from queue_services.wire.times import rfc3339

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


async def get_job_status(incoming: Incoming) -> answers.JobStatusAnswer:
    """GET /api/job-status/{jobId}."""
    job, attempts = await jobs.status.run(
        incoming.services.database,
        _job_id(incoming.name),
        incoming.now,
        workspace=incoming.caller.workspace,
    )
    return render.job_status(
        await incoming.services.forecasts.of_job(job), attempts, incoming.services.max_attempts
    )


async def get_job_statuses(incoming: Incoming) -> answers.JobsAnswer:
    """POST /api/job-status."""
    wanted = {given: given.lower() for given in incoming.body.job_ids}
    known = {
        job.id: job
        for job in await jobs.find.run(
            incoming.services.database,
            list(dict.fromkeys(filter(_is_id, wanted.values()))),
            incoming.now,
            workspace=incoming.caller.workspace,
        )
    }
    return answers.JobsAnswer(
        jobs=await _shown(incoming, list(known.values())),
        unknown=[given for given, job in wanted.items() if job not in known],
    )


async def retry_job(incoming: Incoming) -> answers.JobAnswer:
    """POST /api/retry-job/{jobId}."""
    job = await jobs.requeue.run(
        incoming.services.database,
        _job_id(incoming.name),
        incoming.now,
        incoming.services.writer,
        workspace=incoming.caller.workspace,
    )
    return await _answer(incoming, job)


async def promote_job(incoming: Incoming) -> answers.JobAnswer:
    """POST /api/promote-job/{jobId}."""
    job = await jobs.promote.run(
        incoming.services.database,
        _job_id(incoming.name),
        incoming.now,
        workspace=incoming.caller.workspace,
    )
    return await _answer(incoming, job)


async def cancel_job(incoming: Incoming) -> answers.JobAnswer:
    """POST /api/cancel-job/{jobId}."""
    job = await jobs.cancel.run(
        incoming.services.database,
        _job_id(incoming.name),
        incoming.now,
        incoming.services.writer,
        workspace=incoming.caller.workspace,
    )
    return await _answer(incoming, job)


async def reschedule_job(incoming: Incoming) -> answers.JobAnswer:
    """POST /api/reschedule-job/{jobId}."""
    body, faults = incoming.body, Faults()
    if body.delay is None and body.scheduled_for is None:
        faults.append(Fault("delay", "is required, or `scheduledFor` in its place"))
    due = due_at(body.delay, body.scheduled_for, incoming.now, faults)
    if faults:
        raise InvalidRequest(*faults)
    job = await jobs.reschedule.run(
        incoming.services.database,
        _job_id(incoming.name),
        due,
        incoming.now,
        workspace=incoming.caller.workspace,
    )
    return await _answer(incoming, job)


async def list_jobs(incoming: Incoming) -> answers.JobListAnswer:
    """GET /api/jobs."""
    wanted = _filter(incoming)
    found = await jobs.search.run(incoming.services.database, wanted, incoming.now)
    page, more = found[: wanted.limit - 1], len(found) == wanted.limit
    return answers.JobListAnswer(
        jobs=await _shown(incoming, page), next_cursor=page[-1].id if more else None
    )


async def list_changes(incoming: Incoming) -> answers.ChangesAnswer:
    """GET /api/changes."""
    query = incoming.query
    cursors, own = incoming.services.feed_cursors, incoming.caller.workspace
    after = Position() if query.after is UNSET else await cursors.read(query.after, own)
    found = await change_feed.read.run(
        incoming.services.database,
        after,
        query.limit,
        workspace=incoming.caller.within(given(query.workspace_id)),
    )
    return answers.ChangesAnswer(
        changes=[
            answers.Change(
                job_id=change.id,
                status=answers.STATUS_NAMES[change.status],
                changed_at=rfc3339(change.at),
            )
            for change in found.changes
        ],
        cursor=await cursors.written(found.position, own),
    )


def _filter(incoming: Incoming) -> JobFilter:
    """What the query asks for; one job more than the page, to know whether there is a next one."""
    query: bodies.JobsQuery = incoming.query
    wanted = job_filter(incoming.caller, query, incoming.services.rules.searched)
    return msgspec.structs.replace(wanted, before=given(query.cursor), limit=query.limit + 1)


async def _answer(incoming: Incoming, job: Job) -> answers.JobAnswer:
    incoming.record.workspace = job.workspace
    incoming.record.contact = job.contact
    incoming.record.new = {
        "status": answers.STATUS_NAMES[job.status],
        "due": rfc3339(job.due_at),
    }
    with contextlib.suppress(
        StoreUnavailable
    ):  # what was asked for is done: a forecast is no reason to say that it failed
        job = await incoming.services.forecasts.of_job(job)
    return answers.JobAnswer(job=render.job(job, incoming.services.max_attempts))


async def _shown(incoming: Incoming, found: Sequence[Job]) -> list[answers.Job]:
    return [
        render.job(job, incoming.services.max_attempts)
        for job in await incoming.services.forecasts.of_jobs(found)
    ]


def _is_id(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def _job_id(text: str) -> str:
    if not _is_id(text.lower()):
        raise NotFound("job", shown(text))
    return text.lower()


CALLS = [
    Call(
        "GET",
        "/api/job-status/{jobId}",
        get_job_status,
        "A job and its attempts",
        answers.JobStatusAnswer,
        errors=(404,),
        tag="Jobs",
    ),
    Call(
        "POST",
        "/api/job-status",
        get_job_statuses,
        "Up to 1,000 jobs",
        answers.JobsAnswer,
        query=bodies.NoQuery,
        body=bodies.JobIdsBody,
        reads=reading.OTHER,
        tag="Jobs",
    ),
    Call(
        "GET",
        "/api/jobs",
        list_jobs,
        "Jobs that match, newest first",
        answers.JobListAnswer,
        query=bodies.JobsQuery,
        tag="Jobs",
    ),
    Call(
        "GET",
        "/api/changes",
        list_changes,
        "What ended or was retried, in order, to be followed from cursor to cursor",
        answers.ChangesAnswer,
        query=bodies.ChangesQuery,
        tag="Jobs",
    ),
    *(
        Call(
            "POST",
            path,
            handler,
            summary,
            answers.JobAnswer,
            scope=Scope.MANAGE,
            query=bodies.NoQuery,
            body=body,
            reads=reads,
            errors=(404, 409),
            tag="Jobs",
            audited=handler.__name__.replace("_", " "),
        )
        for path, handler, summary, body, reads in (
            (
                "/api/retry-job/{jobId}",
                retry_job,
                "Schedule a FAILED or CANCELLED job now",
                bodies.NoMembers,
                reading.NONE,
            ),
            (
                "/api/promote-job/{jobId}",
                promote_job,
                "Make a SCHEDULED job due now",
                bodies.NoMembers,
                reading.NONE,
            ),
            (
                "/api/reschedule-job/{jobId}",
                reschedule_job,
                "Give a SCHEDULED job another time",
                bodies.RescheduleBody,
                reading.OTHER,
            ),
            (
                "/api/cancel-job/{jobId}",
                cancel_job,
                "Cancel a SCHEDULED job",
                bodies.NoMembers,
                reading.NONE,
            ),
        )
    ),
]
