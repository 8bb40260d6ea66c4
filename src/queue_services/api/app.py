"""Assembles the HTTP API: services, routes, and what stands around them. Called by
`bootstrap` and the tests; holds no rule.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute

from queue_services.api import (
    openapi,
    routes_alerts,
    routes_campaigns,
    routes_channels,
    routes_contacts,
    routes_errors,
    routes_forecasts,
    routes_health,
    routes_jobs,
    routes_keys,
    routes_messages,
    routes_metrics,
    routes_operations,
    routes_test_clock,
    routes_workspaces,
)
from queue_services.api.calls import Services, routes
from queue_services.api.guard import Keys, LoopbackRule, StoredKeys
from queue_services.api.key_check import KeyCheck
from queue_services.api.paths import Segments
from queue_services.api.problems import ProblemResponse, answer_error
from queue_services.api.readiness import Readiness
from queue_services.clock import Clock
from queue_services.delivery.address_guard import refused
from queue_services.delivery.notifications import Notifier
from queue_services.domain.message import new_id
from queue_services.errors import QueueServicesError
from queue_services.queue.audit import Audit
from queue_services.queue.feed_cursors import FeedCursors
from queue_services.queue.forecasts import Forecasts
from queue_services.queue.intake import Intake
from queue_services.queue.keys import Keys as KeyService
from queue_services.queue.quotas import Quotas
from queue_services.queue.service_limits import ServiceLimits
from queue_services.settings.slices import ApiSettings
from queue_services.storage.port import Database
from queue_services.web.bodies import MIB, Memory
from queue_services.web.root_path import RootPath
from queue_services.wire.intake import Rules

CALLS = (
    *routes_messages.CALLS,
    *routes_jobs.CALLS,
    *routes_errors.CALLS,
    *routes_campaigns.CALLS,
    *routes_contacts.CALLS,
    *routes_forecasts.CALLS,
    *routes_metrics.CALLS,
    *routes_workspaces.CALLS,
    *routes_channels.CALLS,
    *routes_keys.CALLS,
    *routes_operations.CALLS,
    *routes_alerts.CALLS,
    *routes_test_clock.CALLS,
    *routes_health.CALLS,
)
"""The route table."""


def create_app(
    database: Database,
    clock: Clock,
    settings: ApiSettings,
    *,
    memory: Memory | None = None,
    stored_keys: KeyService | None = None,
    keys: Keys | None = None,
    limits: ServiceLimits | None = None,
    more_routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """The ASGI application; its lifespan must be run.

    `memory` bounds all bodies together (None: as the settings say), `stored_keys` are the
    store's (None: read like everything else). `keys` None: those, and the settings'
    administrator key. `limits` are the process's (None: as the settings say, until the first
    change). `more_routes` are other parts' pages (the dashboard's), behind the same loopback
    rule.
    """
    services = _services(
        database,
        clock,
        settings,
        memory or Memory(round(settings.body_memory_mib * MIB)),
        limits or ServiceLimits(settings),
        stored_keys or KeyService(database, clock),
    )
    keys = keys or StoredKeys(services.keys, settings.admin_key)
    around = [Middleware(Segments)]
    if settings.root_path:
        around.insert(0, Middleware(RootPath, root=settings.root_path))
    if not settings.insecure:
        around.append(Middleware(LoopbackRule, keys=keys, origins=settings.cors_origins))
    if settings.cors_origins:
        around.append(
            Middleware(
                Cors,
                allow_origins=settings.cors_origins,
                allow_methods=("GET", "POST", "PUT", "DELETE"),
                allow_headers=ALLOWED_HEADERS,
                expose_headers=("Retry-After", "RateLimit", "RateLimit-Policy"),
            )
        )
    around.append(
        Middleware(KeyCheck, keys=keys, clock=clock, trusted_proxies=settings.trusted_proxies)
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        writing = asyncio.create_task(services.intake.run())
        try:
            yield
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
            await services.notifier.close()

    app = Starlette(
        routes=[*routes(CALLS, services), *openapi.routes(CALLS, settings.root_path), *more_routes],
        middleware=around,
        exception_handlers=dict.fromkeys(
            (QueueServicesError, HTTPException, ClientDisconnect, Exception), answer_error
        ),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = (
        False  # `Segments` takes the slash off; a redirected POST may lose its body
    )
    return app


ALLOWED_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key")


class Cors(CORSMiddleware):
    """Starlette's, but that a preflight it refuses is answered with a problem, like every
    other error.
    """

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        vary = {"vary": response.headers["vary"]}
        return ProblemResponse(
            403,
            f"{bytes(response.body).decode()}. Origins are allowed by QUEUE_SERVICES_CORS_ORIGINS.",
            headers=vary,
        )


def _services(
    database: Database,
    clock: Clock,
    settings: ApiSettings,
    memory: Memory,
    limits: ServiceLimits,
    stored_keys: KeyService,
) -> Services:
    # names this process in the tallies, so that no two write one row
    writer = f"api-{new_id(clock.now())}"
    intake = Intake(database, clock, writer)
    return Services(
        database=database,
        clock=clock,
        writer=writer,
        intake=intake,
        readiness=Readiness(database, clock, intake),
        forecasts=Forecasts(
            database,
            clock,
            limits,
            settings.concurrency,
            counts_segments=settings.counts_segments,
        ),
        limits=limits,
        keys=stored_keys,
        quotas=Quotas(database, clock),
        audit=Audit(database, clock),
        feed_cursors=FeedCursors(database),
        rules=Rules(
            settings.callback_paths,
            counts_segments=settings.counts_segments,
            searched=settings.search_metadata,
        ),
        max_attempts=settings.max_attempts,
        memory=memory,
        notifier=Notifier(
            settings.delivery_timeout_seconds,
            clock.now,
            lambda address: refused(address, settings.callback_allow),
        ),
    )
