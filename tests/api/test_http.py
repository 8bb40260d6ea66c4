"""What every path has in common: unknown paths and methods, HEAD, OPTIONS, slashes at the
end, health.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from queue_services.errors import StoreUnavailable
from queue_services.storage.sqlite import SqliteDatabase
from tests.api.service import SMS, Service, serving
from tests.storage.store import select


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/", "/api/nope", "/api/schedule-sms/extra", "/apis/jobs", "//api/jobs"],
)
async def test_an_unknown_path_is_a_problem(service: Service, path: str) -> None:
    await service.ask("GET", path, 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/schedule-sms", "OPTIONS, POST"),
        ("POST", "/api/jobs", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/job-status/x", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/campaigns/x/cancel", "OPTIONS, POST"),
        ("TRACE", "/health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_method_that_a_path_does_not_have_is_405_with_those_it_has(
    service: Service, method: str, path: str, allowed: str
) -> None:
    answer = await service.client.request(method, path)
    assert (answer.status_code, answer.headers["allow"], answer.json()["success"]) == (
        405,
        allowed,
        False,
    )


async def test_options_lists_the_methods(service: Service) -> None:
    answer = await service.client.options("/api/jobs")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (
        204,
        "GET, HEAD, OPTIONS",
        b"",
    )


async def test_head_is_get(service: Service) -> None:
    assert (await service.client.head("/api/jobs")).status_code == 200
    assert (await service.client.head("/api/job-status/x")).status_code == 404


async def test_a_slash_at_the_end_means_nothing_as_in_the_original(service: Service) -> None:
    await service.ask("POST", "/api/schedule-sms/", json=SMS)
    assert len((await service.ask("GET", "/api/jobs/"))["jobs"]) == 1


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
async def test_health_says_when(service: Service, path: str) -> None:
    assert await service.ask("GET", path) == {
        "status": "ok",
        "timestamp": "2025-03-22T10:15:30.123Z",
    }


async def test_ready_is_503_while_the_store_cannot_be_written_and_live_is_not(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(SqliteDatabase, "write", away)
    await service.ask("GET", "/health/ready", 503)
    await service.ask("GET", "/health/live")
    await service.ask("GET", "/health")
    monkeypatch.undo()
    service.pass_time(1)
    await service.ask("GET", "/health/ready")


async def test_ready_is_503_after_a_write_of_the_intake_failed_until_one_succeeds(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> Any:
        raise StoreUnavailable("disk full")

    for path, body in (
        ("/api/schedule-sms", SMS),
        ("/api/schedule-batch?atomic=true", {"messages": [{"channel": "sms", **SMS}]}),
    ):
        with monkeypatch.context() as broken:
            broken.setattr(SqliteDatabase, "write", full)
            await service.ask("POST", path, 503, json=body)
        await service.ask("GET", "/health/ready", 503)
        service.pass_time(1)
        await service.ask("GET", "/health/ready", 503)
        await service.ask("POST", path, json=body)
        await service.ask("GET", "/health/ready")


async def test_a_failed_write_is_forgotten_where_none_follows_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> Any:
        raise StoreUnavailable("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(SqliteDatabase, "write", full)
        await service.ask("POST", "/api/schedule-sms", 503, json=SMS)
    service.pass_time(4.9)
    await service.ask("GET", "/health/ready", 503)
    service.pass_time(0.1)
    await service.ask("GET", "/health/ready")


async def test_the_store_is_probed_at_most_once_a_second_for_all_who_ask(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    fillers = []
    write = SqliteDatabase.write

    async def counting(*args: Any, **kwargs: Any) -> Any:
        fillers.append(args[1])
        return await write(*args, **kwargs)

    monkeypatch.setattr(SqliteDatabase, "write", counting)
    await asyncio.gather(*(service.ask("GET", "/health/ready") for _ in range(50)))
    await service.ask("GET", "/health/ready")
    assert len(fillers) == 1
    service.pass_time(1)
    await service.ask("GET", "/health/ready")
    assert len(fillers) == 2
    rows = await service.database.read(select, "select length(filler) from write_probe")
    assert rows == [(4096,)]


async def test_ready_notices_a_store_that_takes_transactions_and_no_writes(
    service: Service,
) -> None:
    database = service.database
    assert isinstance(database, SqliteDatabase)

    def refuse_updates(action: int, *_: str | None) -> int:
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_UPDATE else sqlite3.SQLITE_OK

    await database._on_writer(lambda: database._write_connection().set_authorizer(refuse_updates))
    await service.ask("GET", "/health/ready", 503)


async def test_other_parts_pages_are_served_beside_the_api(tmp_path: Any) -> None:
    async def page(_: Any) -> PlainTextResponse:
        return PlainTextResponse("a page")

    async with serving(tmp_path, more_routes=(Route("/admin/queues", page),)) as service:
        assert (await service.client.get("/admin/queues")).text == "a page"
        assert (
            await service.client.get("/admin/queues", headers={"host": "evil.example"})
        ).status_code == 403
