"""The API in process, on a store and a clock of the test's own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from queue_services.api.app import create_app
from queue_services.api.guard import Keys as KeyCheck
from queue_services.clock import Clock
from queue_services.queue.keys import Keys
from queue_services.settings.slices import ApiSettings
from queue_services.storage import open_database
from queue_services.storage.port import Database

START = 1_742_638_530.123
BASE_URL = "http://127.0.0.1:3000"
SMS = {
    "phoneNumber": "+1 555 010 9999",
    "message": "Hello",
    "contactId": "contact-1",
    "workspaceId": "workspace-1",
}
EMAIL = {
    "to": "ada@example.com",
    "subject": "Hello",
    "html": "<p>Hello</p>",
    "contactId": "contact-1",
    "workspaceId": "workspace-1",
}
JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}


class Service:
    """The API of one process. `client` speaks to it; `pass_time` moves its clock."""

    def __init__(self, app: Starlette, database: Database, client: httpx2.AsyncClient) -> None:
        self.app, self.database, self.client = app, database, client
        self.seconds = 0.0
        self.wakes = 0
        database.on_wake(self._count_wake)

    def _count_wake(self) -> None:
        self.wakes += 1

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds

    @property
    def now(self) -> int:
        """The instant, microseconds since 1970."""
        return round((START + self.seconds) * 1_000_000)

    @property
    def keys(self) -> Keys:
        """The keys as another process would make them."""
        return Keys(self.database, self.clock)

    @property
    def clock(self) -> Clock:
        """The service's time."""
        return Clock(monotonic=lambda: self.seconds, wall=lambda: START + self.seconds)

    async def ask(self, method: str, path: str, status: int = 200, **request: Any) -> Any:
        """Send a request, insist on the status, return the JSON answer."""
        answer = await self.client.request(method, path, **request)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert answer.headers["content-type"] == (
            "application/json" if status == 200 else "application/problem+json"
        )
        if status != 200:
            assert (body["success"], body["status"], body["message"]) == (
                False,
                status,
                body["detail"],
            )
            assert {"type", "title"} <= body.keys()
        return body

    async def schedule(self, **changes: Any) -> str:
        """Schedule an SMS in a minute, unless changed; its job id."""
        job: str = (
            await self.ask("POST", "/api/schedule-sms", json={**SMS, "delay": 60_000, **changes})
        )["jobId"]
        return job

    async def job(self, job: str) -> Any:
        return await self.ask("GET", f"/api/job-status/{job}")


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    settings: ApiSettings | None = None,
    keys: KeyCheck | None = None,
    database: Database | None = None,
    more_routes: tuple[BaseRoute, ...] = (),
) -> AsyncIterator[Service]:
    """The API, started and stopped around a test."""
    opened = database or open_database(f"sqlite:///{folder / 'queue.db'}")
    await opened.migrate()
    times: list[Service] = []
    clock = Clock(monotonic=lambda: times[0].seconds if times else 0.0, wall=lambda: START)
    app = create_app(opened, clock, settings or ApiSettings(), keys=keys, more_routes=more_routes)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    try:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as client,
        ):
            times.append(Service(app, opened, client))
            yield times[0]
    finally:
        await opened.close()


def ndjson(*messages: Any) -> bytes:
    """One message a line; bytes as they are."""
    return b"\n".join(
        message if isinstance(message, bytes) else json.dumps(message).encode()
        for message in messages
    )


def fields(problem: Any) -> set[str]:
    """The fields that a problem names."""
    return {error["field"] for error in problem["errors"]}
