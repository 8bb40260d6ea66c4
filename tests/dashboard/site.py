"""The dashboard in process: a service with its pages, and a browser without JavaScript that
follows forms.
"""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2

from queue_services.clock import Clock
from queue_services.dashboard.app import open_dashboard
from queue_services.dashboard.view import BASE
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.outcome import Kind
from queue_services.queue.operation_runner import OperationRunner
from queue_services.settings.slices import ApiSettings, DashboardSettings
from queue_services.storage import open_database
from queue_services.storage.port import Database
from queue_services.web.bodies import Memory
from tests.api.service import BASE_URL, START, Service, serving
from tests.storage.store import Store

LIMITS = {Channel.SMS: 50.0, Channel.EMAIL: 100.0}
TOKEN = re.compile(r'name="token" value="([^"]+)"')
PAGES = [
    "",
    "/jobs",
    "/campaigns",
    "/workspaces",
    "/workspace?id=workspace-1",
    "/send",
    "/send?channel=email",
    "/operations",
]


class Page:
    """A page as it came."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.code = answer.status_code
        self.source = answer.text

    @property
    def text(self) -> str:
        """What is read, without its markup."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.source)).split())

    def forms(self, end: str) -> list[str]:
        """The paths that forms of the page are sent to, of those that end so."""
        found = re.findall(rf'action="{BASE}([^"]*{end})"', self.source)
        return [html.unescape(path) for path in found]

    @property
    def to(self) -> str:
        """Where a redirect leads, under the dashboard's own path."""
        return self.answer.headers["location"].removeprefix(BASE)


class Site:
    """A service with its dashboard, and one browser that looks at it."""

    def __init__(self, service: Service, client: httpx2.AsyncClient) -> None:
        self.service, self.client = service, client

    async def get(self, path: str = "", code: int = 200, **request: Any) -> Page:
        """Open a page."""
        page = Page(await self.client.get(BASE + path, **request))
        assert page.code == code, page.text
        return page

    async def post(
        self, path: str, code: int = 303, /, *, token: str | None = None, **fields: Any
    ) -> Page:
        """Send a form, with the token that a page of this session holds."""
        page = Page(
            await self.client.post(
                BASE + path,
                data={"token": await self.token() if token is None else token, **fields},
            )
        )
        assert page.code == code, page.text
        return page

    async def act(self, path: str, **fields: Any) -> Page:
        """Send a form, and open the page that it leads to."""
        return await self.get((await self.post(path, **fields)).to)

    async def token(self) -> str:
        """The token of this browser's session."""
        for path in ("", "/login"):
            if found := TOKEN.search((await self.client.get(BASE + path)).text):
                return found[1]
        raise AssertionError("no page has a form")

    async def log_in(self, password: str, username: str = "", code: int = 303) -> Page:
        return await self.post("/login", code, username=username, password=password)

    def another(self) -> Site:
        """Another browser at the same service."""
        transport = httpx2.ASGITransport(app=self.service.app, raise_app_exceptions=False)
        return Site(self.service, httpx2.AsyncClient(transport=transport, base_url=BASE_URL))

    @property
    def store(self) -> Store:
        return Store(self.service.database, reopen=lambda: open_database("sqlite:///unused.db"))

    async def fail(self, *jobs: str, channel: Channel = Channel.SMS) -> None:
        """Let what is due be rejected by the application."""
        claimed = await self.store.claim(self.service.now, channel)
        assert {message.id for message in claimed} >= set(jobs)
        await self.store.settle_as(Kind.REJECTED, *claimed, now=self.service.now)

    async def finish_operations(self) -> None:
        """Do what was asked for in the background, as another process would."""
        operations = OperationRunner(
            self.service.database,
            Clock(monotonic=lambda: 0.0, wall=lambda: self.service.now / SECOND),
            "worker",
        )
        while await operations.advance():
            pass


@contextlib.asynccontextmanager
async def opened(
    folder: Path,
    *,
    admin_key: str | None = None,
    database: Database | None = None,
    memory: Memory | None = None,
    **settings: Any,
) -> AsyncIterator[Site]:
    """A service with its dashboard, ended with the test."""
    served = ApiSettings(admin_key=admin_key, root_path=settings.get("root_path", ""))
    async with serving(folder, served, database=database) as service:
        clock = Clock(monotonic=lambda: service.seconds, wall=lambda: START)
        wanted = DashboardSettings(admin_key=admin_key, **settings)
        dashboard = await open_dashboard(service.database, clock, wanted, memory, version="0.0.0")
        service.app.router.routes.extend(dashboard.routes)
        yield Site(service, service.client)
        dashboard.close()
