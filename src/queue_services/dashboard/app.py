"""Puts the dashboard together: its services, its pages and its static files as routes for
the API's application. Built by `bootstrap` and the tests.

The routes stand behind the API's loopback rule; everything else that protects them is in `visits`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from queue_services.clock import Clock
from queue_services.dashboard import (
    campaigns,
    entrance,
    job,
    jobs,
    operations,
    queues,
    sending,
    view,
    workspaces,
)
from queue_services.dashboard.desk import Desk
from queue_services.dashboard.live import Live
from queue_services.dashboard.login import TRIES, Login
from queue_services.dashboard.sessions import Sessions
from queue_services.dashboard.visits import Page, Visit
from queue_services.domain.message import new_id
from queue_services.errors import NotFound
from queue_services.queue import overview
from queue_services.queue.audit import Audit
from queue_services.queue.forecasts import Forecasts
from queue_services.queue.intake import Intake
from queue_services.queue.keys import Keys
from queue_services.queue.operation_runner import OperationRunner
from queue_services.queue.quotas import Quotas
from queue_services.queue.service_limits import ServiceLimits
from queue_services.settings.slices import DashboardSettings
from queue_services.settings.variable import Described
from queue_services.storage.port import Database
from queue_services.web.bodies import Memory
from queue_services.web.clients import Tries
from queue_services.wire.intake import Rules

PAGES: tuple[Page, ...] = (
    *entrance.PAGES,
    *queues.PAGES,
    *jobs.PAGES,
    *job.PAGES,
    *campaigns.PAGES,
    *workspaces.PAGES,
    *sending.PAGES,
    *operations.PAGES,
)
"""The table of pages."""

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class Dashboard:
    """The dashboard of one process: `routes` for the application, `running` around the time
    that it is served.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.routes: list[BaseRoute] = [
            Route(view.path("static", "{name}"), _static),
            *(
                Route(view.BASE + page.path, _endpoint(page, desk), methods=[page.method])
                for page in PAGES
            ),
            Route(view.path("live"), _endpoint(Page("GET", "/live", _live), desk)),
            Route(
                view.path("{rest:path}"),
                _endpoint(Page("GET", "/", _nothing_here), desk),
                methods=["GET", "POST"],
            ),
        ]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do what was asked for in the background; at the end close every stream."""
        working = asyncio.create_task(self._desk.operations.run())
        try:
            yield
        finally:
            self.close()
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working

    def close(self) -> None:
        """End every stream, so that a server that stops need not wait for them."""
        self._desk.live.close()


async def open_dashboard(
    database: Database,
    clock: Clock,
    settings: DashboardSettings,
    memory: Memory | None = None,
    keys: Keys | None = None,
    *,
    limits: ServiceLimits | None = None,
    described: Sequence[Described] = (),
    version: str = "",
) -> Dashboard:
    """Build the dashboard on a migrated store. Its forms and the API's bodies share `memory`;
    `described` are all settings as the page of settings shows them.
    """
    limits = limits or ServiceLimits(settings)
    writer = f"dashboard-{new_id(clock.now())}"
    return Dashboard(
        Desk(
            database=database,
            clock=clock,
            writer=writer,
            settings=settings,
            limits=limits,
            described=described,
            version=version,
            login=Login(
                keys or Keys(database, clock),
                settings.admin_key,
                settings.bull_board_username,
                settings.bull_board_password,
            ),
            tries=Tries(TRIES),
            sessions=Sessions(database, clock),
            live=Live(
                lambda workspace: overview.channels.run(database, workspace, clock.now()),
                clock,
                limits,
            ),
            audit=Audit(database, clock),
            forecasts=Forecasts(
                database,
                clock,
                limits,
                settings.concurrency,
                counts_segments=settings.counts_segments,
            ),
            intake=Intake(database, clock, writer),
            operations=OperationRunner(database, clock, writer),
            rules=Rules(
                settings.callback_paths,
                counts_segments=settings.counts_segments,
                searched=settings.search_metadata,
            ),
            memory=memory or Memory(),
            quotas=Quotas(database, clock),
        )
    )


def _endpoint(page: Page, desk: Desk) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await page.serve(request, desk)

    return endpoint


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in view.STATIC:
        return Response(status_code=404, headers=view.HEADERS)
    kind = next(media for suffix, media in view.STATIC_TYPES.items() if name.endswith(suffix))
    return Response(
        view.STATIC[name],
        headers=view.HEADERS | {"cache-control": "public, max-age=31536000, immutable"},
        media_type=kind,
    )


async def _live(visit: Visit) -> Response:
    """GET /live: the figures as they move, for as long as the visitor may look."""
    desk, visitor = visit.desk, visit.visitor

    async def events() -> AsyncIterator[bytes]:
        async for event in desk.live.events(visitor.workspace):
            if not await desk.may_look(visit.session, visitor):
                return
            yield event

    return StreamingResponse(
        events(), headers=view.HEADERS | {"x-accel-buffering": "no"}, media_type="text/event-stream"
    )


async def _nothing_here(visit: Visit) -> Response:
    """A slash at the end means nothing, as in the original; anything else is not there."""
    rest = visit.named("rest")
    if (visit.request.method == "GET" and rest.rstrip("/") != rest) or not rest:
        return visit.go(view.path(*filter(None, rest.split("/"))))
    raise NotFound("page", rest)
