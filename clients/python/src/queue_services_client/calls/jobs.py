"""Ask about jobs, act on them, and foresee when more of them would be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Unpack

from msgspec import UNSET

from queue_services_client import wire
from queue_services_client.call import Call, Steps
from queue_services_client.calls.building import act_on_job, get, post, segment
from queue_services_client.either import Caller, Pages, call, flow, pages
from queue_services_client.types import (
    ChangeList,
    ChannelName,
    Delay,
    Forecast,
    Job,
    JobFilters,
    JobList,
    Statuses,
)

JOBS_A_PAGE = 200
IDS_A_REQUEST = 1_000


class JobCalls(Caller):
    """The calls about jobs. A delay is milliseconds, a timedelta or an instant."""

    @call
    def status(self, job_id: str) -> Call[Job]:
        """The job with its attempts. Raises NotFound for one that does not exist or is another
        workspace's.

        >>> service.status(service.schedule_sms("+491701234567", "Hi", contact_id="c-1",
        ...     workspace_id="acme").job_id).status
        <Status.SCHEDULED: 'SCHEDULED'>
        """
        return get(f"/api/job-status/{segment(job_id, wire.JOB_ID)}", Job)

    @flow
    def statuses(self, job_ids: Iterable[str]) -> Steps[Statuses]:
        """The jobs of any number of ids, 1,000 a request, without attempts; ids the service
        does not know come back in `unknown`.
        """
        jobs: list[Job] = []
        unknown: list[str] = []
        ids = list(job_ids)
        for start in range(0, len(ids), IDS_A_REQUEST):
            body = wire.members(job_ids=ids[start : start + IDS_A_REQUEST])
            some = yield from self.ask(
                post("/api/job-status", partial(wire.decode, Statuses), body, repeatable=True)
            )
            jobs += some.jobs
            unknown += some.unknown
        return Statuses(jobs=tuple(jobs), unknown=tuple(unknown))

    @call
    def cancel(self, job_id: str) -> Call[Job]:
        """Cancel a SCHEDULED job. Raises NotFound, and Conflict once it is being sent or has
        ended.
        """
        return act_on_job("cancel", job_id)

    @call
    def retry(self, job_id: str) -> Call[Job]:
        """Schedule a FAILED or CANCELLED job again, now, with all its tries. Raises NotFound,
        and Conflict in any other state.
        """
        return act_on_job("retry", job_id)

    @call
    def promote(self, job_id: str) -> Call[Job]:
        """Make a SCHEDULED job due now. Raises NotFound, and Conflict in any other state."""
        return act_on_job("promote", job_id)

    @call
    def reschedule(self, job_id: str, delay: Delay) -> Call[Job]:
        """Make a SCHEDULED job due after `delay` from now, or at that instant. Raises NotFound,
        ValidationFailed, and Conflict in any other state.
        """
        return act_on_job("reschedule", job_id, partial(wire.due, delay), repeatable=True)

    @pages
    def jobs(self, **filters: Unpack[JobFilters]) -> Pages[Job]:
        """All jobs that match every filter given, newest first, asked for page by page as they
        are read. Raises ValidationFailed for a bad filter.

        >>> [job.channel.value for job in service.jobs(workspace_id="acme",
        ...     status=Status.SCHEDULED)]
        []
        """
        query = partial(wire.query, limit=JOBS_A_PAGE, **filters)
        return Pages(
            lambda cursor: Call(
                "GET", "/api/jobs", _jobs_on_page, query=query(cursor=cursor), repeatable=True
            )
        )

    @call
    def job_page(
        self, *, cursor: str | None = None, limit: int = 50, **filters: Unpack[JobFilters]
    ) -> Call[JobList]:
        """One page of `jobs`, for an application that shows pages: at most `limit` (200), from
        the `next_cursor` of the page before.
        """
        return get("/api/jobs", JobList, wire.query(cursor=cursor, limit=limit, **filters))

    @call
    def changes(
        self, *, workspace_id: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Call[ChangeList]:
        """What ended or was retried since the cursor `after` (from the beginning when None), at
        most `limit`, the newest change of a job alone.

        Go on with the answer's `cursor`; no change is ever skipped.
        """
        return get(
            "/api/changes",
            ChangeList,
            wire.query(workspace_id=workspace_id, after=after, limit=limit),
        )

    @call
    def forecast(
        self,
        *,
        workspace_id: str,
        channel: ChannelName,
        count: int,
        scheduled_for: datetime | None = None,
    ) -> Call[Forecast]:
        """When `count` more messages, due at `scheduled_for` (now by default), would start and
        finish under today's limits and backlog.
        """
        when = (
            UNSET
            if scheduled_for is None
            else wire.instant(scheduled_for, wire.camel("scheduled_for"))
        )
        body = wire.members(
            workspace_id=workspace_id, channel=channel, count=count, scheduled_for=when
        )
        return post("/api/forecast", partial(wire.decode, Forecast), body, repeatable=True)


def _jobs_on_page(content: bytes) -> tuple[Sequence[Job], str | None]:
    page = wire.decode(JobList, content)
    return page.jobs, page.next_cursor
