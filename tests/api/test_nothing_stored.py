"""Whatever is wrong with a request, its answer says what, and no row of any table is
another than before.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.service import EMAIL, JSON, NDJSON, SMS, Service, fields, ndjson

SINGLE, LETTER, BATCH, ATOMIC = (
    "/api/schedule-sms",
    "/api/schedule-email",
    "/api/schedule-batch",
    "/api/schedule-batch?atomic=true",
)
JOB = "0195bc3a-1f6b-7000-8000-000000000000"
DEEP = "[" * 10_000 + "]" * 10_000
LONG = "i" * 256
FORTY_MB = 40_000_000
NO_TEXTS: list[Any] = [{}, [], True, 1.5, ""]
NO_OPTIONS: list[Any] = [[], True, "\0", "no such"]
LOOKALIKES = [
    "acme",
    "\u0430cme",
    "acme\u200b",
    "\u202eacme",
    "a\u0301cme",
    "\u00e1cme",
    "ACME",
    "\uff41cme",
    "acme\n",
    " acme",
    "acme/",
    "acme%2f",
    "i" * 255,
]

Rows = dict[str, list[tuple[Any, ...]]]
Bad = tuple[str, str, dict[str, Any], int, set[str]]
"""Method, path, the rest of the request, the status it is answered with, and the fields
that the answer names.
"""


def text(whole: dict[str, Any], member: str, encoded: str) -> bytes:
    """A body in which a member is what no encoder would write."""
    body = json.dumps({**whole, member: "HERE"}).replace('"HERE"', encoded)
    return body.encode()


def bad(
    path: str,
    content: Any,
    status: int = 400,
    *named: str,
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> Bad:
    body = (
        content
        if isinstance(content, bytes) or hasattr(content, "__aiter__")
        else json.dumps(content).encode()
    )
    return method, path, {"content": body, "headers": JSON | (headers or {})}, status, set(named)


def sms(member: str, value: Any, *named: str) -> Bad:
    return bad(SINGLE, {**SMS, member: value}, 400, *(named or [member]))


def endpoint(path: str) -> Bad:
    return sms("metadata", {"callbackEndpoint": path}, "metadata.callbackEndpoint")


NOT_JSON = [
    bad(path, body, 400, "body")
    for path in (SINGLE, LETTER, BATCH)
    for body in (b"", b"{", b"\xff", b"null", b"[]", b"1", b"{}{}", DEEP.encode())
]
WRONG_TYPES = [
    sms(name, wrong)
    for name in ("phoneNumber", "message", "contactId", "workspaceId")
    for wrong in NO_TEXTS
]
OPTIONAL = [
    sms(name, wrong)
    for name in (
        "delay",
        "scheduledFor",
        "mediaUrl",
        "metadata",
        "priority",
        "expiresAt",
        "idempotencyKey",
    )
    for wrong in NO_OPTIONS
    if (name, wrong) != ("idempotencyKey", "no such")
]
TIMES = [
    *(
        bad(SINGLE, text(SMS, "delay", delay), 400, "delay")
        for delay in (
            "NaN",
            "Infinity",
            "-Infinity",
            "1e308",
            "1e999",
            "-1",
            "-1e-9",
            "34560000001",
            "9" * 400,
        )
    ),
    *(
        sms("scheduledFor", at)
        for at in (
            "2026-11-24",
            "2026-11-24T10:00:00",
            "9999-12-31T23:59:59Z",
            "2025-02-30T10:00:00Z",
            "x" * 9999,
        )
    ),
    bad(
        SINGLE,
        {**SMS, "delay": 60_000, "scheduledFor": "2025-03-22T10:15:30.123Z"},
        400,
        "scheduledFor",
    ),
]
TEXTS = [
    *(sms(name, "a\0b") for name in ("message", "contactId", "workspaceId", "idempotencyKey")),
    *(
        bad(SINGLE, text(SMS, name, r'"a\ud800b"'), 400, name)
        for name in ("message", "contactId", "workspaceId", "idempotencyKey")
    ),
    *(sms(name, LONG) for name in ("contactId", "workspaceId", "idempotencyKey")),
    *(sms("metadata", {"campaignId": wrong}, "metadata.campaignId") for wrong in (LONG, "a\0b")),
    bad(SINGLE, text(SMS, "workspaceId", "9" * 256), 400, "workspaceId"),
    bad(SINGLE, text(SMS, "metadata", DEEP), 400, "body"),
    bad(SINGLE, text(SMS, "metadata", '{"a":' * 200 + "1" + "}" * 200), 400, "metadata"),
    sms("metadata", {"a": "x" * 20_000}),
    *(
        bad(LETTER, {**EMAIL, "to": to}, 400, "to")
        for to in ("", "a", "a@b@c.d", "a@b.co\r\nBcc: c@d.co", "a" * 400 + "@b.co", "\u202ea@")
    ),
]
ENDPOINTS = [
    endpoint(path)
    for path in (
        "",
        "x",
        "//evil",
        "///evil",
        "http://evil/x",
        "/\\evil",
        "\\\\evil",
        "/../x",
        "/x/../..",
        "/%2e%2e/x",
        "/%252e%252e/x",
        "/x/..;/y",
        "@evil",
        "/x#y",
        "/a\r\nx: y",
        "/a\tb",
        "/a\x7fb",
        "/a\u0085b",
        "/%0d%0ax",
        "/" + "x" * 2000,
    )
]
HEADERS = [
    *(
        bad(SINGLE, SMS, 415, headers={"content-encoding": coding})
        for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip")
    ),
    *(
        bad(SINGLE, SMS, 415, headers={"content-type": of})
        for of in ("", "text/plain", "application/x-ndjson", "application/json; charset=utf-16")
    ),
    *(
        bad(SINGLE, SMS, 400, "Idempotency-Key", headers={"idempotency-key": key})
        for key in ("", '"', "a" * 256, "a\tb")
    ),
    bad(BATCH, {"messages": []}, 400, "Idempotency-Key", headers={"idempotency-key": "a"}),
]
BATCHES = [
    *(
        bad(ATOMIC, body, 400, headers=NDJSON)
        for body in (b"{", ndjson({"channel": "sms", **SMS}, b"{"), b"\xff\n", DEEP.encode())
    ),
    bad(
        ATOMIC,
        {"messages": [{"channel": "sms", **SMS}, {"channel": "sms", **SMS, "delay": -1}]},
        400,
        "messages[1].delay",
    ),
    bad(
        ATOMIC,
        {"messages": [{"channel": "sms", **SMS}, {"channel": "fax", **SMS}]},
        400,
        "messages[1].channel",
    ),
    bad(BATCH, ndjson(*[{"channel": "sms", **SMS}] * 10_001), 413, headers=NDJSON),
    bad("/api/schedule-batch?atomic=perhaps", {"messages": []}, 400, "atomic"),
]
OTHERS = [
    *(
        bad(f"/api/{verb}-job/{job}", b"", 404)
        for verb in ("retry", "promote", "cancel")
        for job in (JOB, "x", quote("\u202e"), LONG)
    ),
    bad(f"/api/reschedule-job/{JOB}", {"delay": 1}, 404),
    bad(f"/api/reschedule-job/{JOB}", text({}, "delay", "NaN"), 400, "delay"),
    bad("/api/cancel-job/%00", b"", 400, "path"),
    bad("/api/cancel-job/%ED%A0%80", b"", 400, "path"),
    bad(f"/api/campaigns/{LONG}/cancel?workspaceId=acme", b"", 404),
    bad(f"/api/campaigns/spring/pause?workspaceId={LONG}", b"", 400, "workspaceId"),
    bad("/api/campaigns/spring/shift?workspaceId=acme", text({}, "delay", "1e308"), 400, "delay"),
    bad(f"/api/workspaces/{LONG}", {"tier": "gold"}, 400, method="PUT"),
    bad(
        "/api/workspaces/acme",
        {"limits": {"sms": -1}, "timezone": "Mars/\0", "eventsUrl": "http://a\r\nb"},
        400,
        method="PUT",
    ),
    bad(
        "/api/workspaces/acme",
        {"callbackBaseUrls": {"sms": "http://u:p\r\n@evil"}},
        400,
        method="PUT",
    ),
    bad("/api/tiers/gold", {"weight": 1e308, "limits": {"email": "NaN"}}, 400, method="PUT"),
    bad(
        "/api/keys",
        {"workspaceId": LONG, "scopes": ["all"], "expiresAt": 7},
        400,
        "workspaceId",
        "scopes",
        "expiresAt",
    ),
    bad("/api/keys", {"expiresAt": "never"}, 400, "expiresAt"),
    bad("/api/metrics/reset", {"type": "fax", "workspaceId": "\0"}, 400),
    bad("/api/channels/fax/pause", b"", 404),
    bad("/api/forecast", {"workspaceId": "acme", "channel": "sms", "count": 1e308}, 400, "count"),
]
KINDS = {
    "no JSON": NOT_JSON,
    "wrong types": WRONG_TYPES,
    "wrong options": OPTIONAL,
    "times": TIMES,
    "texts": TEXTS,
    "endpoints": ENDPOINTS,
    "headers": HEADERS,
    "batches": BATCHES,
    "other calls": OTHERS,
}


def stored(folder: Path) -> Rows:
    """Every row of every table, read as another process would."""
    with contextlib.closing(
        sqlite3.connect(f"file:{folder}/queue.db?mode=ro", uri=True)
    ) as connection:
        tables = [
            name
            for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")
        ]
        return {
            name: sorted(connection.execute(f"select * from {name}"), key=repr) for name in tables
        }


async def fault_of(service: Service, request: Bad) -> str | None:
    """What is wrong with the answer to a bad request, or None."""
    method, path, rest, status, named = request
    answer = await service.client.request(method, path, **rest)
    if answer.status_code != status or answer.headers["content-type"] != "application/problem+json":
        return f"{answer.status_code}: {answer.text[:300]}"
    problem = answer.json()
    if status == 400 and not named <= fields(problem):
        return f"names {fields(problem)}"
    return None if problem["detail"] and problem["success"] is False else str(problem)


@pytest.mark.parametrize("path", [SINGLE, LETTER, BATCH, ATOMIC, "/api/keys"])
@pytest.mark.parametrize("told", [True, False])
async def test_a_body_of_40_mb_is_too_large_whether_its_length_is_told_or_not(
    service: Service, tmp_path: Path, path: str, told: bool
) -> None:
    async def in_parts() -> AsyncIterator[bytes]:
        for _ in range(FORTY_MB // 1_000_000):
            yield b" " * 1_000_000

    before = stored(tmp_path)
    problem = await service.ask(
        "POST", path, 413, content=b" " * FORTY_MB if told else in_parts(), headers=JSON
    )
    assert "larger than" in problem["detail"]
    assert stored(tmp_path) == before


async def test_bad_lines_of_a_batch_are_each_named_and_store_nothing(
    service: Service, tmp_path: Path
) -> None:
    whole = {"channel": "sms", **SMS}
    lines = {
        b"{": "body",
        b"\xff": "body",
        b"null": "body",
        b"[]": "body",
        DEEP.encode(): "body",
        ndjson({**whole, "phoneNumber": 1}): "phoneNumber",
        ndjson({**whole, "stranger": 1}): "stranger",
        ndjson({**whole, "workspaceId": LONG}): "workspaceId",
        ndjson({**whole, "metadata": {"callbackEndpoint": "//evil"}}): "metadata.callbackEndpoint",
        text(whole, "delay", "NaN"): "delay",
        text(whole, "contactId", r'"\ud800"'): "contactId",
        text(whole, "message", r'"\u0000"'): "message",
    }
    before = stored(tmp_path)
    answer = await service.ask("POST", BATCH, content=b"\n".join(lines), headers=NDJSON)
    assert (answer["accepted"], answer["rejected"]) == (0, len(lines))
    named = [{error["field"] for error in result["errors"]} for result in answer["results"]]
    assert all(field in found for field, found in zip(lines.values(), named, strict=True)), named
    assert stored(tmp_path) == before


async def test_workspaces_whose_ids_look_alike_are_kept_apart_to_the_letter(
    service: Service,
) -> None:
    jobs = {
        name: await service.schedule(
            workspaceId=name, contactId=name, idempotencyKey="k", metadata={"campaignId": name}
        )
        for name in LOOKALIKES
    }
    assert len(set(jobs.values())) == len(LOOKALIKES)
    for name, job in jobs.items():
        found = (await service.ask("GET", "/api/jobs", params={"workspaceId": name}))["jobs"]
        assert [
            (one["jobId"], one["workspaceId"], one["campaignId"], one["contactId"]) for one in found
        ] == [(job, name, name, name)]
        assert (await service.ask("GET", f"/api/metrics/workspace/{quote(name, safe='')}"))["sms"][
            "backlog"
        ] == 1
        assert (
            await service.ask(
                "POST",
                f"/api/campaigns/{quote(name, safe='')}/cancel",
                params={"workspaceId": name},
            )
        )["count"] == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_each_bad_request_is_a_problem_that_names_the_field_and_no_row_changes(
    service: Service, tmp_path: Path, kind: str
) -> None:
    await service.schedule(idempotencyKey="first", metadata={"campaignId": "spring"})
    before = stored(tmp_path)
    assert len(before["message"]) == len(before["pending"]) == 1
    wrong: list[str] = []
    for request in KINDS[kind]:
        fault = await fault_of(service, request)
        if stored(tmp_path) != before:
            fault = f"{fault or 'right'}, but something was stored"
            before = stored(tmp_path)
        if fault:
            wrong.append(f"{request[0]} {request[1]} {str(request[2])[:200]}: {fault}")
    assert not wrong, "\n".join(wrong)
