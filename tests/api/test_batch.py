"""Scheduling many: each message's own result, all or none on request, large bodies."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.api.service import EMAIL, JSON, NDJSON, SMS, Service, fields, ndjson

SMS_ELEMENT = {"channel": "sms", **SMS}
EMAIL_ELEMENT = {"channel": "email", **EMAIL}


async def stored(service: Service) -> int:
    return len((await service.ask("GET", "/api/jobs?limit=200"))["jobs"])


@pytest.mark.parametrize("as_lines", [False, True])
async def test_each_message_has_its_result_in_order(service: Service, as_lines: bool) -> None:
    messages = [
        SMS_ELEMENT,
        {**SMS_ELEMENT, "delay": -1},
        EMAIL_ELEMENT,
        {**EMAIL_ELEMENT, "foo": 1, "to": "x"},
        {**SMS, "channel": "fax"},
        17,
    ]
    request: dict[str, Any] = (
        {"content": ndjson(*messages), "headers": NDJSON}
        if as_lines
        else {"json": {"messages": messages}}
    )
    answer = await service.ask("POST", "/api/schedule-batch", **request)
    assert (answer["success"], answer["accepted"], answer["rejected"]) == (True, 2, 4)
    assert [result["index"] for result in answer["results"]] == list(range(6))
    assert [sorted(result) for result in answer["results"]] == [
        ["index", "jobId"],
        ["errors", "index"],
        ["index", "jobId"],
        *[["errors", "index"]] * 3,
    ]
    named = [fields(result) for result in answer["results"] if "errors" in result]
    assert named == [{"delay"}, {"foo", "to"}, {"channel"}, {"body"}]
    assert [
        (await service.job(answer["results"][index]["jobId"]))["channel"] for index in (0, 2)
    ] == ["sms", "email"]
    assert await stored(service) == 2


@pytest.mark.parametrize("atomic", [False, True])
async def test_every_fault_of_a_large_batch_is_named(service: Service, atomic: bool) -> None:
    wrong = [{**SMS_ELEMENT, "delay": -1, "priority": "urgent", "workspaceId": True}] * 2_000
    answer = await service.ask(
        "POST",
        f"/api/schedule-batch?atomic={str(atomic).lower()}",
        400 if atomic else 200,
        json={"messages": wrong},
    )
    named = [
        error["field"]
        for result in ([answer] if atomic else answer["results"])
        for error in result["errors"]
    ]
    assert sorted(named) == sorted(
        f"messages[{index}].{name}" if atomic else name
        for index in range(2_000)
        for name in ("delay", "priority", "workspaceId")
    )


async def test_a_member_that_is_not_read_is_named_in_a_large_message_as_well(
    service: Service,
) -> None:
    large = {**EMAIL_ELEMENT, "html": "x" * 500_000, "foo": 1}
    answer = await service.ask(
        "POST", "/api/schedule-batch", json={"messages": [large, {**large, "delay": -1}]}
    )
    assert [fields(result) for result in answer["results"]] == [{"foo"}, {"foo", "delay"}]


async def test_a_bad_line_is_its_own_fault_alone(service: Service) -> None:
    body = (
        b"\n"
        + ndjson(
            SMS_ELEMENT,
            b"{broken",
            b"",
            b'{"channel":"sms","message":"\\ud800"}',
            b"\xff",
            EMAIL_ELEMENT,
        )
        + b"\r\n\r\n"
    )
    answer = await service.ask("POST", "/api/schedule-batch", content=body, headers=NDJSON)
    assert [("jobId" in result) for result in answer["results"]] == [
        True,
        False,
        False,
        False,
        True,
    ]


async def test_a_batch_that_is_rejected_whole_is_still_200(service: Service) -> None:
    answer = await service.ask("POST", "/api/schedule-batch", json={"messages": [{}, 1]})
    assert (answer["success"], answer["accepted"], answer["rejected"]) == (True, 0, 2)


async def test_an_empty_batch_is_accepted(service: Service) -> None:
    for query in ("", "?atomic=true"):
        assert await service.ask("POST", f"/api/schedule-batch{query}", json={"messages": []}) == {
            "success": True,
            "accepted": 0,
            "rejected": 0,
            "results": [],
        }


async def test_a_replay_counts_as_accepted_and_a_conflict_is_its_message_s_error(
    service: Service,
) -> None:
    job = await service.schedule(idempotencyKey="old")
    messages: list[dict[str, object]] = [
        {**SMS_ELEMENT, "idempotencyKey": "old"},
        {**SMS_ELEMENT, "idempotencyKey": "old", "message": "Bye"},
        {**SMS_ELEMENT, "idempotencyKey": "new"},
    ]
    messages.append({**messages[2], "delay": 9})
    answer = await service.ask("POST", "/api/schedule-batch", json={"messages": messages})
    replay, conflict, new, twin = answer["results"]
    assert (answer["accepted"], answer["rejected"]) == (3, 1)
    assert replay == {"index": 0, "jobId": job, "replayed": True}
    assert fields(conflict) == {"idempotencyKey"}
    assert twin == {"index": 3, "jobId": new["jobId"], "replayed": True}


async def test_an_atomic_batch_is_accepted_whole(service: Service) -> None:
    answer = await service.ask(
        "POST", "/api/schedule-batch?atomic=true", json={"messages": [SMS_ELEMENT, EMAIL_ELEMENT]}
    )
    assert (answer["accepted"], len(answer["results"])) == (2, 2)
    assert await stored(service) == 2


async def test_an_atomic_batch_with_faults_names_all_and_keeps_none(service: Service) -> None:
    messages = [
        SMS_ELEMENT,
        {**SMS_ELEMENT, "message": "", "delay": "x"},
        EMAIL_ELEMENT,
        {**EMAIL_ELEMENT, "to": "x"},
    ]
    problem = await service.ask(
        "POST", "/api/schedule-batch?atomic=true", 400, json={"messages": messages}
    )
    assert fields(problem) == {"messages[1].message", "messages[1].delay", "messages[3].to"}
    assert await stored(service) == 0


async def test_an_atomic_batch_with_a_conflict_is_409_and_keeps_none(service: Service) -> None:
    await service.schedule(idempotencyKey="old")
    messages = [SMS_ELEMENT, {**SMS_ELEMENT, "idempotencyKey": "old", "message": "Bye"}]
    problem = await service.ask(
        "POST", "/api/schedule-batch?atomic=true", 409, json={"messages": messages}
    )
    assert fields(problem) == {"messages[1].idempotencyKey"}
    assert await stored(service) == 1


@pytest.mark.parametrize(
    "query", ["?atomic=yes", "?atomic=", "?atomic=true&atomic=true", "?atomc=true"]
)
async def test_a_query_that_is_not_understood_is_refused(service: Service, query: str) -> None:
    await service.ask("POST", f"/api/schedule-batch{query}", 400, json={"messages": []})


async def test_one_key_for_a_whole_batch_is_refused(service: Service) -> None:
    problem = await service.ask(
        "POST",
        "/api/schedule-batch",
        400,
        json={"messages": [SMS_ELEMENT]},
        headers={"Idempotency-Key": "k"},
    )
    assert fields(problem) == {"Idempotency-Key"}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"messages": 5}', b'{"messages": [], "x": 1}', b"{}", b'{"messages": [1,]}'],
)
async def test_a_body_of_another_shape_is_refused(service: Service, body: bytes) -> None:
    await service.ask("POST", "/api/schedule-batch", 400, content=body, headers=JSON)


async def test_ten_thousand_messages_are_taken_and_one_more_is_413(service: Service) -> None:
    line = json.dumps(SMS_ELEMENT).encode()
    answer = await service.ask(
        "POST", "/api/schedule-batch", content=b"\n".join([line] * 10_000), headers=NDJSON
    )
    assert (answer["accepted"], len({result["jobId"] for result in answer["results"]})) == (
        10_000,
        10_000,
    )
    for content, headers in (
        (b"\n".join([line] * 10_001), NDJSON),
        (b'{"messages":[' + b",".join([line] * 10_001) + b"]}", JSON),
    ):
        problem = await service.ask(
            "POST", "/api/schedule-batch", 413, content=content, headers=headers
        )
        assert "10,000 messages" in problem["message"]


async def test_a_body_over_32_mib_is_413(service: Service) -> None:
    await service.ask(
        "POST", "/api/schedule-batch", 413, content=b" " * (32 * 1024 * 1024 + 1), headers=JSON
    )


async def test_a_message_in_a_batch_is_no_larger_than_one_alone(service: Service) -> None:
    large = json.dumps({**EMAIL_ELEMENT, "html": "x" * (2 * 1024 * 1024)}).encode()
    answer = await service.ask(
        "POST", "/api/schedule-batch", content=ndjson(large, EMAIL_ELEMENT), headers=NDJSON
    )
    assert [sorted(result) for result in answer["results"]] == [
        ["errors", "index"],
        ["index", "jobId"],
    ]


async def test_while_a_large_batch_is_decoded_others_are_served(service: Service) -> None:
    served = 0
    batch = asyncio.create_task(
        service.ask(
            "POST", "/api/schedule-batch", content=ndjson(*[EMAIL_ELEMENT] * 5000), headers=NDJSON
        )
    )
    while not batch.done():
        await service.ask("GET", "/health")
        await asyncio.sleep(0)
        served += 1
    assert batch.result()["accepted"] == 5000
    assert served > 20
