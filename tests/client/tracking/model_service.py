"""A service reduced to what reconciliation sees of it: jobs by key, their states, and a
feed of changes. Counts the requests it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from queue_services_client.bulk import Entry
from queue_services_client.errors import Fault, Unavailable
from queue_services_client.tracking.tracker import due_at
from queue_services_client.types import (
    Change,
    ChangeList,
    Channel,
    Job,
    Message,
    ScheduledMany,
    ScheduleResult,
    Sms,
    Status,
    Statuses,
)

PAGE = 500


class ModelService:
    def __init__(self, now: datetime) -> None:
        self.now, self.away = now, False
        self.jobs: dict[str, Job] = {}
        self.keys: dict[str, str] = {}
        self.feed: list[Change] = []
        self.newest: dict[str, int] = {}
        self.asked = self.requests = 0
        self.sent: list[str] = []

    def schedule_many(self, messages: Iterable[Message]) -> ScheduledMany:
        results = [self._schedule(message) for message in messages]
        return ScheduledMany(accepted=len(results), replayed=0, rejected=0, results=results)

    def schedule_each(
        self, messages: Iterable[Entry], *, on_progress: object = None
    ) -> Iterator[ScheduleResult]:
        return (
            message if isinstance(message, ScheduleResult) else self._schedule(message)
            for message in messages
        )

    def statuses(self, job_ids: Iterable[str]) -> Statuses:
        ids = list(job_ids)
        assert len(ids) <= 1_000
        self.asked += len(ids)
        self._answer()
        return Statuses(
            jobs=tuple(self.jobs[one] for one in ids if one in self.jobs),
            unknown=tuple(one for one in ids if one not in self.jobs),
        )

    def changes(
        self, *, workspace_id: str | None = None, after: str | None = None, limit: int | None = None
    ) -> ChangeList:
        self._answer()
        start = int(after or 0)
        end = min(start + (limit or PAGE), len(self.feed))
        mine = [
            self.feed[place]
            for place in range(start, end)
            if self.newest[self.feed[place].job_id] == place
        ]
        if workspace_id is not None:
            mine = [
                change for change in mine if self.jobs[change.job_id].workspace_id == workspace_id
            ]
        return ChangeList(changes=tuple(mine), cursor=str(end))

    def move(self, key: str, status: Status, error: str | None = None, seconds: float = 0) -> None:
        """The job scheduled for `key` reaches `status`, `seconds` after `now`."""
        old, at = self.jobs[self.keys[key]], self.now + timedelta(seconds=seconds)
        self.jobs[old.job_id] = job_of(
            old.job_id,
            old.workspace_id,
            old.scheduled_for,
            status,
            at if status.final else None,
            error,
        )
        if status is Status.COMPLETED:
            self.sent.append(key)
        if status.final or (old.status.final and status is Status.SCHEDULED):
            self.newest[old.job_id] = len(self.feed)
            self.feed.append(Change(job_id=old.job_id, status=status, changed_at=at))

    def lose(self, key: str) -> None:
        """As after a restored backup: the service has never heard of it."""
        del self.jobs[self.keys.pop(key)]

    def _schedule(self, message: Message) -> ScheduleResult:
        key = message.idempotency_key or ""
        if self.away:
            return ScheduleResult(
                success=False, error="away", unavailable=True, idempotency_key=key
            )
        if isinstance(message, Sms) and not message.to.startswith("+"):
            return ScheduleResult(
                success=False,
                error="to: no number",
                faults=(Fault("to", "no number"),),
                idempotency_key=key,
            )
        replayed = key in self.keys
        job_id = self.keys.setdefault(key, f"{len(self.keys)}-{key}-{len(self.feed)}")
        if not replayed:
            self.jobs[job_id] = job_of(
                job_id, message.workspace_id, due_at(message.delay, self.now)
            )
        return ScheduleResult(success=True, job_id=job_id, replayed=replayed, idempotency_key=key)

    def _answer(self) -> None:
        self.requests += 1
        if self.away:
            raise Unavailable("away")


def job_of(
    job_id: str,
    workspace_id: str,
    due: datetime,
    status: Status = Status.SCHEDULED,
    finished_at: datetime | None = None,
    error: str | None = None,
) -> Job:
    return Job(
        job_id=job_id,
        status=status,
        channel=Channel.SMS,
        workspace_id=workspace_id,
        contact_id="c1",
        scheduled_for=due,
        created_at=due,
        finished_at=finished_at,
        error=error,
    )
