"""Campaigns, figures and settings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from queue_services_client import NotFound, SendWindow, Status, Step
from queue_services_client.campaigns import Campaign
from tests.client.suite.messages import contacts, sms
from tests.client.suite.worlds import World, job_id

STEPS = [
    Step(1, "09:30", "sms", template="Hello $name"),
    Step(3, "18:00", "email", subject="For $name", template="<p>$name</p>"),
]


def spring(world: World) -> Campaign:
    return world.service.campaign(
        "spring", workspace_id=world.workspace, steps=STEPS, zone="Europe/Berlin"
    )


def test_a_campaign_is_launched_once_however_often(world: World) -> None:
    first, again = (spring(world).launch(contacts(20)) for _ in range(2))
    assert (first.accepted, first.replayed, again.accepted, again.replayed) == (40, 0, 40, 40)
    assert again.job_ids == first.job_ids
    progress = spring(world).progress()
    assert (progress.total, progress.counts[Status.SCHEDULED], progress.finished) == (40, 40, 0)
    assert progress.first_scheduled_for == min(
        message.scheduled_for for message in first.messages if message.scheduled_for
    )
    assert progress.last_scheduled_for == max(
        message.scheduled_for for message in first.messages if message.scheduled_for
    )


def test_a_campaign_that_was_never_launched_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        spring(world).progress()


def test_a_cancelled_campaign_has_nothing_left_to_send(world: World) -> None:
    launch = spring(world).launch(contacts(5))
    assert spring(world).cancel() == 10
    assert spring(world).progress().counts[Status.CANCELLED] == 10
    assert world.service.status(next(iter(launch.job_ids.values()))).status is Status.CANCELLED


def test_a_paused_campaign_holds_what_is_due_until_it_is_resumed(world: World) -> None:
    spring(world).launch(contacts(1))
    assert spring(world).pause() == 2
    held = world.service.schedule_message(sms(world, campaign_id="spring"))
    free = world.service.schedule_message(sms(world))
    world.ended(free)
    assert [body["jobId"] for body in world.endpoint.bodies(world.workspace)] == [free.job_id]
    assert world.service.status(job_id(held)).waiting_for == "pause"
    spring(world).resume()
    (job,) = world.ended(held)
    assert job.status is Status.COMPLETED


def test_a_shifted_campaign_is_due_so_much_later(world: World) -> None:
    launch = spring(world).launch(contacts(1))
    before = [world.service.status(one).scheduled_for for one in launch.job_ids.values()]
    assert spring(world).shift(timedelta(hours=1)) == 2
    assert [world.service.status(one).scheduled_for for one in launch.job_ids.values()] == [
        due + timedelta(hours=1) for due in before
    ]


def test_a_campaign_of_ten_days_arrives_in_order_at_its_wall_clock_times(world: World) -> None:
    world.advance(timedelta(0))
    steps = [Step(day, "09:30", "sms", template=f"day {day}") for day in range(1, 11)]
    world.service.campaign(
        "long", workspace_id=world.workspace, steps=steps, zone="America/New_York"
    ).launch(contacts(3))
    world.advance(timedelta(days=5, hours=12))
    assert {body["message"] for body in world.endpoint.bodies(world.workspace)} == {
        f"day {day}" for day in range(1, 6)
    }
    world.advance(timedelta(days=6))
    messages = [body["message"] for body in world.endpoint.bodies(world.workspace)]
    assert messages == [f"day {day}" for day in range(1, 11) for _ in range(3)]


def test_a_forecast_ends_after_it_starts_and_starts_when_it_is_due(world: World) -> None:
    world.needs("/api/forecast")
    due = world.now() + timedelta(days=1)
    forecast = world.service.forecast(
        workspace_id=world.workspace, channel="sms", count=500, scheduled_for=due
    )
    assert forecast.start_at is not None
    assert forecast.end_at is not None
    assert forecast.start_at >= due - timedelta(milliseconds=1)
    assert timedelta(seconds=9) <= forecast.end_at - forecast.start_at <= timedelta(seconds=12)


def test_a_workspace_that_nobody_has_seen_has_figures_of_zero(world: World) -> None:
    world.needs("/api/metrics/workspace/{workspaceId}")
    figures = world.service.workspace_metrics(world.workspace)
    assert [
        (use.count, use.last_exceeded, use.details, use.sent, use.backlog)
        for use in (figures.sms, figures.email)
    ] == [(0, None, (), 0, 0)] * 2


def test_figures_count_what_was_sent(world: World) -> None:
    world.needs("/api/metrics")
    before = world.service.metrics().sms.total_processed
    world.ended(*(world.service.schedule_message(sms(world)) for _ in range(3)))
    assert world.service.metrics().sms.total_processed == before + 3
    assert world.service.workspace_metrics(world.workspace).sms.sent == 3


def test_a_workspaces_settings_are_read_as_they_were_set_and_cleared(world: World) -> None:
    world.needs("/api/workspaces/{workspaceId}")
    window = SendWindow(start="08:00", end="21:00", days=(1, 2, 3))
    changed = world.service.change_workspace(
        world.workspace, timezone="Asia/Tokyo", limits={"sms": 5.0}, send_window=window
    )
    assert (changed.timezone, changed.limits["sms"], changed.send_window) == (  # type: ignore[index]
        "Asia/Tokyo",
        5.0,
        window,
    )
    cleared = world.service.change_workspace(world.workspace, send_window=None)
    assert (cleared.timezone, cleared.send_window) == ("Asia/Tokyo", None)
    assert world.service.workspace(world.workspace) == cleared
