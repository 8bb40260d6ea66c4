"""What an application remembers of the messages it schedules, and what a store for that
must do. Used by `reconcile` and by applications.

The order makes it safe: the message is written down under its idempotency key, then
scheduled, then its job id is recorded. An application that dies in between leaves a row
without a job id, which `reconcile` schedules under the same key: the service adds it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from queue_services_client.types import Change, Delay, Event, Job, Message, ScheduleResult, Status

OPEN = (Status.SCHEDULED, Status.PROCESSING)


class JobState(msgspec.Struct, frozen=True):
    """What is known of a job: its status, since when (`at`, None where only the present is
    known), and what went wrong.
    """

    job_id: str
    status: Status
    at: datetime | None = None
    error: str | None = None

    @classmethod
    def of_job(cls, job: Job) -> JobState:
        return cls(
            job.job_id,
            job.status,
            job.finished_at if job.status.final else None,
            job.error or job.reason,
        )

    @classmethod
    def of_change(cls, change: Change, error: str | None = None) -> JobState:
        return cls(change.job_id, change.status, change.changed_at, error)


class OpenMessage(msgspec.Struct, frozen=True):
    """A message that is not known to have ended. `job_id` is None while it is not known to
    be scheduled.
    """

    key: str
    job_id: str | None
    status: Status
    scheduled_for: datetime


class Tracker(Protocol):
    """Remembers messages by their idempotency key, which must be unique among all that it
    tracks, whatever their workspace.
    """

    def record(self, *results: ScheduleResult) -> None:
        """Keeps the job ids of those that were scheduled; those whose members the service
        refused are FAILED; any other stays open, its error noted.
        """

    def apply(self, states: Iterable[JobState]) -> int:
        """Takes over each state that is newer than the one kept, and returns how many. Jobs
        that are not tracked are passed over.

        A state with an instant replaces an older one, final or not; one without replaces only
        that of an open message. So repeats and late comers change nothing, and a final state
        opens again only for a retry after it.
        """

    def apply_event(self, event: Event) -> bool:
        """Takes over what an event says of a job; whether that changed anything. Other events
        are passed over.
        """

    def open_messages(
        self, *, due_before: datetime | None = None, unrecorded: bool = False
    ) -> Iterator[Sequence[OpenMessage]]:
        """The open messages, 1,000 at a time, those due first first: all, those due before an
        instant, or those without a job id.
        """

    def messages(self, keys: Sequence[str]) -> list[Message]:
        """The messages themselves, to be scheduled again under the same keys for the same
        instants.
        """

    def fail(self, keys: Sequence[str], error: str, now: datetime) -> None:
        """Ends messages that nothing will come of."""

    def cursor(self, feed: str) -> str | None:
        """How far the service's changes were read, None before the first time. `feed` is a
        workspace, or "" for all.
        """

    def keep_cursor(self, feed: str, cursor: str) -> None: ...


def event_state(event: Event) -> JobState | None:
    """The state of a job that an event tells of, None where it tells of something else."""
    status = (event.status or "").upper()
    if event.job_id is None or status not in Status.__members__:
        return None
    return JobState(event.job_id, Status(status), event.timestamp, event.error)


def due_at(delay: Delay | None, now: datetime) -> datetime:
    """The instant that `delay` means, said at `now`."""
    if isinstance(delay, datetime):
        return delay
    return now + (delay if isinstance(delay, timedelta) else timedelta(milliseconds=delay or 0))
