"""The document lists the statuses that each call answers with, and no others: calls are
brought to each of them (431 is the server's: `test_connections`).
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from queue_services.api import app
from queue_services.api.calls import Call
from queue_services.api.openapi import document
from queue_services.clock import Clock
from queue_services.errors import StoreUnavailable
from queue_services.settings.slices import ApiSettings
from queue_services.storage.sqlite import SqliteDatabase
from tests.api.service import EMAIL, JSON, SMS, Service, serving

IMPATIENT = tuple(
    dataclasses.replace(call, reads=call.reads and dataclasses.replace(call.reads, seconds=0))
    for call in app.CALLS
)
"""The route table, but that no call waits for a body."""

MAIL = {**EMAIL, "workspaceId": "w", "idempotencyKey": "k"}
KEY = "the-administrators-key"
CANCEL_ALL = {"action": "cancel", "filter": {"status": "SCHEDULED", "workspaceId": "nobody"}}
NAME = "0195bd59-be4b-708f-8e92-f5ec75b687bb"
"""Of a job that is not there, and of whatever may have any name."""

BODIES: dict[str, Any] = {
    "/api/schedule-sms": SMS,
    "/api/schedule-email": EMAIL,
    "/api/schedule-batch": {"messages": [{"channel": "sms", **SMS}]},
    "/api/job-status": {"jobIds": []},
    "/api/reschedule-job/{jobId}": {"delay": 1},
    "/api/campaigns/{campaignId}/shift": {"delay": 1},
    "/api/forecast": {"workspaceId": "w", "channel": "sms", "count": 1},
    "/api/test-clock/advance": {"delay": 1},
}
CONFLICTS: dict[str, Any] = {
    "/api/schedule-sms": {"json": {**SMS, "message": "another", "idempotencyKey": "k"}},
    "/api/schedule-email": {"json": {**MAIL, "subject": "another"}},
    "/api/schedule-batch": {
        "json": {"messages": [{"channel": "email", **MAIL, "subject": "another"}]},
        "query": "atomic=true",
    },
}


class Walk:
    """Asks the calls of a service and notes the statuses that they answer with."""

    service: Service

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], set[int]] = defaultdict(set)

    async def ask(self, call: Call, name: str = NAME, query: str = "", **request: Any) -> None:
        """Send a request that is right but for what is said."""
        before, _, after = call.path.partition("{")
        path = f"{before}{name}{after.partition('}')[2]}" if after else call.path
        if before.startswith(("/api/campaigns", "/api/contacts")):
            query = f"workspaceId=workspace-1&{query}"
        if call.reads is not None and "content" not in request:
            request = {"json": BODIES.get(call.path, {}), **request}
        answer = await self.service.client.request(call.method, f"{path}?{query}", **request)
        self.seen[call.method, call.path].add(answer.status_code)

    async def ask_each(self, **request: Any) -> None:
        """Send every call the same."""
        for call in app.CALLS:
            await self.ask(call, **request)


async def never() -> AsyncIterator[bytes]:
    """A body that does not come."""
    await asyncio.Event().wait()
    yield b""


async def ask_wrongly(walk: Walk) -> None:
    """What is wrong whatever there is."""
    await walk.ask_each(query="nope=1")
    await walk.ask_each(name="x" * 256)
    await walk.ask_each(name="%ff")
    for call in app.CALLS:
        if call.reads is not None:
            await walk.ask(call, content=b"[", headers=JSON)
            await walk.ask(call, content=b"{}", headers={"content-type": "text/plain"})
            await walk.ask(call, content=b"{}", headers={**JSON, "content-length": "40000000"})
            await walk.ask(call, content=never(), headers=JSON)


async def ask_in_bad_times(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store is away, and while something fails that nobody foresaw."""

    async def away(*_: Any) -> NoReturn:
        raise StoreUnavailable("disk full")

    def fail(*_: Any) -> NoReturn:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(SqliteDatabase, "read", away)
        patched.setattr(SqliteDatabase, "write", away)
        await walk.ask_each()
    with monkeypatch.context() as patched:
        patched.setattr(Clock, "now", fail)
        await walk.ask_each()


async def ask_against_the_state(walk: Walk) -> None:
    """With keys that were used for another message, of jobs that wait or have ended, of a
    campaign that is being moved, of a sink in use, of a clock that is real.
    """
    waiting, ended = (
        await walk.service.schedule(idempotencyKey="k", metadata={"campaignId": NAME}),
        await walk.service.schedule(),
    )
    await walk.service.ask("POST", f"/api/cancel-job/{ended}")
    await walk.service.ask("POST", "/api/schedule-email", json=MAIL)
    sink = {"type": "slack", "url": "https://example.com/"}
    await walk.service.ask("PUT", f"/api/alert-sinks/{NAME}", json=sink)
    alert = {"when": {"figure": "dispatchers", "under": 1}, "notify": [NAME]}
    await walk.service.ask("PUT", "/api/alerts/that-uses-the-sink", json=alert)
    started = await walk.service.client.post("/api/operations", json=CANCEL_ALL)
    operation = started.json()["operationId"]
    for call in app.CALLS:
        name = waiting if "retry-job" in call.path else ended if "{jobId}" in call.path else NAME
        if "{operationId}" in call.path:
            name = operation
        for _ in range(2):  # a campaign that is moved again
            await walk.ask(call, name, **CONFLICTS.get(call.path, {}))


async def ask_with_keys(walk: Walk) -> None:
    """Without the key that is needed, and with one that may hand in one message a minute."""
    key = (await walk.service.ask("POST", "/api/keys", json={"messagesPerMinute": 1}))["key"]
    del walk.service.client.headers["authorization"]
    await walk.ask_each()
    for call in app.CALLS:
        if call.path.startswith("/api/schedule"):
            await walk.ask(call, headers={"authorization": f"Bearer {key}"})
            await walk.ask(call, headers={"authorization": f"Bearer {key}"})


async def test_the_statuses_of_each_call_are_those_that_it_answers_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "CALLS", IMPATIENT)
    walk = Walk()
    (tmp_path / "without keys").mkdir()
    async with serving(tmp_path / "without keys") as walk.service:
        await ask_in_bad_times(walk, monkeypatch)
        await walk.ask_each(headers={"host": "example.com"})
    async with serving(tmp_path, ApiSettings(admin_key=KEY)) as walk.service:
        walk.service.client.headers["authorization"] = f"Bearer {KEY}"
        await ask_wrongly(walk)
        await ask_against_the_state(walk)
        await ask_with_keys(walk)
    for call in app.CALLS:
        documented = {
            int(status)
            for status in document(app.CALLS)["paths"][call.path][call.method.lower()]["responses"]
        }
        assert walk.seen[call.method, call.path] | {call.status, 431} == documented, (
            f"{call.method} {call.path}"
        )
