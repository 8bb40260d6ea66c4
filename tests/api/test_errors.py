"""Failed jobs by their fault, by the API: found, opened and retried as a group."""

from __future__ import annotations

from typing import Any

from queue_services.domain.message import Channel
from queue_services.domain.outcome import AnswerBody, Kind
from queue_services.queue import claims, settling
from tests.api.service import Service
from tests.support.builders import request, settlement, terms


async def fail(service: Service, error: str, **members: Any) -> str:
    """Schedule a job that fails of an error; its id."""
    job = await service.schedule(delay=0, **members)
    service.pass_time(2)
    found = await service.database.write(claims.claim, request(Channel.SMS), service.now)
    body = AnswerBody(error.encode(), "text/plain", cut=True)
    outcomes = [
        settlement(one, Kind.REJECTED, error=error, body=body, started_at=service.now)
        for one in found.messages
    ]
    await service.database.write(settling.settle, outcomes, [], terms(), service.now)
    return job


async def test_errors_are_grouped_with_an_example_and_found_by_their_group(
    service: Service,
) -> None:
    jobs = [await fail(service, f"order {number} is gone") for number in (17, 18)]
    answer = await service.ask("GET", "/api/errors")
    [group] = answer["errors"]
    assert (group["statusCode"], group["message"], group["count"]) == (422, "order … is gone", 2)
    assert group["example"] in jobs
    listed = await service.ask("GET", f"/api/jobs?errorGroup={group['errorGroup']}&status=FAILED")
    assert [job["jobId"] for job in listed["jobs"]] == jobs[::-1]
    await service.ask("GET", "/api/jobs?errorGroup=nothing", 400)


async def test_the_whole_answer_is_shown_with_the_attempt(service: Service) -> None:
    job = await fail(service, "no such order")
    [attempt] = (await service.job(job))["attempts"]
    assert (attempt["answer"], attempt["answerCut"]) == ("no such order", True)


async def test_a_group_is_retried_at_once(service: Service) -> None:
    job = await fail(service, "down")
    [group] = (await service.ask("GET", "/api/errors"))["errors"]
    body = {"action": "retry", "filter": {"status": "FAILED", "errorGroup": group["errorGroup"]}}
    answer = await service.client.post("/api/operations", json=body)
    assert answer.json()["count"] == 1
    await service.ask("POST", f"/api/retry-job/{job}")
    assert (await service.ask("GET", "/api/errors"))["errors"] == []


async def test_a_workspaces_key_sees_its_own_errors_alone(service: Service) -> None:
    await fail(service, "mine", workspaceId="acme")
    await fail(service, "theirs", workspaceId="globex")
    made = await service.ask("POST", "/api/keys", json={"workspaceId": "acme"})
    service.client.headers["authorization"] = f"Bearer {made['key']}"
    assert [one["message"] for one in (await service.ask("GET", "/api/errors"))["errors"]] == [
        "mine"
    ]
    await service.ask("GET", "/api/errors?workspaceId=globex", 403)


async def test_errors_are_paged_and_narrowed(service: Service) -> None:
    for error in ("a", "b", "b"):
        await fail(service, error, metadata={"campaignId": f"c-{error}"})
    page = await service.ask("GET", "/api/errors?limit=1")
    assert [one["message"] for one in page["errors"]] == ["b"]
    rest = await service.ask("GET", f"/api/errors?limit=1&cursor={page['nextCursor']}")
    assert ([one["message"] for one in rest["errors"]], rest["nextCursor"]) == (["a"], None)
    spring = await service.ask("GET", "/api/errors?campaignId=c-a")
    assert [one["message"] for one in spring["errors"]] == ["a"]
    await service.ask("GET", "/api/errors?cursor=x", 400)
