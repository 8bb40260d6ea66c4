"""Keys over HTTP: made once and shown once, in force and out of force within a second in
every process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from queue_services.errors import StoreUnavailable
from queue_services.queue import keys
from queue_services.queue.keys import Keys
from queue_services.settings.slices import ApiSettings
from queue_services.storage import open_database
from queue_services.storage.port import Database, Flow, P, T
from tests.api.service import JSON, SMS, Service, fields, serving

ENV_KEY = "an administrator's key of the settings"


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def make(service: Service, by: str | None = None, **members: Any) -> Any:
    """A key, made `by` another where keys exist."""
    return await service.ask("POST", "/api/keys", json=members, headers=bearer(by) if by else {})


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[tuple[Service, Service]]:
    """Two API processes on one store."""
    async with serving(tmp_path) as one, serving(tmp_path) as other:
        yield one, other


async def test_a_key_is_shown_once_and_kept_as_its_digest(service: Service, tmp_path: Path) -> None:
    made = await make(service)
    shown = {name: value for name, value in made.items() if name not in ("success", "key")}
    assert shown == {
        "keyId": made["keyId"],
        "workspaceId": None,
        "scopes": ["read", "send", "manage"],
        "createdAt": "2025-03-22T10:15:30.123Z",
        "expiresAt": None,
        "messagesPerMinute": None,
    }
    assert len(made["key"]) > 64
    assert await service.ask("GET", "/api/keys", headers=bearer(made["key"])) == {
        "success": True,
        "keys": [shown],
    }
    kept = everything_in(tmp_path)
    assert made["key"].encode() not in kept
    assert made["key"].removeprefix("qs_").encode() not in kept


async def test_from_the_first_key_on_every_call_needs_one_even_when_all_are_revoked(
    service: Service,
) -> None:
    await service.ask("GET", "/api/jobs")
    first = await make(service)
    await service.ask("GET", "/api/jobs", 401)
    second = await make(service, first["key"], workspaceId=7, scopes=["read"])
    assert (second["workspaceId"], second["scopes"]) == ("7", ["read"])
    for made in (second, first):
        assert (
            await service.ask("DELETE", f"/api/keys/{made['keyId']}", headers=bearer(first["key"]))
        )["keyId"] == made["keyId"]
        await service.ask("GET", "/api/jobs", 401, headers=bearer(made["key"]))
    await service.ask("GET", "/api/jobs", 401)


async def test_a_key_is_in_force_and_out_of_force_within_a_second_in_another_process(
    processes: tuple[Service, Service],
) -> None:
    here, there = processes
    await there.ask("GET", "/api/jobs")
    made = await make(here)
    there.pass_time(0.5)
    await there.ask("GET", "/api/jobs", 401)
    await there.ask("GET", "/api/jobs", headers=bearer(made["key"]))
    await here.ask("DELETE", f"/api/keys/{made['keyId']}", headers=bearer(made["key"]))
    there.pass_time(0.5)
    await there.ask("GET", "/api/jobs", 401, headers=bearer(made["key"]))


async def test_a_key_ends_when_it_expires(service: Service) -> None:
    await make(service)
    key = (await make_with_expiry(service))["key"]
    service.pass_time(59.9)
    await service.ask("GET", "/api/jobs", headers=bearer(key))
    service.pass_time(0.1)
    await service.ask("GET", "/api/jobs", 401, headers=bearer(key))


async def make_with_expiry(service: Service) -> Any:
    key, text = await service.keys.create(None, expires_at=service.now + 60_000_000)
    return {"keyId": key.id, "key": text}


class Counting:
    """A store that counts how often the keys are read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.reads += flow in (keys.since, keys.every)
        return await self._database.read(flow, *args, **kwargs)


async def test_checking_keys_costs_no_read_a_request_whatever_is_sent(tmp_path: Path) -> None:
    counting: Any = Counting(open_database(f"sqlite:///{tmp_path / 'queue.db'}"))
    async with serving(tmp_path, database=counting) as service:
        key = (await make(service))["key"]
        await service.ask("GET", "/api/jobs", headers=bearer(key))
        before = counting.reads
        for number in range(20):
            await service.ask("GET", "/api/jobs", headers=bearer(key))
            await service.ask("GET", "/api/jobs", 401, headers=bearer(f"guess {number}"))
        assert counting.reads == before


async def test_the_settings_key_goes_on_working_beside_stored_ones(tmp_path: Path) -> None:
    async with serving(tmp_path, ApiSettings(admin_key=ENV_KEY)) as service:
        await service.ask("POST", "/api/keys", 401, json={})
        made = await make(service, ENV_KEY, workspaceId="acme")
        for key in (ENV_KEY, made["key"]):
            await service.ask("GET", "/api/jobs", headers=bearer(key))
        await service.ask("POST", "/api/keys", 403, json={}, headers=bearer(made["key"]))


async def test_an_administrator_s_key_does_what_its_scopes_say_and_no_more(
    service: Service,
) -> None:
    root = (await make(service))["key"]
    reader, sender = [
        (await make(service, root, scopes=[scope]))["key"] for scope in ("read", "send")
    ]
    for path in ("/api/tiers", "/api/keys", "/api/jobs", "/api/workspaces"):
        await service.ask("GET", path, headers=bearer(reader))
        await service.ask("GET", path, 403, headers=bearer(sender))
    for key in (reader, sender):
        await service.ask("PUT", "/api/tiers/gold", 403, json={"weight": 2}, headers=bearer(key))
        await service.ask("POST", "/api/keys", 403, json={}, headers=bearer(key))
        await service.ask("POST", "/api/channels/sms/pause", 403, headers=bearer(key))
    await service.ask("POST", "/api/schedule-sms", json=SMS, headers=bearer(sender))
    await service.ask("POST", "/api/schedule-sms", 403, json=SMS, headers=bearer(reader))


LIMITED = {
    "scopes": ["read", "manage"],
    "messagesPerMinute": 10,
    "expiresAt": "2025-03-23T10:15:30.000Z",
}


@pytest.mark.parametrize(
    "more",
    [
        {"scopes": ["send"]},
        {"scopes": ["read", "send", "manage"]},
        {"messagesPerMinute": 11},
        {"expiresAt": "2025-03-23T10:15:30.001Z"},
        {"workspaceId": "acme", "messagesPerMinute": 11},
    ],
)
async def test_a_key_makes_none_with_more_scopes_a_longer_life_or_a_larger_quota(
    service: Service, more: dict[str, Any]
) -> None:
    root = (await make(service))["key"]
    limited = (await make(service, root, **LIMITED))["key"]
    await service.ask("POST", "/api/keys", 403, json=more, headers=bearer(limited))
    assert len((await service.ask("GET", "/api/keys", headers=bearer(root)))["keys"]) == 2


async def test_a_key_that_a_limited_one_makes_is_limited_likewise_unless_less_is_said(
    service: Service,
) -> None:
    root = (await make(service))["key"]
    limited = (await make(service, root, **LIMITED))["key"]
    made = await make(service, limited)
    assert {name: made[name] for name in LIMITED} == LIMITED
    less = {"scopes": ["read"], "messagesPerMinute": 1, "expiresAt": "2025-03-22T11:00:00.000Z"}
    made = await make(service, limited, **less)
    assert {name: made[name] for name in less} == less


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"workspaceId": ""}, "workspaceId"),
        ({"workspaceId": "x" * 256}, "workspaceId"),
        ({"workspaceId": int("9" * 300)}, "workspaceId"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"expiresAt": "2025-03-22T10:15:30.123Z"}, "expiresAt"),
        ({"messagesPerMinute": 0}, "messagesPerMinute"),
        ({"messagesPerMinute": 1.5}, "messagesPerMinute"),
        ({"name": "mine"}, "name"),
    ],
)
async def test_a_key_that_cannot_be_is_400_naming_the_field_and_none_is_made(
    service: Service, body: dict[str, Any], field: str
) -> None:
    assert fields(await service.ask("POST", "/api/keys", 400, json=body)) == {field}
    assert (await service.ask("GET", "/api/keys"))["keys"] == []


async def test_a_whole_number_may_be_written_with_a_point(service: Service) -> None:
    made = await service.ask(
        "POST", "/api/keys", content=b'{"workspaceId": 7.0, "messagesPerMinute": 5.0}', headers=JSON
    )
    assert (made["workspaceId"], made["messagesPerMinute"], type(made["messagesPerMinute"])) == (
        "7",
        5,
        int,
    )


async def test_an_unknown_key_is_404(service: Service) -> None:
    for unknown in ("nope", "01a20bcd-1011-71c5-a418-fddf35d8a67e", "%F0%9F%94%91"):
        await service.ask("DELETE", f"/api/keys/{unknown}", 404)


async def test_keys_are_listed_by_workspace(service: Service) -> None:
    root = (await make(service))["key"]
    made = await make(service, root, workspaceId="acme")
    listed = await service.ask("GET", "/api/keys?workspaceId=acme", headers=bearer(root))
    assert [key["keyId"] for key in listed["keys"]] == [made["keyId"]]


async def test_a_key_is_limited_to_its_quota_of_messages_a_minute_over_all_processes(
    processes: tuple[Service, Service],
) -> None:
    here, there = processes
    root = (await make(here))["key"]
    there.pass_time(0.5)
    limited = bearer(
        (await make(here, root, workspaceId="workspace-1", messagesPerMinute=10))["key"]
    )
    there.pass_time(0.5)
    answer = await here.client.post("/api/schedule-sms", json=SMS, headers=limited)
    assert answer.headers["ratelimit-policy"] == '"messages";q=10;w=60'
    assert answer.headers["ratelimit"] == '"messages";r=9;t=30'
    batch = {"messages": [{"channel": "sms", **SMS}] * 5}
    assert (await there.client.post("/api/schedule-batch", json=batch, headers=limited)).headers[
        "ratelimit"
    ] == '"messages";r=4;t=29'
    refused = await here.client.post("/api/schedule-batch", json=batch, headers=limited)
    assert (refused.status_code, refused.headers["retry-after"], refused.headers["ratelimit"]) == (
        429,
        "30",
        '"messages";r=4;t=30',
    )
    for _ in range(4):
        await here.ask("POST", "/api/schedule-sms", json=SMS, headers=limited)
    for process in processes:
        await process.ask("POST", "/api/schedule-sms", 429, json=SMS, headers=limited)
    await here.ask("GET", "/api/jobs", headers=limited)
    await here.ask("POST", "/api/schedule-sms", json=SMS, headers=bearer(root))
    here.pass_time(30)
    await here.ask("POST", "/api/schedule-sms", json=SMS, headers=limited)


async def test_a_key_over_its_quota_costs_the_store_nothing_more(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = (await make(service))["key"]
    limited = bearer((await make(service, root, messagesPerMinute=1))["key"])
    await service.ask("POST", "/api/schedule-sms", json=SMS, headers=limited)
    await service.ask("POST", "/api/schedule-sms", 429, json=SMS, headers=limited)
    monkeypatch.setattr(service.database, "write", None)
    await service.ask("POST", "/api/schedule-sms", 429, json=SMS, headers=limited)


class Hanging(Counting):
    """A store that answers nobody about keys for as long as it `hangs`, or is away."""

    hangs = False
    away = False

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        while self.hangs and flow is keys.since:
            await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("it is away")
        return await super().read(flow, *args, **kwargs)


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Wait 1 ms for what is known to fail; a store that is well may take longer when busy."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("PATIENCE_SECONDS", "LAST_PATIENCE_SECONDS"):
            patched.setattr(f"queue_services.queue.keys.{name}", 0.001)
        yield


@pytest.fixture
async def troubled(tmp_path: Path) -> AsyncIterator[tuple[Service, Any, str]]:
    """A service with a key, its store, and the key."""
    store: Any = Hanging(open_database(f"sqlite:///{tmp_path / 'queue.db'}"))
    async with serving(tmp_path, database=store) as service:
        key = (await make(service))["key"]
        await service.ask("GET", "/api/jobs", headers=bearer(key))
        yield service, store, key


@pytest.mark.parametrize("trouble", ["away", "hangs"])
async def test_for_a_second_the_keys_known_last_are_gone_by_and_then_nobody_is_let_in(
    troubled: tuple[Service, Any, str], trouble: str
) -> None:
    service, store, key = troubled
    setattr(store, trouble, True)
    for seconds, right, wrong in ((0.9, 503 if store.away else 200, 401), (0.1, 503, 503)):
        service.pass_time(seconds)
        with impatient():
            await service.ask("GET", "/health")
            await service.ask("GET", "/api/jobs", right, headers=bearer(key))
            await service.ask("GET", "/api/jobs", wrong, headers=bearer("guess"))
    setattr(store, trouble, False)
    await service.ask("GET", "/api/jobs", headers=bearer(key))


async def test_while_it_is_not_known_whether_there_is_a_key_nobody_is_served_without_one(
    tmp_path: Path,
) -> None:
    store: Any = Hanging(open_database(f"sqlite:///{tmp_path / 'queue.db'}"))
    async with serving(tmp_path, database=store) as service:
        await service.ask("GET", "/api/jobs")
        store.hangs = True
        service.pass_time(1)
        with impatient():
            await service.ask("GET", "/api/jobs", 503)
            await service.ask("GET", "/health")
        await service.ask("GET", "/health", 403, headers={"host": "example.com"})


async def test_keys_are_read_on_a_connection_of_their_own(tmp_path: Path) -> None:
    busy: Any = Hanging(open_database(f"sqlite:///{tmp_path / 'queue.db'}"))
    own = open_database(f"sqlite:///{tmp_path / 'queue.db'}")
    async with serving(tmp_path, database=busy) as service:
        _, text = await service.keys.create(None)
        busy.hangs = True
        known = Keys(busy, service.clock, own)
        assert await known.find(text) is not None
    await own.close()


async def test_a_process_that_could_not_read_the_keys_yet_serves_nobody_without_one(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as other:
        await make(other)
    hanging: Any = Hanging(open_database(f"sqlite:///{tmp_path / 'queue.db'}"))
    hanging.away = True
    async with serving(tmp_path, database=hanging) as service:
        await service.ask("GET", "/api/jobs", 503)
        await service.ask("GET", "/api/jobs", 503)
        hanging.away = False
        await service.ask("GET", "/api/jobs", 401)


async def test_a_key_is_in_force_at_once_where_it_was_made_though_an_older_answer_comes_later(
    service: Service,
) -> None:
    known = Keys(service.database, service.clock)
    await known.exist()
    service.pass_time(1)
    older = asyncio.create_task(known.exist())
    await asyncio.sleep(0)
    _, text = await known.create(None)
    await older
    assert await known.find(text) is not None
