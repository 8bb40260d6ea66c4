"""Tracking against the real service: an application killed in the middle loses and doubles
nothing; how long the large cases take.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from queue_services_client import Contact, QueueService, Step
from queue_services_client.reconcile import reconcile
from queue_services_client.tracking import schedule_tracked
from queue_services_client.tracking.sqlalchemy import SqlTracker
from queue_services_client.types import Email, Status
from tests.client.suite.endpoint import Endpoint
from tests.client.suite.worlds import PATIENCE, real_service

APPLICATION = """
import os, signal, sys
from sqlalchemy import create_engine
from queue_services_client import Email, QueueService
from queue_services_client.tracking import schedule_tracked, scheduling
from queue_services_client.tracking.sqlalchemy import SqlTracker

url, database, dies_at = sys.argv[1:]
scheduling.AT_ONCE = 20


class Killed(SqlTracker):
    '''Killed while it tracks its second twenty: after they were written down, or after they were scheduled.'''

    def plan(self, messages, now):
        planned = super().plan(messages, now)
        self.twenties = getattr(self, "twenties", 0) + 1
        if (dies_at, self.twenties) == ("plan", 2):
            os.kill(os.getpid(), signal.SIGKILL)
        return planned

    def record(self, *results):
        if dies_at == "record" and results[0].idempotency_key == "k-20":
            os.kill(os.getpid(), signal.SIGKILL)
        super().record(*results)


tracker = Killed(create_engine(f"sqlite:///{database}"))
tracker.create_tables()
with QueueService(url) as service:
    emails = [
        Email(to=f"c{number}@example.org", subject="Hi", html="<p>Hi</p>", contact_id=f"c-{number}", workspace_id=dies_at, idempotency_key=f"k-{number}")
        for number in range(40)
    ]
    schedule_tracked(tracker, service, emails, service.now())
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Endpoint]]:
    """The service's URL, and what it calls."""
    endpoint = Endpoint()
    with real_service(tmp_path_factory.mktemp("queue"), endpoint) as (url, _, _):
        yield url, endpoint


@pytest.fixture
def service(started: tuple[str, Endpoint]) -> Iterator[QueueService]:
    with QueueService(started[0], timeout=60) as service:
        yield service


@pytest.fixture
def tracker(tmp_path: Path) -> SqlTracker:
    ready = SqlTracker(create_engine(f"sqlite:///{tmp_path / 'app.db'}"))
    ready.create_tables()
    return ready


def emails(count: int, delay: timedelta) -> list[Email]:
    members = {"subject": "Hi", "html": "<p>Hi</p>", "workspace_id": "acme", "delay": delay}
    return [
        Email(
            to=f"c{number}@example.org",
            contact_id=f"c-{number}",
            idempotency_key=f"k-{number}",
            **members,  # type: ignore[arg-type]
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("dies_at", "open_then", "rescheduled"), [("plan", 40, 40), ("record", 20, 0)]
)
def test_an_application_killed_between_scheduling_and_recording_loses_and_doubles_no_message(
    started: tuple[str, Endpoint],
    service: QueueService,
    tracker: SqlTracker,
    tmp_path: Path,
    dies_at: str,
    open_then: int,
    rescheduled: int,
) -> None:
    command = [sys.executable, "-c", APPLICATION, started[0], str(tmp_path / "app.db"), dies_at]
    died = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert sum(len(page) for page in tracker.open_messages(unrecorded=True)) == open_then
    report = reconcile(tracker, service)
    assert (report.rescheduled, report.refused) == (rescheduled, 0)
    deadline = time.monotonic() + PATIENCE
    while any(tracker.open_messages()) and time.monotonic() < deadline:
        reconcile(tracker, service)
    assert list(tracker.open_messages()) == []
    arrived = Counter(body["contactId"] for body in started[1].bodies(dies_at))
    assert arrived == {f"c-{number}": 1 for number in range(40)}
    assert len(list(service.jobs(workspace_id=dies_at))) == 40


@pytest.mark.long(bounded=True)
def test_a_hundred_thousand_open_messages_are_reconciled_within_half_a_minute(
    service: QueueService, tracker: SqlTracker
) -> None:
    assert (
        schedule_tracked(
            tracker, service, emails(100_000, timedelta(days=1)), service.now()
        ).accepted
        == 100_000
    )
    cancelled = [
        job.job_id for _, job in zip(range(1_000), service.jobs(workspace_id="acme"), strict=False)
    ]
    for job_id in cancelled:
        service.cancel(job_id)
    begun = time.perf_counter()
    first = reconcile(tracker, service)
    took = time.perf_counter() - begun
    begun = time.perf_counter()
    second = reconcile(tracker, service)
    print(json.dumps({"first": round(took, 1), "second": round(time.perf_counter() - begun, 3)}))
    assert (first.asked, first.corrected, second.asked) == (99_000, 1_000, 0)
    assert took < 30


@pytest.mark.long(bounded=True)
def test_ten_thousand_contacts_are_launched_on_three_steps_within_five_seconds(
    service: QueueService,
) -> None:
    steps = [
        Step(
            day,
            "09:30",
            "email",
            subject="Day $day",
            template="<p>Hello $name</p>",
            metadata={"day": day},
        )
        for day in (1, 3, 7)
    ]
    contacts = [
        Contact(
            f"c-{number}", email=f"c{number}@example.org", fields={"name": f"N{number}", "day": "x"}
        )
        for number in range(10_000)
    ]
    took = []
    for round_number in range(3):
        campaign = service.campaign(
            f"spring-{round_number}", workspace_id="acme", steps=steps, zone="Europe/Berlin"
        )
        begun = time.perf_counter()
        launch = campaign.launch(contacts)
        took.append(time.perf_counter() - begun)
        assert launch.accepted == 30_000
    print(json.dumps({"seconds": [round(one, 2) for one in took]}))
    assert (
        service.campaign("spring-0", workspace_id="acme").progress().counts[Status.SCHEDULED]
        == 30_000
    )
    assert min(took) < 5
