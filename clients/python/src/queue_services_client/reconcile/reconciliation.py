"""Brings what the application remembers in line with what the service knows. Called by the
application now and then, and by the command beside it.

What changed is read from the service's feed of changes, so that a reconciliation costs what
changed. Beyond that only those messages are asked for that should have ended long since,
and, the first time or on request, all that are open. What the service does not know is
scheduled again under its idempotency key, so that running this twice, or beside the
application, doubles nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

import msgspec

from queue_services_client.errors import QueueServiceError, Unavailable
from queue_services_client.tracking.tracker import JobState, OpenMessage, Tracker
from queue_services_client.types import Change, ChangeList, Message, ScheduledMany, Status, Statuses

LATE_AFTER = timedelta(minutes=10)
RESCHEDULE_WITHIN = timedelta(days=3)
LATE_LISTED = 1_000


class Service(Protocol):
    """The part of `QueueService` that this needs."""

    def statuses(self, job_ids: Iterable[str]) -> Statuses: ...
    def changes(
        self, *, workspace_id: str | None = None, after: str | None = None, limit: int | None = None
    ) -> ChangeList: ...
    def schedule_many(self, messages: Iterable[Message]) -> ScheduledMany: ...


@runtime_checkable
class Timed(Protocol):
    """What a service may have besides: its own clock, by which messages fall due."""

    def service_time(self) -> datetime: ...


class Reconciliation(msgspec.Struct, kw_only=True):
    """What was done: counts of messages. `late` are due long since and not sent, the first
    1,000 of `late_count`.

    `changes` were read from the feed, `asked` by id; `corrected` had another state here.
    `rescheduled` were not known to the service, `refused` were not accepted when scheduled
    again; `abandoned` were due too long ago to be sent now, and are FAILED.
    """

    changes: int = 0
    asked: int = 0
    corrected: int = 0
    rescheduled: int = 0
    refused: int = 0
    abandoned: int = 0
    late_count: int = 0
    late: list[OpenMessage] = msgspec.field(default_factory=list)


def reconcile(
    tracker: Tracker,
    service: Service,
    *,
    now: datetime | None = None,
    workspace_id: str | None = None,
    full: bool = False,
    late_after: timedelta = LATE_AFTER,
    reschedule_within: timedelta = RESCHEDULE_WITHIN,
) -> Reconciliation:
    """Corrects what `tracker` has of its open messages, and schedules those the service
    does not know.

    `workspace_id` limits the feed to one workspace, for a key that sees no other. `full`
    asks for every open message, which finds jobs that a service restored from a backup
    lost. A message that was due longer ago than `reschedule_within` is not sent any more;
    keep this below the time the service keeps ended jobs (30 days by default), or one that
    ended unseen is sent twice.

    What is late or too old to be sent goes by the service's clock, or by `now`.

    Raises QueueServiceError when the service does not answer; what was done until then
    stays, and the next time goes on.
    """
    run = _Run(tracker, service, now or _time(service), late_after, reschedule_within)
    run.go(workspace_id, full=full)
    return run.report


def reconcile_until(
    stop: threading.Event, tracker: Tracker, service: Service, workspace_id: str | None
) -> Reconciliation:
    """As `reconcile`, but ends after a page once `stop` is set."""
    run = _Run(tracker, service, _time(service), LATE_AFTER, RESCHEDULE_WITHIN, stop)
    run.go(workspace_id, full=False)
    return run.report


def _time(service: Service) -> datetime:
    """The service's time; this machine's where the service does not show its own, as behind a
    proxy that passes the API's paths alone.
    """
    if not isinstance(service, Timed):
        return datetime.now(UTC)
    try:
        return service.service_time()
    except QueueServiceError as error:
        if error.status is None or error.status >= 500:
            raise
        return datetime.now(UTC)


class _Run:
    """One reconciliation, as a list of steps that add to its report. It ends early, after a
    page, once `stop` is set.
    """

    def __init__(
        self,
        tracker: Tracker,
        service: Service,
        now: datetime,
        late_after: timedelta,
        reschedule_within: timedelta,
        stop: threading.Event | None = None,
    ) -> None:
        self.stop = stop or threading.Event()
        self.tracker, self.service, self.now = tracker, service, now
        self.late_before, self.give_up_before = now - late_after, now - reschedule_within
        self.report = Reconciliation()

    def go(self, workspace_id: str | None, *, full: bool) -> None:
        """All of it."""
        feed = workspace_id or ""
        first = self.tracker.cursor(feed) is None
        self.schedule_unrecorded()
        self.follow_changes(feed, workspace_id)
        self.ask_for_open(everything=full or first)

    def follow_changes(self, feed: str, workspace_id: str | None) -> None:
        """Reads the feed to its end. The cursor moves after its changes are kept, so that a
        crash between repeats and never skips.
        """
        cursor = self.tracker.cursor(feed)
        while True:
            page = self.service.changes(workspace_id=workspace_id, after=cursor)
            self.report.changes += len(page.changes)
            self.report.corrected += self.tracker.apply(self._states(page.changes))
            if page.cursor != cursor:
                cursor = page.cursor
                self.tracker.keep_cursor(feed, cursor)
            if not page.changes or self.stop.is_set():
                return

    def schedule_unrecorded(self) -> None:
        """Schedules what was written down and never recorded, then asks how those are that the
        service had after all.
        """
        for page in self.tracker.open_messages(unrecorded=True):
            self._ask(self._reschedule(page))
            if self.stop.is_set():
                return

    def ask_for_open(self, *, everything: bool) -> None:
        """Asks for the open messages (or those that should have ended), corrects them, and
        schedules those the service does not know.
        """
        for page in self.tracker.open_messages(due_before=None if everything else self.late_before):
            by_job = {message.job_id: message for message in page if message.job_id is not None}
            open_jobs, unknown = self._ask(list(by_job))
            self._reschedule([by_job[job_id] for job_id in unknown])
            late = [
                by_job[job_id]
                for job_id in open_jobs
                if by_job[job_id].scheduled_for < self.late_before
            ]
            self.report.late_count += len(late)
            self.report.late += late[: LATE_LISTED - len(self.report.late)]
            if self.stop.is_set():
                return

    def _ask(self, job_ids: Sequence[str]) -> tuple[list[str], Sequence[str]]:
        """Takes over the states of jobs; those still open, and those unknown to the service."""
        if not job_ids:
            return [], ()
        found = self.service.statuses(job_ids)
        self.report.asked += len(job_ids)
        self.report.corrected += self.tracker.apply(map(JobState.of_job, found.jobs))
        return [job.job_id for job in found.jobs if not job.status.final], found.unknown

    def _reschedule(self, lost: Sequence[OpenMessage]) -> list[str]:
        """Schedules messages again under their keys; the ids of those that the service had
        already.
        """
        stale = [message.key for message in lost if message.scheduled_for < self.give_up_before]
        if stale:
            self.tracker.fail(
                stale,
                "the service does not know this message, and it is too late to send it now",
                self.now,
            )
            self.report.abandoned += len(stale)
        fresh = [message.key for message in lost if message.scheduled_for >= self.give_up_before]
        if not fresh:
            return []
        results = self.service.schedule_many(self.tracker.messages(fresh)).results
        self.tracker.record(*results)
        for result in results:
            if result.unavailable:
                raise Unavailable(result.error or "the service did not answer")
            if result.faults:
                self.tracker.fail(
                    [result.idempotency_key or ""], result.error or "refused", self.now
                )
        self.report.rescheduled += sum(result.success and not result.replayed for result in results)
        self.report.refused += sum(not result.success for result in results)
        return [result.job_id for result in results if result.replayed and result.job_id]

    def _states(self, changes: Sequence[Change]) -> list[JobState]:
        """The states in `changes`, with the errors of those that failed, which the feed does
        not hold.
        """
        bad = [
            change.job_id
            for change in changes
            if change.status in {Status.FAILED, Status.CANCELLED}
        ]
        errors = (
            {
                job.job_id: job.error or job.reason
                for job in self.service.statuses(bad).jobs
                if job.status.final
            }
            if bad
            else {}
        )
        return [JobState.of_change(change, errors.get(change.job_id)) for change in changes]
