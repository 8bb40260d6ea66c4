"""A real browser before a real service: a process that serves and dispatches, a receiver
for it, and Debian's chromium.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, BrowserContext, Page, StorageState, async_playwright

from queue_services.dashboard.view import BASE
from tests.acceptance.processes import Arrivals, Service, receiving, running
from tests.delivery.receiver import OK, Request, response

KEY = "qs_the_administrators_key_of_the_tests"
USERNAME, PASSWORD = "admin", "correct horse battery"
CHROMIUM = shutil.which("chromium")
BROKEN = "/broken"
"""Messages whose callback endpoint begins like this are rejected until the stage is `mended`."""
FLAKY = "/flaky"
"""The first try of these is answered 503."""


@dataclass
class Stage:
    """The service, the browser, and how the receiver answers."""

    service: Service
    browser: Browser
    mended: bool = False
    requested: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    session: StorageState | None = None

    @property
    def url(self) -> str:
        return self.service.url + BASE

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """Call the API as the administrator."""
        async with httpx2.AsyncClient(
            base_url=self.service.url, timeout=30, headers={"authorization": f"Bearer {KEY}"}
        ) as client:
            answer = await client.request(method, path, **request)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def schedule(self, *messages: dict[str, Any]) -> list[str]:
        """Schedule messages; their job ids."""
        results = (await self.ask("POST", "/api/schedule-batch", json={"messages": messages}))[
            "results"
        ]
        return [result["jobId"] for result in results]

    async def until(self, job: str, status: str) -> None:
        """Wait until a job has a status."""
        for _ in range(2_000):
            if (await self.ask("GET", f"/api/job-status/{job}"))["status"] == status:
                return
        raise AssertionError(f"job {job} never was {status}")

    async def open(
        self, path: str = "", *, password: str | None = PASSWORD, **context: Any
    ) -> Page:
        """A page of a new browser, logged in unless `password` is None; what its console says
        is an error of the test.
        """
        usual: dict[str, Any] = {
            "viewport": {"width": 1280, "height": 860},
            "locale": "en-GB",
            "timezone_id": "UTC",
            "reduced_motion": "reduce",
        }
        opened = await self.browser.new_context(
            **usual | context, storage_state=self.session if password == PASSWORD else None
        )
        opened.set_default_timeout(8_000)
        self.contexts.append(opened)
        page = await opened.new_page()
        await page.goto(self.url + path)
        if password is not None and "/login" in page.url:
            await page.fill("input[name=username]", USERNAME if password == PASSWORD else "")
            await page.fill("input[name=password]", password)
            await page.click("button.primary")
            self.session = await opened.storage_state() if password == PASSWORD else self.session
        return page


@contextlib.asynccontextmanager
async def staged(folder: Path, settings: Sequence[tuple[str, str]] = ()) -> AsyncIterator[Stage]:
    """Start everything; end it with the tests. Skips where there is no chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    stage: Stage | None = None

    def answer(request: Request) -> bytes:
        assert stage is not None
        stage.requested.append(request.target)
        if request.target.startswith(BROKEN) and not stage.mended:
            return response(422, b'{"error": "unknown template"}')
        if request.target.startswith(FLAKY) and request.headers["x-attempt"] == "1":
            return response(503, b"try later")
        return response(200, OK)

    login = {
        "admin_key": KEY,
        "bull_board_username": USERNAME,
        "bull_board_password": PASSWORD,
        "backoff_seconds": 0.1,
        **dict(settings),
    }
    async with (
        receiving(Arrivals(answer)) as receiver,
        running(
            "serve",
            database_url=f"sqlite:///{folder / 'queue.db'}",
            receiver_url=receiver.url,
            **login,
        ) as [service],
        async_playwright() as playwright,
        await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        ) as browser,
    ):
        stage = Stage(service, browser)
        yield stage
        for context in stage.contexts:
            await context.close()
