"""The only place that builds everything: store, clock, dispatcher, API, server; and lets
them start and end in the right order.

Called by `cli`. It holds no rule of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import structlog
import uvloop

from queue_services import __version__
from queue_services.api.app import create_app
from queue_services.api.descriptors import most_connections
from queue_services.api.server import Server, listening
from queue_services.clock import Clock
from queue_services.dashboard.app import open_dashboard
from queue_services.dashboard.view import BASE as DASHBOARD
from queue_services.delivery.address_guard import refused
from queue_services.delivery.callback import CallbackSender
from queue_services.delivery.events import EventSender
from queue_services.delivery.notifications import Notifier
from queue_services.delivery.sender import Messenger, Sender
from queue_services.dispatcher import build as dispatching
from queue_services.dispatcher import tracing
from queue_services.dispatcher.alerts import AlertRunner
from queue_services.dispatcher.campaign_following import CampaignFollower
from queue_services.dispatcher.clock_keeping import ClockKeeper, measure
from queue_services.dispatcher.settings_watch import SettingsWatch
from queue_services.domain.message import SECOND, Channel, new_id
from queue_services.errors import ConfigurationError, Fault
from queue_services.queue import changes, event_routes
from queue_services.queue.forecasts import Forecasts
from queue_services.queue.keys import Keys
from queue_services.queue.service_limits import ServiceLimits
from queue_services.settings import Settings
from queue_services.storage import migrate, open_beside, open_database, open_existing, statements
from queue_services.storage.files import command_to_hide, readable_by_others
from queue_services.storage.port import Database
from queue_services.storage.sqlite import SqliteDatabase
from queue_services.testclock.clock import SteppedClock
from queue_services.testclock.stepping import SteppedDatabase, SteppedMessenger, SteppedSender
from queue_services.web.bodies import MIB, Memory

log = structlog.get_logger(__name__)


@dataclass
class Core:
    """What every process has: its settings, the store, and a clock that agrees with it."""

    settings: Settings
    database: Database
    clock: Clock
    limits: ServiceLimits


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The event loop of production: uvloop where there is one."""
    return uvloop.new_event_loop()


@contextlib.asynccontextmanager
async def open_core(settings: Settings, *, accept: bool = False) -> AsyncIterator[Core]:
    """Open the store, bring its schema up to date, and set the clock by it; `accept` the
    server as the store's own. Raises StoreUnavailable and ConfigurationError.
    """
    database = open_database(
        settings.database_url, settings.database_timeout_seconds, accept=accept
    )
    try:
        await database.migrate()
        await changes.adopt.run(database)
        clock = Clock()
        clock.correct(await measure(database, clock), at_once=True)
        limits = ServiceLimits(settings)
        await limits.refresh(database)
        yield Core(settings, database, clock, limits)
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def open_to_read(settings: Settings) -> AsyncIterator[Core]:
    """Open a store that is there, and change nothing in it. Raises StoreUnavailable, and
    ConfigurationError where its schema is not this version's.
    """
    database = open_existing(settings.database_url, settings.database_timeout_seconds)
    try:
        await database.read(migrate.check, statements.migrations(database.backend))
        clock = Clock()
        clock.correct(await measure(database, clock), at_once=True)
        limits = ServiceLimits(settings)
        await limits.refresh(database)
        yield Core(settings, database, clock, limits)
    finally:
        await database.close()


async def run(settings: Settings, *, api: bool, dispatch: bool) -> None:
    """Serve the API, dispatch, or both, until SIGTERM or SIGINT; then drain: first no new
    requests, then no new deliveries.
    """
    if settings.test_clock and not (api and dispatch):
        raise ConfigurationError(
            Fault(
                "QUEUE_SERVICES_TEST_CLOCK",
                "is for `queue-services serve` alone: other processes would not go by the same"
                " time",
            )
        )
    with (
        listening(settings.host, settings.port, shared=settings.share_port)
        if api
        else contextlib.nullcontext()
    ) as listener:
        async with open_core(settings) as core:
            _report_readable_files(core.database)
            if api:
                await refuse_open_door(core)
            if settings.test_clock:
                core = on_test_clock(core)  # noqa: PLW2901
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            async with contextlib.AsyncExitStack() as stack:
                if dispatch:
                    await stack.enter_async_context(_dispatching(core, stop))
                else:
                    await stack.enter_async_context(_keeping_up(core))
                    # what is cancelled before the first dispatcher is there will be told, too
                    if settings.events_url is not None:
                        await core.database.write(event_routes.set_service, enabled=True)
                await stack.enter_async_context(_watching_settings(core, sends=dispatch))
                await stack.enter_async_context(_alerting(core))
                if listener is not None:
                    keys = await stack.enter_async_context(_keys(core))
                    await stack.enter_async_context(_serving(core, keys, listener, stop))
                gc.collect()
                # what is there now stays: the collector need not stop the loop to look
                # through it again and again
                gc.freeze()
                await stop.wait()
                log.info("stopping")


def _report_readable_files(database: Database) -> None:
    """Say which files of the store others can read, and how to end that."""
    if isinstance(database, SqliteDatabase) and (files := readable_by_others(database.path)):
        log.warning(
            "store.readable_by_others",
            files=files,
            advice="only the owner needs them; run the command",
            command=command_to_hide(files),
        )


def on_test_clock(core: Core) -> Core:
    """The same store, on a clock that can be moved."""
    clock = SteppedClock()
    clock.correct(core.clock.now() - clock.now(), at_once=True)
    log.warning("on a test clock: POST /api/test-clock/advance moves the time")
    return Core(core.settings, SteppedDatabase(core.database, clock), clock, core.limits)


@contextlib.asynccontextmanager
async def _dispatching(core: Core, stop: asyncio.Event) -> AsyncIterator[None]:
    """Dispatch; where that ends by itself the whole process stops, rather than go on as
    half a service.
    """
    settings = core.settings
    for channel, url in (("SMS", settings.sms_api_url), ("EMAIL", settings.email_api_url)):
        if url is None:
            log.warning(
                "no base URL: due messages of this channel wait until it, or their workspace's own,"
                " is set",
                setting=f"{channel}_API_URL",
            )
    sender: Sender = CallbackSender(
        settings,
        core.clock.now,
        lambda address: refused(address, settings.callback_allow),
    )
    messenger: Messenger = EventSender(
        settings,
        core.clock.now,
        lambda address: refused(address, settings.callback_allow),
    )
    if isinstance(core.clock, SteppedClock):
        sender, messenger = (
            SteppedSender(sender, core.clock),
            SteppedMessenger(messenger, core.clock),
        )
    process = await dispatching.build(
        core.database,
        core.clock,
        sender,
        settings,
        messenger=messenger,
        spans=tracing.configured(),
        limits=core.limits,
    )
    running = asyncio.create_task(process.run())
    running.add_done_callback(lambda _: stop.set())
    log.info(
        "dispatching",
        dispatcher=process.identity,
        sms_per_second=core.limits[Channel.SMS],
        email_per_second=core.limits[Channel.EMAIL],
    )
    try:
        yield
    finally:
        process.stop()
        try:
            await running
        finally:
            await sender.close()
            await messenger.close()


@contextlib.asynccontextmanager
async def _beside(*chores: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run chores until the block ends."""
    tasks = [asyncio.create_task(chore) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _keeping_up(core: Core) -> AbstractAsyncContextManager[None]:
    """Follow the database's clock and the campaigns, where no dispatcher's maintenance does."""
    lease = round(core.settings.lease_seconds * SECOND)
    writer = f"m-{new_id(core.clock.now())}"
    return _beside(
        ClockKeeper(core.database, core.clock, lease).run(),
        CampaignFollower(core.database, core.clock, writer).run(),
    )


def _watching_settings(core: Core, *, sends: bool) -> AbstractAsyncContextManager[None]:
    """End pauses and limits at their time, and follow the stored limits."""
    return _beside(SettingsWatch(core.database, core.clock, core.limits, sends=sends).run())


@contextlib.asynccontextmanager
async def _alerting(core: Core) -> AsyncIterator[None]:
    """Evaluate the alerts and deliver their notifications, in turn with the other processes."""
    settings = core.settings
    delivering = notifier(core)
    forecasts = Forecasts(
        core.database,
        core.clock,
        core.limits,
        settings.concurrency,
        counts_segments=settings.counts_segments,
    )
    runner = AlertRunner(core.database, core.clock, forecasts, delivering)
    try:
        async with _beside(runner.run()):
            yield
    finally:
        await delivering.close()


def notifier(core: Core) -> Notifier:
    """What delivers notifications of alerts; close it in the end."""
    settings = core.settings
    return Notifier(
        settings.delivery_timeout_seconds,
        core.clock.now,
        lambda address: refused(address, settings.callback_allow),
    )


@contextlib.asynccontextmanager
async def _keys(core: Core) -> AsyncIterator[Keys]:
    """The keys of the store, read on a connection that nothing else keeps busy."""
    if isinstance(core.database, SteppedDatabase):
        yield Keys(core.database, core.clock)
        return
    settings = core.settings
    reads_from = open_beside(
        core.database, settings.database_url, settings.database_timeout_seconds
    )
    try:
        yield Keys(core.database, core.clock, reads_from)
    finally:
        await reads_from.close()


@contextlib.asynccontextmanager
async def _serving(
    core: Core, keys: Keys, listener: socket.socket, stop: asyncio.Event
) -> AsyncIterator[None]:
    memory = Memory(round(core.settings.body_memory_mib * MIB))
    dashboard = await open_dashboard(
        core.database,
        core.clock,
        core.settings,
        memory,
        keys,
        limits=core.limits,
        described=core.settings.describe(),
        version=__version__,
    )
    app = create_app(
        core.database,
        core.clock,
        core.settings,
        memory=memory,
        limits=core.limits,
        stored_keys=keys,
        more_routes=dashboard.routes,
    )
    server = Server(
        app,
        most_connections=most_connections(core.settings),
        shutdown_seconds=core.settings.shutdown_seconds,
        drain_seconds=core.settings.drain_seconds,
    )
    async with dashboard.running():
        running = asyncio.create_task(server.serve([listener]))
        running.add_done_callback(lambda _: stop.set())
        up = asyncio.create_task(server.listening())
        await asyncio.wait((running, up), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        host, port = listener.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        log.info("listening", url=url, dashboard=url + DASHBOARD)
        try:
            yield
        finally:
            if not running.done():
                await server.leave(end_streams=dashboard.close)
            await running


async def refuse_open_door(core: Core) -> None:
    """Raise ConfigurationError for an address that others reach, while no key is asked for
    and `--insecure` was not said; say aloud where it was.
    """
    settings = core.settings
    if settings.admin_key is not None or await Keys(core.database, core.clock).exist():
        return
    if settings.insecure:
        log.error(
            "INSECURE: everybody who can reach this address is served as an administrator, without"
            " a key",
            host=settings.host,
        )
    elif not is_loopback(settings.host):
        fault = Fault(
            "HOST",
            f"{settings.host} can be reached from elsewhere: make a key (queue-services keys"
            " create), set QUEUE_SERVICES_ADMIN_KEY, or say --insecure",
        )
        raise ConfigurationError(fault)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address that is listened on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
