"""Every call that `QueueService` and `AsyncQueueService` have, written once; see `either`
for how. Nothing here sends.

All of them raise a QueueServiceError: Unauthorized for a bad key, OverQuota and Unavailable
once the retries are used up, and what each names itself. The schedule calls answer a
ScheduleResult instead, unless `raise_errors` says otherwise, here or for the whole client.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar, Unpack
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from queue_services.client import wire
from queue_services.client.call import Call, Steps
from queue_services.client.either import Caller, Pages, call, flow, pages
from queue_services.client.errors import Fault, QueueServiceError, Unavailable, ValidationFailed
from queue_services.client.figures import Metrics, MetricsHistory, WorkspaceMetrics
from queue_services.client.types import (
    ChangeList,
    ChannelName,
    Delay,
    Email,
    Forecast,
    Job,
    JobFilters,
    JobList,
    Message,
    Options,
    ScheduleResult,
    SendWindow,
    Sms,
    Statuses,
    Workspace,
    WorkspaceList,
)

T = TypeVar("T")
Sort: TypeAlias = Literal["sent", "backlog", "exceeded"]
JOBS_A_PAGE = 200
IDS_A_REQUEST = 1_000


class Calls(Caller):
    """The calls of the API. Instants are aware datetimes; a delay is milliseconds, a
    timedelta or an instant.
    """

    @call
    def schedule_sms(
        self,
        to: str,
        message: str,
        *,
        contact_id: str,
        workspace_id: str,
        delay: Delay | None = None,
        media_url: str | None = None,
        raise_errors: bool = False,
        **options: Unpack[Options],
    ) -> Call[ScheduleResult]:
        """Schedule an SMS to the phone number `to`, now or after `delay`; `types.Sms` says what
        each member means.

        With `raise_errors`, raises ValidationFailed for a bad member and Conflict for an
        idempotency key used for another message.

        >>> service.schedule_sms("+49 170 1234567", "See you at ten", contact_id="c-1",
        ...     workspace_id="acme", delay=timedelta(days=1)).success
        True
        """
        return scheduling(
            Sms(
                to=to,
                message=message,
                contact_id=contact_id,
                workspace_id=workspace_id,
                delay=delay,
                media_url=media_url,
                **options,
            ),
            raise_errors=raise_errors,
        )

    @call
    def schedule_email(
        self,
        to: str,
        subject: str,
        html: str,
        *,
        contact_id: str,
        workspace_id: str,
        delay: Delay | None = None,
        raise_errors: bool = False,
        **options: Unpack[Options],
    ) -> Call[ScheduleResult]:
        """Schedule an email to the address `to`, now or after `delay`; `types.Email` says what
        each member means. Raises as `schedule_sms`.

        >>> service.schedule_email("ada@example.org", "Welcome", "<p>Hello</p>",
        ...     contact_id="c-1", workspace_id="acme", priority="high").success
        True
        """
        return scheduling(
            Email(
                to=to,
                subject=subject,
                html=html,
                contact_id=contact_id,
                workspace_id=workspace_id,
                delay=delay,
                **options,
            ),
            raise_errors=raise_errors,
        )

    @call
    def schedule_message(
        self, message: Message, delay: Delay | None = None, *, raise_errors: bool = False
    ) -> Call[ScheduleResult]:
        """Schedule an `Sms` or an `Email`; `delay`, where given, in place of its own. Raises as
        `schedule_sms`.

        >>> bad = service.schedule_message(Sms(to="nobody", message="Hi", contact_id="c-1",
        ...     workspace_id="acme"))
        >>> bad.success, bad.faults[0].field
        (False, 'phoneNumber')
        """
        return scheduling(
            message if delay is None else msgspec.structs.replace(message, delay=delay),
            raise_errors=raise_errors,
        )

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

    @call
    def metrics(self) -> Call[Metrics]:
        """The service's figures since they were last reset."""
        return get("/api/metrics", Metrics)

    @call
    def workspace_metrics(self, workspace_id: str) -> Call[WorkspaceMetrics]:
        """A workspace's figures, limits and newest exceedances; zeros for one the service has
        not seen.
        """
        return get(
            f"/api/metrics/workspace/{segment(workspace_id, wire.WORKSPACE_ID)}", WorkspaceMetrics
        )

    @call
    def reset_metrics(
        self, *, channel: ChannelName | None = None, workspace_id: str | None = None
    ) -> Call[None]:
        """Count from zero again: of one channel or both, of one workspace or everywhere.
        History and jobs stay.
        """
        body = wire.members(type=channel or UNSET, workspace_id=workspace_id or UNSET)
        return post("/api/metrics/reset", lambda _: None, body, repeatable=True)

    @call
    def metrics_history(
        self,
        *,
        start: datetime,
        end: datetime,
        step_seconds: int = 60,
        channel: ChannelName | None = None,
        workspace_id: str | None = None,
    ) -> Call[MetricsHistory]:
        """What was sent, failed and exceeded from `start` to `end`, in steps of `step_seconds`."""
        query = wire.query(
            start=start,
            end=end,
            step_seconds=step_seconds,
            channel=channel,
            workspace_id=workspace_id,
        )
        return get("/api/metrics/history", MetricsHistory, query)

    @call
    def workspace(self, workspace_id: str) -> Call[Workspace]:
        """A workspace's settings."""
        return Call(
            "GET",
            f"/api/workspaces/{segment(workspace_id, wire.WORKSPACE_ID)}",
            wire.decode_workspace,
            repeatable=True,
        )

    @pages
    def workspaces(self, *, sort: Sort = "sent") -> Pages[Workspace]:
        """All workspaces the service has seen, the busiest first by `sort`."""
        return Pages(
            lambda cursor: Call(
                "GET",
                "/api/workspaces",
                _workspaces_on_page,
                query=wire.query(sort=sort, cursor=cursor),
                repeatable=True,
            )
        )

    @call
    def workspace_page(
        self, *, sort: Sort = "sent", limit: int = 50, cursor: str | None = None
    ) -> Call[WorkspaceList]:
        """One page of `workspaces`: at most `limit`, from the `next_cursor` of the page before."""
        return get(
            "/api/workspaces", WorkspaceList, wire.query(sort=sort, limit=limit, cursor=cursor)
        )

    @call
    def change_workspace(
        self,
        workspace_id: str,
        *,
        tier: str | UnsetType | None = UNSET,
        timezone: str | UnsetType | None = UNSET,
        limits: dict[ChannelName, float | None] | UnsetType | None = UNSET,
        callback_base_urls: dict[ChannelName, str | None] | UnsetType | None = UNSET,
        paused: dict[ChannelName, bool] | UnsetType = UNSET,
        events_url: str | UnsetType | None = UNSET,
        signing_secret: str | UnsetType | None = UNSET,
        send_window: SendWindow | UnsetType | None = UNSET,
    ) -> Call[Workspace]:
        """Change the settings given and leave the others; None clears one (a limit falls back
        to the tier's). Limits are messages a second.

        Raises ValidationFailed, and Unauthorized where the key is not an administrator's.
        """
        body = wire.members(
            tier=tier,
            timezone=timezone,
            limits=limits,
            callback_base_urls=callback_base_urls,
            paused=paused,
            events_url=events_url,
        )
        body |= wire.members(signing_secret=signing_secret, send_window=send_window)
        path = f"/api/workspaces/{segment(workspace_id, wire.WORKSPACE_ID)}"
        return Call("PUT", path, wire.decode_workspace, partial(wire.encode, body), repeatable=True)


def scheduling(message: Message, *, raise_errors: bool = False) -> Call[ScheduleResult]:
    """The call that schedules one message, under an idempotency key even if none is given,
    so that it may be sent again.
    """
    keyed = with_key(message)
    key = keyed.idempotency_key
    return Call(
        "POST",
        f"/api/schedule-{wire.channel_of(keyed)}",
        lambda content: msgspec.structs.replace(
            wire.decode(ScheduleResult, content), idempotency_key=key
        ),
        lambda: wire.encode(wire.message_body(keyed)),
        repeatable=True,
        instead=None if raise_errors else partial(failed, key=key),
    )


def with_key(message: Message) -> Message:
    """`message`, with an idempotency key of its own if it has none."""
    return (
        message
        if message.idempotency_key
        else msgspec.structs.replace(message, idempotency_key=uuid.uuid4().hex)
    )


def failed(error: QueueServiceError, key: str | None) -> ScheduleResult:
    """`error` as the result of scheduling one message."""
    faults = error.faults if isinstance(error, ValidationFailed) else ()
    return ScheduleResult(
        success=False,
        error=str(error),
        faults=faults,
        unavailable=isinstance(error, Unavailable),
        idempotency_key=key,
    )


def get(path: str, answer: type[T], query: dict[str, str] | None = None) -> Call[T]:
    """A GET whose answer is read as `answer`; it may be repeated."""
    return Call("GET", path, partial(wire.decode, answer), query=query or {}, repeatable=True)


def post(
    path: str,
    read: Callable[[bytes], T],
    body: Any = UNSET,
    *,
    query: dict[str, str] | None = None,
    repeatable: bool = False,
) -> Call[T]:
    """A POST whose answer `read` reads; `repeatable` where sending it twice does what
    sending it once does.
    """
    write = None if body is UNSET else partial(wire.encode, body)
    return Call("POST", path, read, write, query=query or {}, repeatable=repeatable)


def act_on_job(
    verb: str, job_id: str, body: Callable[[], Any] | None = None, *, repeatable: bool = False
) -> Call[Job]:
    """A call that acts on one job. Not repeatable by itself: asked twice, the second answer
    is a Conflict that says nothing of the first.
    """
    write = (lambda: wire.encode(body())) if body else None
    return Call(
        "POST",
        f"/api/{verb}-job/{segment(job_id, wire.JOB_ID)}",
        lambda content: wire.decode(wire.JobAnswer, content).job,
        write,
        repeatable=repeatable,
    )


def segment(name: str, field: str) -> str:
    """`name` as one segment of a path. Raises ValidationFailed for those that a path cannot
    hold, which would lead to another call.
    """
    if name in {"", ".", ".."}:
        raise ValidationFailed.of(Fault(field, f"{name!r} names nothing"))
    return quote(name, safe="")


def _jobs_on_page(content: bytes) -> tuple[Sequence[Job], str | None]:
    page = wire.decode(JobList, content)
    return page.jobs, page.next_cursor


def _workspaces_on_page(content: bytes) -> tuple[Sequence[Workspace], str | None]:
    page = wire.decode(WorkspaceList, content)
    return page.workspaces, page.next_cursor
