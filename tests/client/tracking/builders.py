"""Messages, results and a database for the tests of tracking and reconciliation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import StaticPool

from queue_services_client.tracking import JobState
from queue_services_client.tracking.sqlalchemy import QueuedMessageMixin, SqlTracker
from queue_services_client.types import Email, Message, ScheduleResult, Sms, Status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sms(key: str | None = "k1", **members: Any) -> Sms:
    base = {
        "to": "+15550100",
        "message": "Hello",
        "contact_id": "c1",
        "workspace_id": "w1",
        "idempotency_key": key,
        "delay": NOW + timedelta(hours=1),
    }
    return Sms(**{**base, **members})


def email(key: str = "k2", **members: Any) -> Email:
    base = {
        "to": "ann@example.com",
        "subject": "Hi",
        "html": "<p>Hi</p>",
        "contact_id": "c1",
        "workspace_id": "w1",
        "idempotency_key": key,
    }
    return Email(**{**base, **members})


def scheduled(key: str, job_id: str | None = None, **members: Any) -> ScheduleResult:
    return ScheduleResult(
        success=True, job_id=job_id or f"job-{key}", idempotency_key=key, **members
    )


def state(
    key: str, status: Status, seconds: float | None = 0, error: str | None = None
) -> JobState:
    """The state of the job scheduled for `key`, `seconds` after NOW; None where only the
    present is known.
    """
    return JobState(
        f"job-{key}", status, None if seconds is None else NOW + timedelta(seconds=seconds), error
    )


class AppBase(DeclarativeBase):
    pass


class Reminder(QueuedMessageMixin, AppBase):
    """A table of an application's own."""

    __tablename__ = "reminder"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(Text)

    def to_message(self) -> Message:
        return sms(self.queue_key, to=self.phone, delay=self.scheduled_for)


def database() -> Engine:
    """SQLite in memory, the same one from every thread."""
    return create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )


def tracker(*messages: Message, now: datetime = NOW) -> SqlTracker:
    """A tracker of the ready table in which `messages` are planned."""
    ready = SqlTracker(database())
    ready.create_tables()
    ready.plan(messages, now)
    return ready
