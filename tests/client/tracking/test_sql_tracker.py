from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.orm import Session

from queue_services_client.errors import Fault
from queue_services_client.tracking import JobState
from queue_services_client.tracking.sqlalchemy import QueuedMessage, SqlTracker
from queue_services_client.types import Change, Event, ScheduleResult, Status

from .builders import NOW, AppBase, Reminder, database, email, scheduled, sms, state, tracker


class Row(NamedTuple):
    job_id: str | None
    status: Status
    error: str | None


def row(tracked: SqlTracker, key: str = "k1") -> Row:
    with Session(tracked._engine) as session:
        found = session.scalars(select(QueuedMessage).where(QueuedMessage.queue_key == key)).one()
        return Row(found.queue_job_id, found.queue_status, found.queue_error)


def keys(tracked: SqlTracker, **options: bool | datetime) -> list[str]:
    return [message.key for page in tracked.open_messages(**options) for message in page]  # type: ignore[arg-type]  # either option


def test_a_planned_message_is_open_without_a_job_id() -> None:
    assert row(tracker(sms())) == Row(None, Status.SCHEDULED, None)


@pytest.mark.parametrize(
    ("delay", "due"),
    [
        (None, NOW),
        (1500, NOW + timedelta(seconds=1.5)),
        (timedelta(days=2), NOW + timedelta(days=2)),
        (NOW - timedelta(1), NOW - timedelta(1)),
    ],
)
def test_a_plan_fixes_the_instant_each_kind_of_delay_means(
    delay: float | timedelta | datetime | None, due: datetime
) -> None:
    ready = tracker()
    (planned,) = ready.plan([sms(delay=delay)], NOW)
    assert planned.delay == due
    assert [message.scheduled_for for page in ready.open_messages() for message in page] == [due]


def test_a_message_without_a_key_is_given_one() -> None:
    first, second = tracker().plan([sms(None), sms(None)], NOW)
    assert first.idempotency_key
    assert second.idempotency_key not in {None, first.idempotency_key}


def test_what_was_planned_can_be_scheduled_again_just_as_it_was() -> None:
    full = email(
        metadata={"tag": ["a", 1]},
        priority="high",
        expires_at=NOW + timedelta(days=1),
        campaign_id="spring",
        callback_endpoint="/mail",
        delay=NOW,
    )
    picture = sms(media_url="https://example.com/cat.png")
    ready = tracker(full, picture)
    assert ready.messages(["k1", "none", "k2"]) == [picture, full]


def test_planning_twice_keeps_the_first_row() -> None:
    ready = tracker(sms())
    ready.record(scheduled("k1"))
    ready.plan([sms(), email("k2")], NOW)
    assert row(ready).job_id == "job-k1"
    assert row(ready, "k2") == Row(None, Status.SCHEDULED, None)


def test_planning_again_what_was_refused_replaces_it() -> None:
    ready = tracker(sms(to="nobody"))
    ready.record(
        ScheduleResult(
            success=False,
            error="to: no number",
            faults=(Fault("to", "no number"),),
            idempotency_key="k1",
        )
    )
    ready.plan([sms(to="+15550123")], NOW)
    assert row(ready) == Row(None, Status.SCHEDULED, None)
    assert ready.messages(["k1"])[0].to == "+15550123"


def test_a_key_of_another_workspace_is_a_mistake_and_nothing_of_it_is_planned() -> None:
    ready = tracker(sms())
    with pytest.raises(ValueError, match="workspace 'w1'"):
        ready.plan([sms("k9"), sms(workspace_id="w2")], NOW)
    assert keys(ready) == ["k1"]


def test_two_processes_may_plan_the_same_messages_at_once(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}", connect_args={"timeout": 30})
    SqlTracker(engine).create_tables()
    together = threading.Barrier(4)
    failures: list[Exception] = []

    def plan() -> None:
        together.wait()
        try:
            SqlTracker(engine).plan([sms(str(number)) for number in range(100)], NOW)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=plan) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(keys(SqlTracker(engine))) == 100
    engine.dispose()


def test_recording_twice_is_recording_once_and_undoes_nothing() -> None:
    ready = tracker(sms())
    ready.record(scheduled("k1"))
    ready.apply([state("k1", Status.FAILED, error="500")])
    ready.record(scheduled("k1", replayed=True))
    assert row(ready) == Row("job-k1", Status.FAILED, "500")


def test_a_message_scheduled_anew_after_its_job_was_lost_is_open_again() -> None:
    ready = tracker(sms())
    ready.record(scheduled("k1"))
    ready.apply([state("k1", Status.FAILED, error="500")])
    ready.record(scheduled("k1", "job-2"))
    assert row(ready) == Row("job-2", Status.SCHEDULED, None)


def test_a_refusal_of_its_members_ends_a_message_and_any_other_leaves_it_open() -> None:
    ready = tracker(sms("k1"), sms("k3"), sms("k4"))
    refused = ScheduleResult(
        success=False,
        error="to: no number",
        faults=(Fault("to", "no number"),),
        idempotency_key="k1",
    )
    away = ScheduleResult(success=False, error="away", unavailable=True, idempotency_key="k3")
    over_quota = ScheduleResult(success=False, error="over quota", idempotency_key="k4")
    ready.record(refused, away, over_quota)
    assert row(ready, "k1") == Row(None, Status.FAILED, "to: no number")
    assert row(ready, "k3") == Row(None, Status.SCHEDULED, "away")
    assert row(ready, "k4") == Row(None, Status.SCHEDULED, "over quota")
    ready.record(scheduled("k3"))
    assert row(ready, "k3") == Row("job-k3", Status.SCHEDULED, None)


def test_a_refusal_after_a_success_changes_nothing() -> None:
    ready = tracker(sms())
    ready.record(scheduled("k1"))
    ready.record(
        ScheduleResult(success=False, error="x", faults=(Fault("to", "x"),), idempotency_key="k1")
    )
    assert row(ready) == Row("job-k1", Status.SCHEDULED, None)


def followed(*states: JobState) -> Row:
    ready = tracker(sms())
    ready.record(scheduled("k1"))
    for one in states:
        ready.apply([one])
    return row(ready)


def test_a_final_state_is_opened_only_by_a_retry_that_is_newer() -> None:
    failed, retry = state("k1", Status.FAILED, 5, "500"), state("k1", Status.SCHEDULED, 9)
    assert followed(failed, state("k1", Status.SCHEDULED, 4)) == Row("job-k1", Status.FAILED, "500")
    assert followed(failed, state("k1", Status.SCHEDULED, 5)) == Row("job-k1", Status.FAILED, "500")
    assert followed(failed, retry) == Row("job-k1", Status.SCHEDULED, None)
    assert followed(failed, retry, failed) == Row("job-k1", Status.SCHEDULED, None)
    assert followed(failed, retry, state("k1", Status.COMPLETED, 12)) == Row(
        "job-k1", Status.COMPLETED, None
    )


def test_a_present_state_moves_only_an_open_message() -> None:
    assert followed(state("k1", Status.PROCESSING, None)).status is Status.PROCESSING
    assert (
        followed(state("k1", Status.COMPLETED, 5), state("k1", Status.SCHEDULED, None)).status
        is Status.COMPLETED
    )
    assert (
        followed(state("k1", Status.PROCESSING, None), state("k1", Status.FAILED, 5)).status
        is Status.FAILED
    )


STATES = st.lists(
    st.sampled_from(["SCHEDULED", "COMPLETED", "FAILED", "CANCELLED"]), min_size=1, max_size=6
)


@given(history=STATES, shuffle=st.randoms(use_true_random=False), repeats=st.integers(1, 3))
def test_whatever_the_order_and_however_often_states_come_the_newest_stays(
    history: list[str], shuffle: object, repeats: int
) -> None:
    states = [state("k1", Status(name), second) for second, name in enumerate(history)]
    coming = states * repeats
    shuffle.shuffle(coming)  # type: ignore[attr-defined]  # hypothesis's random
    assert followed(*coming).status is states[-1].status


def test_applying_counts_what_it_changed_and_passes_over_other_jobs() -> None:
    ready = tracker(sms("k1"), sms("k3"))
    ready.record(scheduled("k1"), scheduled("k3"))
    states = [
        state("k1", Status.COMPLETED),
        state("k3", Status.PROCESSING, None),
        state("other", Status.FAILED),
    ]
    assert ready.apply(states) == 2
    assert ready.apply(states) == 0


def job_event(**members: object) -> Event:
    base = {
        "event_id": "e1",
        "type": "message.failed",
        "timestamp": NOW,
        "job_id": "job-k1",
        "status": "failed",
        "error": "500: no",
    }
    return Event(**{**base, **members})  # type: ignore[arg-type]  # members are of their fields' types


def test_an_event_of_a_job_is_taken_over_once() -> None:
    ready = tracker(sms())
    ready.record(scheduled("k1"))
    assert ready.apply_event(job_event()) is True
    assert ready.apply_event(job_event()) is False
    assert row(ready) == Row("job-k1", Status.FAILED, "500: no")


@pytest.mark.parametrize(
    "event",
    [
        job_event(job_id=None, status=None, type="ratelimit.exceeded"),
        job_event(status="pondering"),
        job_event(job_id="other"),
    ],
)
def test_events_of_other_things_change_nothing(event: Event) -> None:
    ready = tracker(sms())
    ready.record(scheduled("k1"))
    assert ready.apply_event(event) is False
    assert row(ready).status is Status.SCHEDULED


def test_open_messages_come_in_pages_those_due_first_first() -> None:
    ready = tracker(
        *[
            sms(f"{number:04}", delay=NOW + timedelta(seconds=-number // 2))
            for number in range(2_500)
        ]
    )
    ready.record(*[scheduled(f"{number:04}") for number in range(0, 2_500, 2)])
    ready.apply([state("0000", Status.COMPLETED), state("2000", Status.PROCESSING, None)])
    pages = list(ready.open_messages())
    found = [message for page in pages for message in page]
    assert max(map(len, pages)) == 1_000
    assert len({message.key for message in found}) == len(found) == 2_499
    waiting = [message for message in found if message.status is Status.SCHEDULED]
    assert waiting == sorted(waiting, key=lambda message: (message.scheduled_for, message.key))
    assert len(keys(ready, unrecorded=True)) == 1_250
    assert len(keys(ready, due_before=NOW - timedelta(seconds=1_000))) == 499


def test_finding_open_messages_does_not_read_the_others() -> None:
    ready = tracker(sms())
    with ready._engine.connect() as connection:
        sql = (
            "SELECT queue_key FROM queued_message WHERE queue_status = 'SCHEDULED' AND"
            " scheduled_for < '2026' ORDER BY scheduled_for, queue_key"
        )
        plan = " ".join(str(one) for one in connection.execute(text(f"EXPLAIN QUERY PLAN {sql}")))
    assert "ix_queued_message_queue_open (queue_status=? AND scheduled_for<?)" in plan
    assert "TEMP B-TREE" not in plan


def test_failing_ends_open_messages_alone() -> None:
    ready = tracker(sms("k1"), sms("k3"))
    ready.record(scheduled("k3"))
    ready.apply([state("k3", Status.COMPLETED)])
    ready.fail(["k1", "k3"], "too late", NOW)
    assert (row(ready, "k1"), row(ready, "k3").status) == (
        Row(None, Status.FAILED, "too late"),
        Status.COMPLETED,
    )


def test_a_cursor_is_kept_for_each_feed() -> None:
    ready = tracker()
    assert ready.cursor("") is None
    for feed, cursor in (("", "1"), ("w1", "2"), ("", "3")):
        ready.keep_cursor(feed, cursor)
    assert (ready.cursor(""), ready.cursor("w1"), ready.cursor("w2")) == ("3", "2", None)


def test_instants_keep_their_zone_and_their_order_whatever_offset_they_came_with() -> None:
    tokyo = timezone(timedelta(hours=9))
    ready = tracker(sms("k1", delay=datetime(2026, 3, 1, 20, tzinfo=tokyo)), sms("k3", delay=NOW))
    found = [
        (message.key, message.scheduled_for) for page in ready.open_messages() for message in page
    ]
    assert found == [("k1", datetime(2026, 3, 1, 11, tzinfo=UTC)), ("k3", NOW)]
    assert all(instant.tzinfo is UTC for _, instant in found)


@pytest.fixture
def reminders() -> Iterator[SqlTracker]:
    engine = database()
    AppBase.metadata.create_all(engine)
    ready = SqlTracker(engine, Reminder)
    ready.create_tables()
    with Session(engine) as session, session.begin():
        session.add(Reminder(phone="+15550111", queue_key="r1", scheduled_for=NOW))
    yield ready
    engine.dispose()


def test_the_columns_can_live_in_a_table_of_the_applications_own(reminders: SqlTracker) -> None:
    assert reminders.messages(["r1"])[0].to == "+15550111"
    reminders.record(scheduled("r1"))
    assert (
        reminders.apply(
            [JobState.of_change(Change(job_id="job-r1", status=Status.COMPLETED, changed_at=NOW))]
        )
        == 1
    )
    assert list(reminders.open_messages()) == []
    assert {index["name"] for index in inspect(reminders._engine).get_indexes("reminder")} >= {
        "ix_reminder_queue_open"
    }


def test_rows_of_an_applications_own_table_are_its_own_to_write(reminders: SqlTracker) -> None:
    with pytest.raises(TypeError, match="Reminder rows"):
        reminders.plan([sms()], NOW)
