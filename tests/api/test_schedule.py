"""Scheduling one message: the answers, idempotency, what is refused, and that nothing is
answered before it is kept.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from queue_services.errors import StoreUnavailable
from queue_services.storage import open_database
from queue_services.storage.sqlite import SqliteDatabase
from queue_services.web import bodies
from tests.api.service import EMAIL, JSON, SMS, Service, fields, serving
from tests.storage.store import select


@pytest.mark.parametrize(
    ("path", "body", "delay", "text", "due"),
    [
        ("/api/schedule-sms", SMS, 5000, "SMS scheduled successfully", "2025-03-22T10:15:35.123Z"),
        (
            "/api/schedule-sms",
            SMS,
            0,
            "SMS queued for immediate delivery",
            "2025-03-22T10:15:30.123Z",
        ),
        (
            "/api/schedule-email",
            EMAIL,
            86_400_000,
            "Email scheduled successfully",
            "2025-03-23T10:15:30.123Z",
        ),
        (
            "/api/schedule-email",
            EMAIL,
            None,
            "Email queued for immediate delivery",
            "2025-03-22T10:15:30.123Z",
        ),
    ],
)
async def test_the_answer_is_the_original_s(
    service: Service, path: str, body: dict[str, Any], delay: int | None, text: str, due: str
) -> None:
    answer = await service.ask("POST", path, json={**body, "delay": delay})
    assert answer == {
        "success": True,
        "jobId": answer["jobId"],
        "message": text,
        "status": "SCHEDULED",
        "scheduledFor": due,
    }
    assert (await service.job(answer["jobId"]))["scheduledFor"] == due


async def test_a_past_instant_is_queued_for_immediate_delivery(service: Service) -> None:
    answer = await service.ask(
        "POST", "/api/schedule-sms", json={**SMS, "scheduledFor": "2020-01-01T00:00:00Z"}
    )
    assert (answer["message"], answer["scheduledFor"]) == (
        "SMS queued for immediate delivery",
        "2025-03-22T10:15:30.123Z",
    )


async def test_what_was_answered_is_on_disk_in_another_process_s_sight(
    service: Service, tmp_path: Path
) -> None:
    job = await service.schedule(message="a secret")
    other = open_database(f"sqlite:///{tmp_path / 'queue.db'}")
    async with serving(tmp_path, database=other) as second:
        assert (await second.job(job))["status"] == "SCHEDULED"


async def test_a_hundred_requests_at_once_share_few_transactions(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes, write = [], service.database.write

    async def counted(*args: Any, **kwargs: Any) -> Any:
        writes.append(args)
        return await write(*args, **kwargs)

    monkeypatch.setattr(service.database, "write", counted)
    jobs = await asyncio.gather(
        *(service.schedule(contactId=f"c-{number}") for number in range(100))
    )
    assert len(set(jobs)) == 100
    assert len(writes) <= 20
    monkeypatch.undo()
    assert [(await service.job(job))["contactId"] for job in (jobs[0], jobs[99])] == ["c-0", "c-99"]


async def test_what_is_due_within_two_seconds_wakes_the_dispatcher_and_what_is_later_does_not(
    service: Service,
) -> None:
    await service.schedule(delay=60_000)
    assert service.wakes == 0
    await service.schedule(delay=1500)
    assert service.wakes == 1


async def test_the_same_key_again_answers_the_first_job_and_schedules_nothing(
    service: Service,
) -> None:
    first = await service.ask(
        "POST",
        "/api/schedule-sms",
        json={**SMS, "delay": 5000},
        headers={"Idempotency-Key": '"order 17"'},
    )
    service.pass_time(2)
    again = await service.ask(
        "POST",
        "/api/schedule-sms",
        json={**SMS, "delay": 3500, "priority": "low", "idempotencyKey": "order 17"},
    )
    assert again == {**first, "replayed": True}
    assert len((await service.ask("GET", "/api/jobs"))["jobs"]) == 1


async def test_a_key_is_a_workspace_s_own(service: Service) -> None:
    jobs = {
        await service.schedule(idempotencyKey="k", workspaceId=workspace)
        for workspace in ("a", "b")
    }
    assert len(jobs) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"message": "Bye"},
        {"phoneNumber": "555 0100"},
        {"contactId": "other"},
        {"metadata": {"a": 1}},
    ],
)
async def test_another_message_under_the_same_key_is_a_conflict(
    service: Service, changes: dict[str, Any]
) -> None:
    job = await service.schedule(idempotencyKey="k")
    problem = await service.ask(
        "POST", "/api/schedule-sms", 409, json={**SMS, "idempotencyKey": "k", **changes}
    )
    assert job in problem["message"]
    assert len((await service.ask("GET", "/api/jobs"))["jobs"]) == 1


async def test_another_channel_under_the_same_key_is_a_conflict(service: Service) -> None:
    await service.schedule(idempotencyKey="k")
    await service.ask("POST", "/api/schedule-email", 409, json={**EMAIL, "idempotencyKey": "k"})


async def test_the_same_key_twenty_times_at_once_schedules_one_message(service: Service) -> None:
    answers = await asyncio.gather(
        *(
            service.ask("POST", "/api/schedule-sms", json={**SMS, "idempotencyKey": "k"})
            for _ in range(20)
        )
    )
    assert len({answer["jobId"] for answer in answers}) == 1
    assert sum("replayed" in answer for answer in answers) == 19


async def test_two_different_keys_in_headers_are_refused(service: Service) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert fields(
        await service.ask("POST", "/api/schedule-sms", 400, json=SMS, headers=headers)
    ) == {"Idempotency-Key"}


async def test_all_faults_are_named_at_once_and_nothing_is_kept(service: Service) -> None:
    problem = await service.ask(
        "POST",
        "/api/schedule-email",
        400,
        json={"to": "nobody", "html": "", "contactId": "c", "workspaceId": 1.5, "delay": -1},
    )
    assert fields(problem) == {"to", "subject", "html", "workspaceId", "delay"}
    assert problem["message"].count(": ") >= 5
    assert (await service.ask("GET", "/api/jobs"))["jobs"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"x"',
        b"{" * 10_000,
        b"\xff\xfe",
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
)
async def test_what_is_no_json_object_is_refused(service: Service, body: bytes) -> None:
    assert fields(
        await service.ask("POST", "/api/schedule-sms", 400, content=body, headers=JSON)
    ) == {"body"}


async def test_a_delay_of_nan_is_named_although_it_is_no_json(service: Service) -> None:
    body = b'{"phoneNumber":"555 0100","message":"x","contactId":"c","workspaceId":"w","delay":NaN}'
    assert fields(
        await service.ask("POST", "/api/schedule-sms", 400, content=body, headers=JSON)
    ) == {"delay"}


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "",
        "application/x-ndjson",
    ],
)
async def test_only_json_is_read(service: Service, content_type: str) -> None:
    problem = await service.ask(
        "POST", "/api/schedule-sms", 415, content=b"{}", headers={"content-type": content_type}
    )
    assert fields(problem) == {"Content-Type"}
    assert "send application/json" in problem["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; v=1",
    ],
)
async def test_json_may_have_parameters(service: Service, content_type: str) -> None:
    await service.ask(
        "POST", "/api/schedule-sms", 400, content=b"{}", headers={"content-type": content_type}
    )


@pytest.mark.parametrize("path", ["/api/schedule-sms", "/api/schedule-batch", "/api/keys"])
@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, deflate"])
async def test_a_compressed_body_is_not_read_and_the_answer_names_the_header(
    service: Service, path: str, coding: str
) -> None:
    problem = await service.ask(
        "POST",
        path,
        415,
        content=gzip.compress(b"{}"),
        headers={**JSON, "content-encoding": coding},
    )
    assert fields(problem) == {"Content-Encoding"}
    assert (
        problem["detail"]
        == f"Content-Encoding: {coding!r} is not read here; send the body as it is, without this"
        " header"
    )


async def test_a_body_of_2_mib_is_read_and_one_byte_more_is_not(service: Service) -> None:
    frame = len(json.dumps({**EMAIL, "html": ""}))
    for size, status in ((2 * 1024 * 1024, 200), (2 * 1024 * 1024 + 1, 413)):
        await service.ask(
            "POST",
            "/api/schedule-email",
            status,
            content=json.dumps({**EMAIL, "html": "x" * (size - frame)}).encode(),
            headers=JSON,
        )


async def test_a_body_that_is_too_large_is_refused_before_it_arrives(service: Service) -> None:
    answered = await _raw(service, [], {"content-length": str(40 * 1024 * 1024), **JSON})
    assert answered == [413]


async def test_a_body_of_untold_length_is_read_only_so_far(service: Service) -> None:
    received: list[int] = []
    answered = await _raw(service, [b"x" * 1_000_000] * 40, JSON, received)
    assert answered == [413]
    assert (
        len(received) == 40
    )  # what still comes is dropped, so that the client gets to read its answer


async def test_a_client_that_stops_sending_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies.Reads, "seconds", 0.01)  # in place of the slot of each
    assert await _raw(service, [b"{"], JSON, hang=True) == [408]


async def test_a_client_that_hangs_up_leaves_nothing(service: Service) -> None:
    assert await _raw(service, [b"{"], JSON, disconnect=True) == [400]
    assert (await service.ask("GET", "/api/jobs"))["jobs"] == []


async def _raw(
    service: Service,
    chunks: list[bytes],
    headers: dict[str, str],
    received: list[int] | None = None,
    *,
    hang: bool = False,
    disconnect: bool = False,
) -> list[int]:
    """Send a body in chunks, without the help of a client; the statuses that were answered."""
    waiting, statuses = list(chunks), list[int]()

    async def receive() -> dict[str, Any]:
        if waiting:
            chunk = waiting.pop(0)
            if received is not None:
                received.append(len(chunk))
            return {
                "type": "http.request",
                "body": chunk,
                "more_body": bool(waiting) or hang or disconnect,
            }
        if hang:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    encoded = [
        (name.encode(), value.encode())
        for name, value in {"host": "127.0.0.1:3000", **headers}.items()
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/schedule-sms",
        "raw_path": b"/api/schedule-sms",
        "query_string": b"",
        "root_path": "",
        "headers": encoded,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 3000),
    }
    await service.app(scope, receive, send)
    return statuses


async def test_a_store_that_is_away_is_503_with_retry_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as service:

        async def away(*_: Any, **__: Any) -> Any:
            raise StoreUnavailable("disk I/O error", 2.5)

        monkeypatch.setattr(SqliteDatabase, "write", away)
        answer = await service.client.post("/api/schedule-sms", json=SMS)
        assert (answer.status_code, answer.headers["retry-after"], answer.json()["success"]) == (
            503,
            "3",
            False,
        )
        monkeypatch.undo()
        await service.schedule()


async def test_what_nobody_foresaw_is_500_and_says_nothing_of_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("a secret")

    monkeypatch.setattr(SqliteDatabase, "write", broken)
    problem = await service.ask("POST", "/api/schedule-sms", 500, json=SMS)
    assert "secret" not in str(problem)


async def test_the_trace_of_a_request_is_kept_with_each_of_its_messages(service: Service) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await service.ask("POST", "/api/schedule-sms", json=SMS, headers={"traceparent": trace})
    await service.ask(
        "POST",
        "/api/schedule-batch",
        json={"messages": [{"channel": "email", **EMAIL}]},
        headers={"traceparent": trace},
    )
    await service.ask("POST", "/api/schedule-sms", json=SMS, headers={"traceparent": "nonsense"})
    payloads = [
        row[0]
        for row in await service.database.read(select, "select payload from message order by id")
    ]
    assert [trace in payload for payload in payloads] == [True, True, False]
