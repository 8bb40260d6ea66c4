"""A campaign over a change to summer time: every message arrives at the wall-clock time of
its contact's zone that its step names.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from queue_services_client import Contact, Status, Step
from queue_services_client.campaigns import Campaign
from tests.client.suite.worlds import RealWorld, World

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Sydney",
    "America/Sao_Paulo",
]
STEPS = [
    Step(0, "09:30", "sms", template="eve"),
    Step(1, "02:30", "sms", template="night"),
    Step(2, "09:30", "sms", template="after"),
]
WITHIN = timedelta(seconds=30)
"""How long the messages of one zone and step take at 50 a second, and more."""


def next_change(zone: str, after: date) -> date:
    """The first day after `after` whose clocks are put forward."""
    day = after
    while True:
        day += timedelta(days=1)
        before, behind = (
            datetime(one.year, one.month, one.day, 12, tzinfo=ZoneInfo(zone)).utcoffset()
            for one in (day - timedelta(days=1), day)
        )
        if before is not None and behind is not None and behind > before:
            return day


def wall_clock(zone: str, day: date, at: str) -> datetime:
    """The instant of a wall-clock time; one that a change skips is as much later."""
    hour, minute = map(int, at.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(
        UTC
    )


@pytest.mark.parametrize(
    "contacts",
    [
        pytest.param(20, marks=pytest.mark.long(bounded=True)),
        pytest.param(1_000, marks=pytest.mark.long),
    ],
)
def test_every_message_arrives_at_its_contacts_wall_clock_time_over_a_change_to_summer_time(
    world: World, contacts: int
) -> None:
    world.advance(timedelta(0))
    now = world.now()
    eve = next_change(ZONES[0], now.date() + timedelta(days=3)) - timedelta(days=1)
    people = [
        Contact(f"c-{number}", phone=f"+49170{number:07}", zone=ZONES[number % len(ZONES)])
        for number in range(contacts)
    ]
    campaign: Campaign = world.service.campaign(
        "summer", workspace_id=world.workspace, steps=STEPS, zone="UTC"
    )
    launch = campaign.launch(people, start=eve)
    assert launch.accepted == contacts * len(STEPS)
    world.advance(datetime(eve.year, eve.month, eve.day, tzinfo=UTC) + timedelta(days=4) - now)
    jobs = {
        job.job_id: job
        for start in range(0, len(launch.job_ids), 1_000)
        for job in world.service.statuses(list(launch.job_ids.values())[start : start + 1_000]).jobs
    }
    zones = {person.id: person.zone or "" for person in people}
    steps = {str(number): step for number, step in enumerate(STEPS, start=1)}
    for (contact_id, step_id), job_id in launch.job_ids.items():
        job, step, zone = jobs[job_id], steps[step_id], zones[contact_id]
        expected = wall_clock(zone, eve + timedelta(days=step.day), step.at)
        assert (job.status, job.scheduled_for) == (Status.COMPLETED, expected), (contact_id, step)
        assert job.finished_at is not None
        assert timedelta(0) <= job.finished_at - expected <= WITHIN, (contact_id, step)
    seconds = sorted(job.finished_at.timestamp() for job in jobs.values() if job.finished_at)
    if isinstance(world, RealWorld):  # the fake one has no limits
        assert all(
            later - earlier >= 0.99 for earlier, later in zip(seconds, seconds[50:], strict=False)
        )
    assert len(world.endpoint.bodies(world.workspace)) == len(jobs)
