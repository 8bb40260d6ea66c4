"""Jobs over HTTP: one, many, the list, and what an operator may wish of one."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.service import EMAIL, SMS, Service, fields

NOBODY = "0195bd59-be4b-7c16-b864-0ba94ef0ae11"
NO_UUIDS = [
    "nope",
    "0",
    NOBODY + "0",
    NOBODY[:-1],
    NOBODY.replace("-", ""),
    "x" * 5000,
    "{" + NOBODY + "}",
    "%20" + NOBODY,
    quote("ä/ö"),
]


async def test_a_job_shows_every_member_at_the_top_level(service: Service) -> None:
    metadata = {"campaignId": "spring", "messageId": "m-1", "n": {"a": [1, 2.5]}}
    job = await service.schedule(metadata=metadata, delay=60_000)
    assert await service.job(job) == {
        "success": True,
        "jobId": job,
        "status": "SCHEDULED",
        "reason": None,
        "channel": "sms",
        "workspaceId": "workspace-1",
        "contactId": "contact-1",
        "campaignId": "spring",
        "scheduledFor": "2025-03-22T10:16:30.123Z",
        "createdAt": "2025-03-22T10:15:30.123Z",
        "finishedAt": None,
        "attemptsMade": 0,
        "maxAttempts": 3,
        "nextAttemptAt": "2025-03-22T10:16:30.123Z",
        "estimatedAt": "2025-03-22T10:16:30.123Z",
        "waitingFor": "due",
        "units": 1,
        "error": None,
        "metadata": metadata,
        "attempts": [],
    }


async def test_an_id_is_matched_whatever_its_case_and_an_unknown_query_is_ignored(
    service: Service,
) -> None:
    job = await service.schedule()
    assert (await service.ask("GET", f"/api/job-status/{job.upper()}?anything=1"))["jobId"] == job


@pytest.mark.parametrize("job", [NOBODY, *NO_UUIDS])
async def test_an_unknown_id_is_404_in_every_call(service: Service, job: str) -> None:
    await service.ask("GET", f"/api/job-status/{job}", 404)
    for call in ("retry-job", "promote-job", "cancel-job"):
        await service.ask("POST", f"/api/{call}/{job}", 404)
    await service.ask("POST", f"/api/reschedule-job/{job}", 404, json={"delay": 5})


async def test_an_id_that_is_no_uuid_does_not_reach_the_store(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.ask("GET", "/api/jobs")  # it knows now that there is no key
    monkeypatch.setattr(service.database, "read", None)
    for job in NO_UUIDS:
        await service.ask("GET", f"/api/job-status/{job}", 404)
    await service.ask("GET", "/api/job-status/a%00b", 400)
    await service.ask("GET", "/api/job-status/a%ED%A0%80b", 400)


async def test_many_jobs_are_asked_for_at_once(service: Service) -> None:
    jobs = [await service.schedule() for _ in range(3)]
    wanted = [jobs[2], NOBODY, jobs[0].upper(), "nope", jobs[2]]
    answer = await service.ask("POST", "/api/job-status", json={"jobIds": wanted})
    assert {job["jobId"] for job in answer["jobs"]} == {jobs[0], jobs[2]}
    assert answer["unknown"] == [NOBODY, "nope"]
    assert all("attempts" not in job and "success" not in job for job in answer["jobs"])


async def test_a_thousand_jobs_may_be_asked_for_and_one_more_may_not(service: Service) -> None:
    assert (
        len(
            (
                await service.ask(
                    "POST",
                    "/api/job-status",
                    json={"jobIds": [f"j{number}" for number in range(1000)]},
                )
            )["unknown"]
        )
        == 1000
    )
    assert fields(
        await service.ask("POST", "/api/job-status", 400, json={"jobIds": ["j"] * 1001})
    ) == {"jobIds"}


@pytest.mark.parametrize("body", [{}, {"jobIds": "x"}, {"jobIds": [1]}, {"jobIds": [], "more": 1}])
async def test_a_wrong_question_is_refused(service: Service, body: dict[str, Any]) -> None:
    await service.ask("POST", "/api/job-status", 400, json=body)


async def test_a_scheduled_job_is_cancelled_once(service: Service) -> None:
    job = await service.schedule()
    answer = await service.ask("POST", f"/api/cancel-job/{job}")
    assert (answer["success"], answer["job"]["status"], answer["job"]["reason"]) == (
        True,
        "CANCELLED",
        "cancelled",
    )
    assert "attempts" not in answer["job"]
    assert answer["job"]["finishedAt"] == "2025-03-22T10:15:30.123Z"
    assert (
        "It is CANCELLED" in (await service.ask("POST", f"/api/cancel-job/{job}", 409))["message"]
    )


async def test_a_cancelled_job_is_scheduled_again_by_retry_and_a_scheduled_one_is_not(
    service: Service,
) -> None:
    job = await service.schedule()
    await service.ask("POST", f"/api/retry-job/{job}", 409)
    await service.ask("POST", f"/api/cancel-job/{job}")
    service.pass_time(5)
    answer = await service.ask("POST", f"/api/retry-job/{job}", json={})
    assert (answer["job"]["status"], answer["job"]["scheduledFor"]) == (
        "SCHEDULED",
        "2025-03-22T10:15:35.123Z",
    )


async def test_a_job_is_promoted_to_now(service: Service) -> None:
    job = await service.schedule(delay=86_400_000)
    assert (await service.ask("POST", f"/api/promote-job/{job}"))["job"][
        "scheduledFor"
    ] == "2025-03-22T10:15:30.123Z"


@pytest.mark.parametrize(
    ("body", "due"),
    [
        ({"delay": 5000}, "2025-03-22T10:15:35.123Z"),
        ({"delay": 0}, "2025-03-22T10:15:30.123Z"),
        ({"scheduledFor": "2025-03-22T12:00:00+01:00"}, "2025-03-22T11:00:00.000Z"),
        ({"scheduledFor": "2020-01-01T00:00:00Z", "delay": None}, "2025-03-22T10:15:30.123Z"),
    ],
)
async def test_a_job_is_given_another_time(
    service: Service, body: dict[str, Any], due: str
) -> None:
    job = await service.schedule()
    assert (await service.ask("POST", f"/api/reschedule-job/{job}", json=body))["job"][
        "scheduledFor"
    ] == due
    assert (await service.job(job))["scheduledFor"] == due


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"delay"}),
        ({"delay": None}, {"delay"}),
        ({"delay": -1}, {"delay"}),
        ({"delay": "5"}, {"delay"}),
        ({"scheduledFor": "soon"}, {"scheduledFor"}),
        ({"scheduledFor": "2030-01-01T00:00:00Z"}, {"scheduledFor"}),
        ({"delay": 5, "scheduledFor": "2025-04-01T00:00:00Z"}, {"scheduledFor"}),
        ({"delay": 5, "at": "x"}, {"at"}),
    ],
)
async def test_a_time_that_is_none_is_refused_and_changes_nothing(
    service: Service, body: dict[str, Any], named: set[str]
) -> None:
    job = await service.schedule()
    assert fields(await service.ask("POST", f"/api/reschedule-job/{job}", 400, json=body)) == named
    assert (await service.job(job))["scheduledFor"] == "2025-03-22T10:16:30.123Z"


async def test_a_finished_job_is_neither_promoted_nor_rescheduled(service: Service) -> None:
    job = await service.schedule()
    await service.ask("POST", f"/api/cancel-job/{job}")
    await service.ask("POST", f"/api/promote-job/{job}", 409)
    await service.ask("POST", f"/api/reschedule-job/{job}", 409, json={"delay": 5})


async def test_a_body_where_none_is_wanted_may_be_empty_and_no_more(service: Service) -> None:
    job = await service.schedule()
    assert fields(await service.ask("POST", f"/api/promote-job/{job}", 400, json={"delay": 5})) == {
        "delay"
    }
    await service.ask(
        "POST",
        f"/api/promote-job/{job}",
        415,
        content=b"now",
        headers={"content-type": "text/plain"},
    )
    await service.ask("POST", f"/api/promote-job/{job}?now=1", 400)
    await service.ask(
        "POST",
        f"/api/promote-job/{job}",
        200,
        content=b"",
        headers={"content-type": "application/json"},
    )


async def _some_jobs(service: Service) -> list[str]:
    """Six jobs, one a minute: two SMS of workspace a, two email of b (campaign spring), one
    cancelled, one of c.
    """
    jobs = []
    spring = {**EMAIL, "workspaceId": "b", "metadata": {"campaignId": "spring"}}
    for path, body in (
        ("sms", {**SMS, "workspaceId": "a"}),
        ("sms", {**SMS, "workspaceId": "a", "phoneNumber": "(1) 22-333"}),
        ("email", spring),
        ("email", spring),
        ("sms", {**SMS, "workspaceId": "a", "contactId": "contact-2"}),
        ("email", {**EMAIL, "workspaceId": "c", "to": "Grace@Example.com"}),
    ):
        jobs.append(
            (await service.ask("POST", f"/api/schedule-{path}", json={**body, "delay": 3_600_000}))[
                "jobId"
            ]
        )
        service.pass_time(60)
    await service.ask("POST", f"/api/cancel-job/{jobs[4]}")
    return jobs


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [5, 4, 3, 2, 1, 0]),
        ("workspaceId=a", [4, 1, 0]),
        ("channel=email", [5, 3, 2]),
        ("status=CANCELLED", [4]),
        ("status=SCHEDULED&workspaceId=a", [1, 0]),
        ("status=FAILED", []),
        ("campaignId=spring&workspaceId=b", [3, 2]),
        ("contactId=contact-2", [4]),
        ("recipient=122333", [1]),
        ("recipient=%2B1-22-333", [1]),
        ("recipient=GRACE%40example.com", [5]),
        ("from=2025-03-22T10:18:30.123Z", [5, 4, 3]),
        ("to=2025-03-22T10:18:30.123Z", [2, 1, 0]),
        ("from=2025-03-22T11:16:30.123%2B01:00&to=2025-03-22T11:18:30.123+01:00", [2, 1]),
    ],
)
async def test_the_list_is_filtered_and_newest_first(
    service: Service, query: str, found: list[int]
) -> None:
    jobs = await _some_jobs(service)
    answer = await service.ask("GET", f"/api/jobs?{query}")
    assert [job["jobId"] for job in answer["jobs"]] == [jobs[index] for index in found]
    assert (answer["success"], answer["nextCursor"]) == (True, None)


async def test_the_list_comes_in_pages(service: Service) -> None:
    jobs = await _some_jobs(service)
    seen, query, sizes = [], "limit=4", []
    while True:
        answer = await service.ask("GET", f"/api/jobs?{query}")
        seen += [job["jobId"] for job in answer["jobs"]]
        sizes.append(len(answer["jobs"]))
        if answer["nextCursor"] is None:
            break
        query = f"limit=4&cursor={answer['nextCursor']}"
    assert (seen, sizes) == (jobs[::-1], [4, 2])


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", {"limit"}),
        ("limit=201", {"limit"}),
        ("limit=ten", {"limit"}),
        ("status=scheduled", {"status"}),
        ("channel=fax", {"channel"}),
        ("from=yesterday&to=2025-03-22", {"from", "to"}),
        ("cursor=x", {"cursor"}),
        ("workspace=a&foo=1", {"workspace", "foo"}),
        ("workspaceId=", {"workspaceId"}),
        ("workspaceId=a&workspaceId=b", {"workspaceId"}),
        ("contactId=a%00", {"contactId"}),
        ("contactId=%ED%A0%80", {"query"}),
        ("contactId=" + "x" * 256, {"contactId"}),
    ],
)
async def test_a_query_that_is_not_understood_is_refused_naming_it(
    service: Service, query: str, named: set[str]
) -> None:
    assert fields(await service.ask("GET", f"/api/jobs?{query}", 400)) == named
