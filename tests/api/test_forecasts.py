"""Forecasts over HTTP: of so many more messages, of a waiting job, of a campaign."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from queue_services.errors import StoreUnavailable
from queue_services.queue.forecasts import Forecasts
from tests.api.service import SMS, Service, fields

START = "2025-03-22T10:15:30.123Z"
ASKED = {"workspaceId": "workspace-1", "channel": "sms", "count": 500}


def seconds(time: str) -> float:
    """How long after the beginning of the test."""
    return (datetime.fromisoformat(time) - datetime.fromisoformat(START)).total_seconds()


async def fill(service: Service, count: int, **members: Any) -> list[str]:
    messages = [{"channel": "sms", **SMS, **members} for _ in range(count)]
    answer = await service.ask("POST", "/api/schedule-batch", json={"messages": messages})
    return [result["jobId"] for result in answer["results"]]


async def test_an_idle_service_starts_at_once_and_sends_at_its_limit(service: Service) -> None:
    found = await service.ask("POST", "/api/forecast", json=ASKED)
    assert (found["success"], found["startAt"], found["limitedBy"]) == (True, START, "serviceLimit")
    assert seconds(found["endAt"]) == pytest.approx(500 / 50 * 1.02, abs=0.3)
    one_of_another_day = await service.ask(
        "POST",
        "/api/forecast",
        json={**ASKED, "count": 1, "scheduledFor": "2025-04-01T12:00:00+02:00"},
    )
    assert (one_of_another_day["startAt"], one_of_another_day["limitedBy"]) == (
        "2025-04-01T10:00:00.000Z",
        "due",
    )


async def test_a_limit_of_its_own_holds_a_workspace_back(service: Service) -> None:
    await service.ask("PUT", "/api/workspaces/slow", json={"limits": {"sms": 5}})
    slow = await service.ask(
        "POST", "/api/forecast", json={**ASKED, "workspaceId": "slow", "count": 50}
    )
    assert seconds(slow["endAt"]) == pytest.approx(50 / 5 * 1.02, abs=0.5)
    assert slow["limitedBy"] == "workspaceLimit"


async def test_a_backlog_comes_first(service: Service) -> None:
    await fill(service, 1000)
    assert seconds(
        (await service.ask("POST", "/api/forecast", json=ASKED))["startAt"]
    ) == pytest.approx(1000 / 50 * 1.02, abs=0.5)


async def test_what_is_paused_is_not_foreseen(service: Service) -> None:
    await service.ask("POST", "/api/channels/sms/pause")
    found = await service.ask("POST", "/api/forecast", json=ASKED)
    assert (found["startAt"], found["endAt"], found["limitedBy"]) == (None, None, "pause")


async def test_a_waiting_job_says_when_it_is_expected(service: Service) -> None:
    jobs = await fill(service, 500)
    expected = [
        seconds((await service.job(job))["estimatedAt"]) for job in (jobs[0], jobs[250], jobs[-1])
    ]
    assert expected == pytest.approx([0, 250 / 50 * 1.02, 500 / 50 * 1.02], abs=0.3)
    await service.ask("POST", f"/api/cancel-job/{jobs[0]}")
    assert (await service.job(jobs[0]))["estimatedAt"] is None


async def test_lists_and_many_statuses_expect_each_job_as_its_own_status_does(
    service: Service,
) -> None:
    jobs = [
        *await fill(service, 150),
        *await fill(service, 30, workspaceId="slow", priority="high"),
        *await fill(service, 5, delay=600_000, priority="low"),
    ]
    jobs += await fill(service, 2, workspaceId="paused", metadata={"campaignId": "spring"})
    await service.ask("PUT", "/api/workspaces/slow", json={"limits": {"sms": 5}})
    await service.ask("POST", "/api/campaigns/spring/pause?workspaceId=paused")
    await service.ask("POST", f"/api/cancel-job/{jobs[3]}")
    alone = {
        job: {name: (await service.job(job))[name] for name in ("estimatedAt", "waitingFor")}
        for job in jobs
    }
    listed = (await service.ask("GET", "/api/jobs?limit=200"))["jobs"]
    asked = (await service.ask("POST", "/api/job-status", json={"jobIds": jobs}))["jobs"]
    assert len(listed) == len(asked) == len(jobs)
    for found in (*listed, *asked):
        single = alone[found["jobId"]]
        assert found["waitingFor"] == single["waitingFor"]
        if single["estimatedAt"] is None:
            assert found["estimatedAt"] is None
            assert found["waitingFor"] in {"pause", None}
        else:
            assert seconds(found["estimatedAt"]) == pytest.approx(
                seconds(single["estimatedAt"]), rel=0.05, abs=1
            )
            assert found["estimatedAt"] >= found["scheduledFor"]
    assert sum(found["estimatedAt"] is None for found in listed) == 3


async def test_of_more_statuses_than_a_page_of_a_list_holds_none_is_expected(
    service: Service,
) -> None:
    jobs = await fill(service, 201)
    of = [
        (await service.ask("POST", "/api/job-status", json={"jobIds": jobs[:count]}))["jobs"]
        for count in (200, 201)
    ]
    assert [sum(found["estimatedAt"] is not None for found in some) for some in of] == [200, 0]


async def test_calls_that_act_on_a_job_say_when_it_is_expected(service: Service) -> None:
    [job, *_] = await fill(service, 1, delay=600_000)
    in_an_hour = await service.ask("POST", f"/api/reschedule-job/{job}", json={"delay": 3_600_000})
    assert seconds(in_an_hour["job"]["estimatedAt"]) == 3600
    now = await service.ask("POST", f"/api/promote-job/{job}")
    assert now["job"]["estimatedAt"] == START
    cancelled = await service.ask("POST", f"/api/cancel-job/{job}")
    assert cancelled["job"]["estimatedAt"] is None
    again = await service.ask("POST", f"/api/retry-job/{job}")
    assert again["job"]["estimatedAt"] == START


async def test_what_was_done_is_answered_though_the_store_went_away_before_the_forecast(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise StoreUnavailable("it is away")

    [job] = await fill(service, 1, delay=600_000)
    monkeypatch.setattr(Forecasts, "of_job", away)
    found = await service.ask("POST", f"/api/reschedule-job/{job}", json={"delay": 3_600_000})
    assert (found["job"]["status"], found["job"]["estimatedAt"]) == ("SCHEDULED", None)


async def test_a_campaign_says_when_its_last_message_is_expected(service: Service) -> None:
    await fill(service, 300, metadata={"campaignId": "spring"})
    await fill(service, 1, metadata={"campaignId": "spring"}, delay=60_000)
    path = "/api/campaigns/spring?workspaceId=workspace-1"
    assert seconds((await service.ask("GET", path))["estimatedEnd"]) == pytest.approx(60, abs=0.3)
    await service.ask("POST", "/api/campaigns/spring/pause?workspaceId=workspace-1")
    assert (await service.ask("GET", path))["estimatedEnd"] is None


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"channel": "fax", "count": 0}, {"channel", "count"}),
        ({"count": 10**9}, {"count"}),
        ({"count": 1.5, "workspaceId": ""}, {"count", "workspaceId"}),
        ({"scheduledFor": "2027-01-01T00:00:00Z"}, {"scheduledFor"}),
        ({"scheduledFor": "tomorrow"}, {"scheduledFor"}),
        ({"workspaceId": 10**300}, {"workspaceId"}),
        ({"more": 1}, {"more"}),
    ],
)
async def test_what_cannot_be_foreseen_is_refused_by_its_fields(
    service: Service, wrong: dict[str, Any], names: set[str]
) -> None:
    assert fields(await service.ask("POST", "/api/forecast", 400, json={**ASKED, **wrong})) == names
