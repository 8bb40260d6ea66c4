"""Campaigns over HTTP: counts, and ending, holding and moving all of their jobs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.service import Service, fields

SPRING = "/api/campaigns/spring"
OF_1 = "?workspaceId=workspace-1"


async def launched(service: Service, name: Any = "spring", count: int = 3) -> list[str]:
    """That many jobs of a campaign, a minute apart from the first minute on."""
    return [
        await service.schedule(metadata={"campaignId": name}, delay=60_000 * (number + 1))
        for number in range(count)
    ]


async def test_a_campaign_counts_its_jobs_by_status(service: Service) -> None:
    jobs = await launched(service)
    await service.ask("POST", f"/api/cancel-job/{jobs[2]}")
    assert await service.ask("GET", SPRING + OF_1) == {
        "success": True,
        "campaignId": "spring",
        "workspaceId": "workspace-1",
        "state": "active",
        "counts": {"SCHEDULED": 2, "PROCESSING": 0, "COMPLETED": 0, "FAILED": 0, "CANCELLED": 1},
        "firstScheduledFor": "2025-03-22T10:16:30.123Z",
        "lastScheduledFor": "2025-03-22T10:18:30.123Z",
        "estimatedEnd": "2025-03-22T10:18:30.123Z",
    }


async def test_cancel_ends_the_jobs_that_exist_and_none_that_come_later(service: Service) -> None:
    jobs = await launched(service)
    assert await service.ask("POST", f"{SPRING}/cancel{OF_1}") == {"success": True, "count": 3}
    later = await service.schedule(metadata={"campaignId": "spring"})
    assert [(await service.job(job))["status"] for job in (*jobs, later)] == ["CANCELLED"] * 3 + [
        "SCHEDULED"
    ]
    assert (await service.ask("GET", SPRING + OF_1))["counts"]["CANCELLED"] == 3


async def test_pause_holds_and_resume_lets_go(service: Service) -> None:
    [job] = await launched(service, count=1)
    assert (await service.ask("POST", f"{SPRING}/pause{OF_1}"))["count"] == 1
    assert (await service.job(job))["waitingFor"] == "pause"
    assert (await service.ask("POST", f"{SPRING}/resume{OF_1}", json={}))["count"] == 1
    assert (await service.job(job))["waitingFor"] == "due"


@pytest.mark.parametrize(
    ("delay", "due"),
    [
        (3_600_000, "2025-03-22T11:16:30.123Z"),
        (-30_000, "2025-03-22T10:16:00.123Z"),
        (-9e6, "2025-03-22T10:15:30.123Z"),
    ],
)
async def test_shift_moves_the_due_times_never_to_before_now(
    service: Service, delay: float, due: str
) -> None:
    [job] = await launched(service, count=1)
    assert (await service.ask("POST", f"{SPRING}/shift{OF_1}", json={"delay": delay}))["count"] == 1
    assert (await service.job(job))["scheduledFor"] == due


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"delay": None},
        {"delay": "5"},
        {"delay": True},
        {"delay": 1e18},
        {"delay": 1, "scheduledFor": "x"},
    ],
)
async def test_a_shift_by_nothing_sensible_is_refused(
    service: Service, body: dict[str, Any]
) -> None:
    await launched(service, count=1)
    assert fields(await service.ask("POST", f"{SPRING}/shift{OF_1}", 400, json=body)) <= {
        "delay",
        "scheduledFor",
    }


async def test_another_workspace_s_campaign_of_the_same_name_is_another(service: Service) -> None:
    await launched(service)
    await service.ask("GET", f"{SPRING}?workspaceId=workspace-2", 404)
    await service.ask("POST", f"{SPRING}/cancel?workspaceId=workspace-2", 404)
    assert (await service.ask("GET", SPRING + OF_1))["counts"]["SCHEDULED"] == 3


async def test_the_workspace_must_be_named(service: Service) -> None:
    await launched(service)
    assert fields(await service.ask("GET", SPRING, 400)) == {"workspaceId"}
    assert fields(await service.ask("GET", f"{SPRING}?workspaceId=a&force=1", 400)) == {"force"}


@pytest.mark.parametrize(
    "name", ["a/b", "a/cancel", "%2F", "ünï ☃", "..", "?#&=+", "a%b", "spring/"]
)
async def test_a_campaign_may_have_any_name(service: Service, name: str) -> None:
    await launched(service, name, count=1)
    path = "/api/campaigns/" + quote(name, safe="").replace(".", "%2E")
    assert (await service.ask("GET", path + OF_1))["campaignId"] == name
    assert (await service.ask("POST", f"{path}/cancel{OF_1}"))["count"] == 1


async def test_an_integer_campaign_is_found_by_its_digits(service: Service) -> None:
    await launched(service, 17, count=1)
    assert (await service.ask("GET", "/api/campaigns/17" + OF_1))["counts"]["SCHEDULED"] == 1


async def test_an_unknown_campaign_is_404(service: Service) -> None:
    for name in ("nope", "x" * 300):
        await service.ask("GET", f"/api/campaigns/{name}{OF_1}", 404)
        for action in ("cancel", "pause", "resume"):
            await service.ask("POST", f"/api/campaigns/{name}/{action}{OF_1}", 404)


async def test_a_nul_in_a_name_is_400(service: Service) -> None:
    await service.ask("GET", f"/api/campaigns/a%00{OF_1}", 400)
