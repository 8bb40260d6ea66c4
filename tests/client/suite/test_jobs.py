"""What may be asked about jobs, and done with them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from queue_services_client import Conflict, NotFound, Status
from tests.client.suite.messages import email, sms
from tests.client.suite.worlds import World, job_id

UNKNOWN = "0195f0a0-0000-7000-8000-000000000000"


def test_an_unknown_job_is_not_found_by_any_call(world: World) -> None:
    service = world.service
    for act in (
        service.status,
        service.cancel,
        service.retry,
        service.promote,
        lambda job: service.reschedule(job, 1_000),
    ):
        with pytest.raises(NotFound):
            act(UNKNOWN)


def test_a_cancelled_job_ends_and_can_be_scheduled_again(world: World) -> None:
    waiting = job_id(world.service.schedule_message(sms(world, delay=timedelta(days=1))))
    cancelled = world.service.cancel(waiting)
    assert (cancelled.status, cancelled.reason) == (Status.CANCELLED, "cancelled")
    with pytest.raises(Conflict):
        world.service.cancel(waiting)
    again = world.service.retry(waiting)
    assert (again.status.final, again.reason, again.finished_at) == (False, None, None)


def test_a_promoted_job_is_sent_now(world: World) -> None:
    result = world.service.schedule_message(sms(world, delay=timedelta(days=1)))
    world.service.promote(job_id(result))
    (job,) = world.ended(result)
    assert job.status is Status.COMPLETED


def test_a_rescheduled_job_is_due_when_it_says(world: World) -> None:
    waiting = job_id(world.service.schedule_message(sms(world, delay=timedelta(days=1))))
    due = (world.now() + timedelta(days=2)).replace(microsecond=0)
    assert world.service.reschedule(waiting, due).scheduled_for == due
    assert world.service.status(waiting).scheduled_for == due


def test_what_is_over_cannot_be_changed(world: World) -> None:
    result = world.service.schedule_message(sms(world))
    world.ended(result)
    for act in (world.service.cancel, world.service.retry, world.service.promote):
        with pytest.raises(Conflict):
            act(job_id(result))


def test_a_refusal_ends_a_job_at_once(world: World) -> None:
    world.endpoint.answer(f"c-{world.workspace}", 422)
    (job,) = world.ended(world.service.schedule_message(sms(world)))
    assert (
        job.status,
        job.reason,
        job.attempts_made,
        [one.status_code for one in job.attempts],
    ) == (Status.FAILED, "rejected", 1, [422])
    assert "422" in (job.error or "")
    assert "refused" in (job.error or "")


def test_three_failed_tries_exhaust_a_job_and_a_retry_gives_it_three_more(world: World) -> None:
    world.endpoint.answer(f"c-{world.workspace}", 500, 500, 500, 500, 200)
    result = world.service.schedule_message(sms(world))
    (failed,) = world.ended(result)
    assert (failed.status, failed.reason, failed.attempts_made, len(failed.attempts)) == (
        Status.FAILED,
        "exhausted",
        3,
        3,
    )
    world.service.retry(job_id(result))
    (completed,) = world.ended(result)
    assert (
        completed.status,
        completed.attempts_made,
        [one.number for one in completed.attempts],
    ) == (Status.COMPLETED, 2, [1, 2, 3, 4, 5])
    assert [one.outcome for one in completed.attempts] == ["failed"] * 4 + ["delivered"]


def test_statuses_tell_known_from_unknown(world: World) -> None:
    known = [job_id(world.service.schedule_message(sms(world, delay=60_000))) for _ in range(2)]
    found = world.service.statuses([*known, UNKNOWN])
    assert ({job.job_id for job in found.jobs}, found.unknown) == (set(known), (UNKNOWN,))


def test_jobs_are_listed_newest_first_over_pages(world: World) -> None:
    many = world.service.schedule_many(sms(world, delay=60_000) for _ in range(450))
    listed = [job.job_id for job in world.service.jobs(workspace_id=world.workspace)]
    assert len(listed) == 450
    assert set(listed) == {result.job_id for result in many.results}
    page = world.service.job_page(workspace_id=world.workspace, limit=100)
    assert [job.job_id for job in page.jobs] == listed[:100]
    assert page.next_cursor


def test_jobs_are_found_by_each_filter(world: World) -> None:
    first = world.service.schedule_message(
        sms(world, delay=60_000, contact_id="c-1", campaign_id="spring")
    )
    second = world.service.schedule_message(email(world, delay=60_000, contact_id="c-2"))
    world.service.cancel(job_id(second))

    def found(**filters: object) -> list[str]:
        return [job.job_id for job in world.service.jobs(workspace_id=world.workspace, **filters)]  # type: ignore[arg-type]  # each its own type

    for filters in (
        {"channel": "sms"},
        {"contact_id": "c-1"},
        {"campaign_id": "spring"},
        {"status": Status.SCHEDULED},
        {"recipient": "+49 170 1234567"},
    ):
        assert found(**filters) == [first.job_id], filters
    created = world.service.status(job_id(first)).created_at
    assert job_id(first) in found(created_from=created)
    assert job_id(first) not in found(created_before=created)


def test_the_change_feed_has_every_end_and_goes_on_where_it_was_left(world: World) -> None:
    world.needs("/api/changes")
    start = world.service.changes(workspace_id=world.workspace).cursor
    results = [world.service.schedule_message(sms(world)) for _ in range(3)]
    world.ended(*results)
    seen = world.service.changes(workspace_id=world.workspace, after=start)
    assert {change.job_id for change in seen.changes} == {result.job_id for result in results}
    assert {change.status for change in seen.changes} == {Status.COMPLETED}
    assert world.service.changes(workspace_id=world.workspace, after=seen.cursor).changes == ()
