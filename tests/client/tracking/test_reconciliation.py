from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from queue_services_client.errors import QueueServiceError, Unavailable
from queue_services_client.reconcile import (
    Reconciliation,
    keep_reconciling,
    reconcile,
    reconcile_every,
)
from queue_services_client.testing import FakeQueueService
from queue_services_client.tracking import schedule_tracked
from queue_services_client.tracking.sqlalchemy import QueuedMessage, SqlTracker
from queue_services_client.types import Change, ChangeList, Message, Sms, Status

from .builders import NOW, sms, tracker
from .model_service import ModelService


class World:
    """An application and a service; `at` seconds after NOW something happens."""

    def __init__(self, *messages: Message) -> None:
        self.tracker, self.service = tracker(), ModelService(NOW)
        if messages:
            schedule_tracked(self.tracker, self.service, messages, NOW)

    def reconcile(self, after: timedelta = timedelta(0), **options: Any) -> Reconciliation:
        return reconcile(self.tracker, self.service, now=NOW + after, **options)

    def row(self, key: str) -> tuple[Status, str | None]:
        return self.rows()[key]

    def rows(self) -> dict[str, tuple[Status, str | None]]:
        with Session(self.tracker._engine) as session:
            return {
                row.queue_key: (row.queue_status, row.queue_error)
                for row in session.scalars(select(QueuedMessage))
            }


def test_missed_outcomes_are_taken_over_with_their_errors() -> None:
    world = World(sms("a"), sms("b"), sms("c"))
    world.service.move("a", Status.COMPLETED)
    world.service.move("b", Status.FAILED, "422: no such number")
    report = world.reconcile()
    assert world.rows() == {
        "a": (Status.COMPLETED, None),
        "b": (Status.FAILED, "422: no such number"),
        "c": (Status.SCHEDULED, None),
    }
    assert (report.changes, report.corrected, report.rescheduled, report.late) == (2, 2, 0, [])


def test_a_retry_opens_a_failed_message_again() -> None:
    world = World(sms("a"))
    world.service.move("a", Status.FAILED, "500", seconds=1)
    world.reconcile()
    world.service.move("a", Status.SCHEDULED, seconds=2)
    world.reconcile()
    assert world.row("a") == (Status.SCHEDULED, None)


def test_the_second_time_costs_what_changed() -> None:
    world = World(*[sms(str(number)) for number in range(3_000)])
    world.reconcile()
    world.service.move("7", Status.COMPLETED)
    world.service.asked = 0
    report = world.reconcile()
    assert (report.changes, report.corrected, report.asked, world.service.asked) == (1, 1, 0, 0)
    assert world.row("7") == (Status.COMPLETED, None)


def test_nothing_to_do_changes_nothing() -> None:
    world = World(sms("a"))
    world.service.move("a", Status.COMPLETED)
    world.reconcile()
    assert world.reconcile() == Reconciliation()


def test_a_message_never_recorded_is_scheduled_under_its_key() -> None:
    world = World()
    world.tracker.plan([sms("a"), sms("b")], NOW)
    world.service.schedule_many([sms("b")])
    world.service.move("b", Status.COMPLETED)
    report = world.reconcile()
    assert world.rows() == {"a": (Status.SCHEDULED, None), "b": (Status.COMPLETED, None)}
    assert (report.rescheduled, set(world.service.keys)) == (1, {"a", "b"})


@pytest.mark.parametrize("full", [False, True])
def test_a_job_the_service_lost_is_scheduled_again_once_it_is_missed(*, full: bool) -> None:
    world = World(sms("a", delay=NOW + timedelta(hours=1)))
    world.reconcile()
    world.service.lose("a")
    assert world.reconcile(full=full).rescheduled == (1 if full else 0)
    assert world.reconcile(timedelta(hours=1, minutes=11)).rescheduled == (0 if full else 1)
    assert list(world.service.keys) == ["a"]


def test_a_lost_message_due_too_long_ago_is_not_sent_any_more() -> None:
    world = World(sms("a", delay=NOW))
    world.service.lose("a")
    report = world.reconcile(timedelta(days=4))
    status, error = world.row("a")
    assert (report.abandoned, report.rescheduled, status, world.service.keys) == (
        1,
        0,
        Status.FAILED,
        {},
    )
    assert error is not None
    assert "too late" in error
    assert world.reconcile(timedelta(days=5)).abandoned == 0


def test_a_lost_message_the_service_now_refuses_is_failed() -> None:
    world = World()
    world.tracker.plan([sms("a", to="nobody")], NOW)
    assert world.reconcile().refused == 1
    assert world.row("a") == (Status.FAILED, "to: no number")


def test_late_messages_are_reported_until_they_are_sent() -> None:
    world = World(sms("a", delay=NOW), sms("b", delay=NOW + timedelta(hours=1)))
    assert world.reconcile(timedelta(minutes=10)).late_count == 0
    report = world.reconcile(timedelta(minutes=11))
    assert (report.late_count, [message.key for message in report.late]) == (1, ["a"])
    world.service.move("a", Status.COMPLETED)
    assert world.reconcile(timedelta(minutes=12)).late_count == 0


def test_one_workspaces_key_follows_that_workspaces_changes() -> None:
    world = World(sms("a"), sms("b", workspace_id="w2"))
    world.service.move("a", Status.COMPLETED)
    world.service.move("b", Status.COMPLETED)
    assert world.reconcile(workspace_id="w2").changes == 1
    assert world.tracker.cursor("") is None


def test_a_service_that_is_away_leaves_everything_for_the_next_time() -> None:
    world = World(sms("a"))
    world.tracker.plan([sms("b")], NOW)
    world.service.away = True
    with pytest.raises(Unavailable):
        world.reconcile()
    assert world.row("b") == (Status.SCHEDULED, "away")
    world.service.away = False
    assert world.reconcile().rescheduled == 1
    assert world.rows() == {"a": (Status.SCHEDULED, None), "b": (Status.SCHEDULED, None)}


class DyingTracker(SqlTracker):
    """Dies before the write it counts down to."""

    lives = 1_000

    def _live(self) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise KeyboardInterrupt

    def record(self, *results: Any) -> None:
        self._live()
        super().record(*results)

    def apply(self, states: Any) -> int:
        self._live()
        return super().apply(states)

    def keep_cursor(self, feed: str, cursor: str) -> None:
        self._live()
        super().keep_cursor(feed, cursor)


@settings(max_examples=40, deadline=None)
@given(
    lives=st.integers(0, 6),
    fates=st.lists(
        st.sampled_from(["planned", "scheduled", "recorded", "completed", "failed", "lost"]),
        min_size=1,
        max_size=8,
    ),
)
def test_killed_anywhere_and_run_again_no_message_is_lost_or_doubled(
    lives: int, fates: list[str]
) -> None:
    world = World()
    messages = {f"{number}": sms(f"{number}") for number in range(len(fates))}
    world.tracker.plan(messages.values(), NOW)
    for (key, message), fate in zip(messages.items(), fates, strict=True):
        if fate == "planned":
            continue
        results = world.service.schedule_many([message]).results
        if fate != "scheduled":
            world.tracker.record(*results)
        if fate in {"completed", "failed"}:
            world.service.move(key, Status(fate.upper()))
        if fate == "lost":
            world.service.lose(key)
    dying = DyingTracker(world.tracker._engine)
    dying.lives = lives
    with contextlib.suppress(KeyboardInterrupt):
        reconcile(dying, world.service, now=NOW, full=True)
    reconcile(world.tracker, world.service, now=NOW, full=True)
    for key in world.service.keys:
        if world.service.jobs[world.service.keys[key]].status is Status.SCHEDULED:
            world.service.move(key, Status.COMPLETED, seconds=1)
    reconcile(world.tracker, world.service, now=NOW)
    expected = {
        key: Status.FAILED if fate == "failed" else Status.COMPLETED
        for key, fate in zip(messages, fates, strict=True)
    }
    assert {key: status for key, (status, _) in world.rows().items()} == expected
    assert len(world.service.jobs) == len(messages)
    assert sorted(world.service.sent) == sorted(
        key for key, status in expected.items() if status is Status.COMPLETED
    )


async def test_the_periodic_task_reports_each_time_and_survives_bad_days(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, reports = World(sms("a")), asyncio.Queue[Reconciliation]()
    loop = asyncio.get_running_loop()
    world.service.away = True

    def on_report(report: Reconciliation) -> None:
        loop.call_soon_threadsafe(reports.put_nowait, report)

    task = asyncio.create_task(
        reconcile_every(
            timedelta(milliseconds=1), world.tracker, world.service, on_report=on_report
        )
    )
    while "not reconciled: away" not in caplog.text:
        await asyncio.sleep(0)
    world.service.away = False
    await asyncio.wait_for(reports.get(), 10)
    await asyncio.wait_for(reports.get(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_coroutine_function_is_told_of_each_reconciliation() -> None:
    world, told = World(sms("a")), asyncio.Event()

    async def on_report(_: Reconciliation) -> None:
        told.set()

    task = asyncio.create_task(
        reconcile_every(timedelta(days=1), world.tracker, world.service, on_report=on_report)
    )
    await asyncio.wait_for(told.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_loop_goes_on_while_the_service_is_slow_and_a_cancel_ends_after_a_page() -> None:
    world, asked, go = World(sms("a")), threading.Event(), threading.Event()
    pages: list[str | None] = []

    class Slow(ModelService):
        def changes(self, **options: Any) -> ChangeList:
            pages.append(options["after"])
            asked.set()
            assert go.wait(10)
            return ChangeList(
                changes=(Change(job_id="x", status=Status.COMPLETED, changed_at=NOW),),
                cursor=f"{len(pages)}",
            )

    task = asyncio.create_task(reconcile_every(timedelta(days=1), world.tracker, Slow(NOW)))
    while not asked.is_set():
        await asyncio.sleep(0)  # which a loop that is blocked would never do
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert len(pages) == 1


def test_a_thread_reconciles_until_it_is_stopped() -> None:
    world, stop = World(sms("a")), threading.Event()
    reports: list[Reconciliation] = []

    def on_report(report: Reconciliation) -> None:
        reports.append(report)
        if len(reports) == 2:
            stop.set()

    keep_reconciling(timedelta(0), world.tracker, world.service, on_report=on_report, stop=stop)
    assert len(reports) == 2


def test_what_is_too_old_to_be_sent_goes_by_the_services_clock() -> None:
    """The fake's clock stands in another year than this machine's."""
    service, kept = FakeQueueService(), tracker()
    kept.plan([sms("k", delay=service.now() + timedelta(hours=1))], service.now())
    assert reconcile(kept, service).rescheduled == 1
    service.clock.move_to(service.now() + timedelta(days=9))
    kept.plan([sms("old", delay=service.now() - timedelta(days=8))], service.now())
    assert reconcile(kept, service).abandoned == 1


class Hidden(ModelService):
    """A service whose /health is answered with an error."""

    status: int | None = 404

    def service_time(self) -> datetime:
        raise QueueServiceError("no time is shown", status=self.status)


@pytest.mark.parametrize("status", [401, 404])
def test_a_service_that_hides_its_clock_is_reconciled_by_this_machines(status: int) -> None:
    service = Hidden(NOW)
    service.status = status
    assert reconcile(tracker(), service) == Reconciliation()


@pytest.mark.parametrize("status", [None, 503])
def test_a_service_that_is_away_is_not_reconciled(status: int | None) -> None:
    service = Hidden(NOW)
    service.status = status
    with pytest.raises(QueueServiceError, match="no time"):
        reconcile(tracker(), service)


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_open_rows_are_reconciled_at_a_hundred_thousand_in_thirty_seconds(
    count: int, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    big, service = SqlTracker(engine), ModelService(NOW)
    big.create_tables()
    messages = [
        Sms(
            to="+1",
            message="x",
            contact_id="c",
            workspace_id="w",
            idempotency_key=f"{n}",
            delay=NOW + timedelta(hours=1),
        )
        for n in range(count)
    ]
    schedule_tracked(big, service, messages, NOW)
    for number in range(0, count, 2):
        service.move(str(number), Status.COMPLETED if number % 20 else Status.FAILED, "500")
    for number in range(1, count, 100):
        service.lose(str(number))
    begun = time.perf_counter()
    report = reconcile(big, service, now=NOW)
    took = time.perf_counter() - begun
    print(f"reconciled {count:,} open rows in {took:.1f} s: {report}")
    assert (report.corrected, report.rescheduled, report.asked) == (
        count // 2,
        count // 100,
        count // 2,
    )
    assert took < 30 * count / 100_000
    engine.dispose()
