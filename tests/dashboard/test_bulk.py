"""What is done to many jobs: counted, confirmed, and then done in the background."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from queue_services.clock import Clock
from queue_services.dashboard.app import open_dashboard
from queue_services.domain.message import Status
from queue_services.settings.slices import DashboardSettings
from tests.api.service import START
from tests.dashboard.site import Site, opened

MATCHING: dict[str, Any] = {
    "scope": "matching",
    "status": "scheduled",
    "campaign": "spring",
    "workspace": "workspace-1",
}


async def statuses(site: Site, *jobs: str) -> list[str]:
    return [(await site.service.job(job))["status"] for job in jobs]


async def test_all_that_match_are_counted_confirmed_and_cancelled(site: Site) -> None:
    spring = [await site.service.schedule(metadata={"campaignId": "spring"}) for _ in range(3)]
    other = await site.service.schedule()
    site.service.pass_time(1)
    asked = await site.post("/jobs/bulk", 200, action="cancel", **MATCHING)
    assert "Cancel 3 jobs?" in asked.text
    assert "Yes, cancel 3" in asked.text
    assert await statuses(site, *spring) == ["SCHEDULED"] * 3
    begun = await site.act("/jobs/bulk/start", action="cancel", **MATCHING)
    assert "State Waiting" in begun.text
    await site.finish_operations()
    [operation] = (await site.get("/operations")).source.split('href="/admin/queues/operations/')[
        1:2
    ]
    page = await site.get(f"/operations/{operation.partition(chr(34))[0]}")
    assert "State Finished Done 3 Skipped 0" in page.text
    assert await statuses(site, *spring, other) == ["CANCELLED"] * 3 + ["SCHEDULED"]
    log = (await site.get("/operations")).text
    assert (
        "cancel jobs all that match 3 jobs that match workspace=workspace-1, campaign=spring,"
        " status=scheduled done" in log
    )


async def test_chosen_jobs_are_retried(site: Site) -> None:
    jobs = [await site.service.schedule(delay=0) for _ in range(2)]
    await site.fail(*jobs)
    left = await site.service.schedule()
    asked = await site.post("/jobs/bulk", 200, action="retry", status="dead", job=jobs)
    assert "Retry 2 jobs?" in asked.text
    await site.act("/jobs/bulk/start", action="retry", job=jobs)
    await site.finish_operations()
    assert await statuses(site, *jobs, left) == ["SCHEDULED"] * 3


async def test_jobs_are_rescheduled_to_a_time(site: Site) -> None:
    job = await site.service.schedule(metadata={"campaignId": "spring"})
    site.service.pass_time(1)
    await site.act("/jobs/bulk/start", action="reschedule", due_at="2025-05-01T08:00", **MATCHING)
    await site.finish_operations()
    assert (await site.service.job(job))["scheduledFor"] == "2025-05-01T08:00:00.000Z"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"action": "cancel", "scope": "matching", "status": "scheduled"},
            "narrow the jobs down first",
        ),
        ({"action": "cancel", "scope": "matching", "campaign": "spring"}, "choose a tab"),
        ({"action": "retry", **MATCHING}, "can be retried"),
        ({"action": "cancel"}, "choose some rows first"),
        ({"action": "reschedule", **MATCHING}, "say when"),
        ({"action": "reschedule", **MATCHING, "due_at": "soon"}, "must be a date and time"),
        ({"action": "explode", **MATCHING}, "choose what to do"),
    ],
)
async def test_nothing_is_done_to_jobs_that_nobody_has_narrowed_down(
    site: Site, fields: dict[str, Any], reason: str
) -> None:
    job = await site.service.schedule(metadata={"campaignId": "spring"})
    for path in ("/jobs/bulk", "/jobs/bulk/start"):
        assert reason in (await site.post(path, 400, **fields)).text
    await site.finish_operations()
    assert await statuses(site, job) == ["SCHEDULED"]


async def test_an_operation_is_stopped_before_it_begins(site: Site) -> None:
    job = await site.service.schedule(metadata={"campaignId": "spring"})
    site.service.pass_time(1)
    where = (await site.post("/jobs/bulk/start", action="cancel", **MATCHING)).to
    assert "The rest is left as it is" in (await site.act(f"{where}/stop")).text
    await site.finish_operations()
    assert await statuses(site, job) == ["SCHEDULED"]
    await site.post(f"{where}/stop", 409)


async def test_the_process_that_serves_the_dashboard_does_what_was_asked_for(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as site:
        job = await site.service.schedule(metadata={"campaignId": "spring"})
        site.service.pass_time(1)
        await site.act("/jobs/bulk/start", action="cancel", **MATCHING)
        clock = Clock(monotonic=lambda: site.service.seconds, wall=lambda: START)
        dashboard = await open_dashboard(site.service.database, clock, DashboardSettings())
        async with dashboard.running(), asyncio.timeout(10):
            while (await site.store.job(job, site.service.now)).status is not Status.CANCELLED:
                await asyncio.sleep(0)
