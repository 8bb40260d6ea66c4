"""The tracker on PostgreSQL. The driver here is asyncpg behind SQLAlchemy's greenlets; an
application would have psycopg, the statements are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import greenlet_spawn

from queue_services_client.reconcile import reconcile
from queue_services_client.tracking import schedule_tracked
from queue_services_client.tracking.sqlalchemy import SqlTracker
from queue_services_client.types import Status

from .builders import NOW, email, scheduled, sms, state
from .model_service import ModelService

pytestmark = pytest.mark.postgres


async def on_postgres(url: str, scenario: Callable[[SqlTracker], None]) -> None:
    """Run a scenario with a tracker whose tables were just made."""
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://"), poolclass=NullPool
    )

    def run() -> None:
        tracker = SqlTracker(engine.sync_engine)
        tracker.create_tables()
        tracker.create_tables()
        scenario(tracker)

    await greenlet_spawn(run)
    await engine.dispose()


def keys(tracker: SqlTracker, **options: bool) -> list[str]:
    return [message.key for page in tracker.open_messages(**options) for message in page]  # type: ignore[arg-type]  # either option


async def test_each_call_does_what_it_does_on_sqlite(postgres_url: str) -> None:
    def scenario(tracker: SqlTracker) -> None:
        full = email(
            metadata={"tag": ["a", 1]},
            priority="high",
            expires_at=NOW + timedelta(days=1),
            campaign_id="spring",
            delay=NOW,
        )
        tracker.plan([sms("k1"), full, sms("k3")], NOW)
        tracker.plan([sms("k1")], NOW)
        assert tracker.messages(["k2"]) == [full]
        assert keys(tracker, unrecorded=True) == ["k2", "k1", "k3"]
        tracker.record(scheduled("k1"), scheduled("k2"), scheduled("k3"))
        assert keys(tracker, unrecorded=True) == []
        tracker.apply([state("k1", Status.COMPLETED), state("k2", Status.FAILED, 5, "500")])
        assert keys(tracker) == ["k3"]
        assert tracker.apply([state("k1", Status.FAILED, -5)]) == 0  # older than what is known
        assert tracker.apply([state("k2", Status.SCHEDULED, 9)]) == 1
        assert keys(tracker) == ["k2", "k3"]
        tracker.fail(["k2"], "too late", NOW + timedelta(seconds=20))
        assert keys(tracker) == ["k3"]
        assert tracker.cursor("w1") is None
        tracker.keep_cursor("w1", "7")
        tracker.keep_cursor("w1", "8")
        assert tracker.cursor("w1") == "8"

    await on_postgres(postgres_url, scenario)


async def test_pages_are_read_to_their_end(postgres_url: str) -> None:
    def scenario(tracker: SqlTracker) -> None:
        tracker.plan(
            [
                sms(f"k{number:04}", delay=NOW + timedelta(seconds=number % 7))
                for number in range(2_500)
            ],
            NOW,
        )
        found = keys(tracker)
        assert (len(found), len(set(found))) == (2_500, 2_500)

    await on_postgres(postgres_url, scenario)


async def test_a_reconciliation_brings_it_in_line(postgres_url: str) -> None:
    def scenario(tracker: SqlTracker) -> None:
        service = ModelService(NOW)
        schedule_tracked(tracker, service, [sms(f"k{number}") for number in range(5)], NOW)
        service.move("k1", Status.COMPLETED)
        service.move("k2", Status.FAILED, "500")
        service.lose("k3")
        report = reconcile(tracker, service, now=NOW)
        assert (report.changes, report.corrected, report.rescheduled) == (2, 2, 1)
        assert keys(tracker) == ["k0", "k3", "k4"]

    await on_postgres(postgres_url, scenario)
