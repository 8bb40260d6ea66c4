"""Puts one dispatching process together: flights, pacer, settler, passes, loops and chores.
Used by `bootstrap` and by the dispatcher's tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import random as randomness
import socket
from collections.abc import Callable

from queue_services.clock import Clock
from queue_services.delivery.events import CONNECTIONS
from queue_services.delivery.sender import Messenger, Sender
from queue_services.dispatcher.clock_keeping import ClockKeeper
from queue_services.dispatcher.dispatcher import Dispatcher, DispatcherTerms
from queue_services.dispatcher.events import EventDispatcher, EventTerms
from queue_services.dispatcher.flights import Flights
from queue_services.dispatcher.limit_watch import LimitWatch
from queue_services.dispatcher.maintenance import Maintenance
from queue_services.dispatcher.pacer import Pacer
from queue_services.dispatcher.runner import Runner
from queue_services.dispatcher.settler import Settler
from queue_services.dispatcher.tracing import BatchSpans
from queue_services.dispatcher.wakes import Wakes
from queue_services.domain.calendar import DAY
from queue_services.domain.message import SECOND
from queue_services.domain.retry import RetryPolicy
from queue_services.errors import StoreUnavailable
from queue_services.queue import dispatchers, event_routes
from queue_services.queue.service_limits import ServiceLimits
from queue_services.queue.settling import Terms
from queue_services.settings.slices import DispatchSettings
from queue_services.storage.port import Database

EVENT_LEASE_SPARE = 30
"""An event's lease, in seconds beyond the longest that connecting and answering may take:
it is not renewed.
"""


class Dispatching:
    """A dispatching process: run it, stop it, look at its parts."""

    def __init__(
        self,
        database: Database,
        identity: int,
        runner: Runner,
        maintenance: Maintenance,
        dispatcher: Dispatcher,
        flights: Flights,
        events: EventDispatcher | None,
    ) -> None:
        self._database, self.identity, self._runner, self._events = (
            database,
            identity,
            runner,
            events,
        )
        self.maintenance, self.dispatcher, self.flights = maintenance, dispatcher, flights

    async def run(self) -> None:
        """Dispatch until `stop`; returns when what was in flight is settled, or
        `shutdown_seconds` later.
        """
        chores = asyncio.create_task(self.maintenance.run())
        telling = asyncio.create_task(self._events.run()) if self._events else None
        try:
            await self._runner.run()
            if self._events and telling:  # what the last messages came to is told, too
                self._events.stop()
                await telling
            with contextlib.suppress(
                StoreUnavailable
            ):  # then those that stay forget it, as one that died
                await self._database.write(dispatchers.forget, self.identity)
        finally:
            beside = [chores, *([telling] if telling else [])]
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    def stop(self) -> None:
        self._runner.stop()


async def build(
    database: Database,
    clock: Clock,
    sender: Sender,
    settings: DispatchSettings,
    random: Callable[[], float] = randomness.random,
    messenger: Messenger | None = None,
    spans: BatchSpans | None = None,
    limits: ServiceLimits | None = None,
) -> Dispatching:
    """Register a dispatcher with the store and put it together; without a messenger it
    tells nobody of events, without spans it traces nothing. `limits` are the process's (None: as
    the settings say).
    """
    identity = await database.write(dispatchers.register, socket.gethostname(), clock.now())
    writer, lease = f"d{identity}", round(settings.lease_seconds * SECOND)
    rates = limits or ServiceLimits(settings)
    policy = RetryPolicy(
        max_attempts=settings.max_attempts, backoff=round(settings.backoff_seconds * SECOND)
    )
    events = None
    if messenger is not None:
        await database.write(event_routes.set_service, enabled=settings.events_url is not None)
        events = EventDispatcher(
            database, clock, messenger, _event_terms(identity, settings, policy, random)
        )
    flights, wakes = Flights(settings.concurrency), Wakes()
    settler = Settler(
        database,
        clock,
        flights,
        Terms(identity, writer, policy, rates, random),
        on_settled=wakes.settled,
        on_event=events.wake if events else _nothing,
        on_outcome=None if spans is None else spans.outcome,
    )
    pacer = Pacer(clock, flights, lease, on_missed=wakes.reserve)
    clock_keeper = ClockKeeper(database, clock, lease)
    dispatcher = Dispatcher(
        database,
        LimitWatch(database, clock_keeper.check),
        clock,
        sender,
        flights,
        pacer,
        settler,
        wakes,
        DispatcherTerms(identity, writer, rates, lease, settings.events_url is not None),
    )
    runner = Runner(
        database,
        clock,
        dispatcher,
        flights,
        pacer,
        settler,
        wakes,
        identity=identity,
        lease=lease,
        patience=settings.shutdown_seconds,
    )
    maintenance = Maintenance(
        database,
        clock,
        clock_keeper,
        dispatcher,
        identity=identity,
        writer=f"m{identity}",
        rates=rates,
        retention=round(settings.retention_days * DAY),
        history_age=round(settings.history_days * DAY),
        body_age=None if settings.body_days is None else round(settings.body_days * DAY),
    )
    return Dispatching(database, identity, runner, maintenance, dispatcher, flights, events)


def _nothing() -> None:
    """No event is delivered."""


def _event_terms(
    identity: int, settings: DispatchSettings, policy: RetryPolicy, random: Callable[[], float]
) -> EventTerms:
    return EventTerms(
        dispatcher=identity,
        service_url=settings.events_url is not None,
        concurrency=CONNECTIONS,
        lease=round((2 * settings.delivery_timeout_seconds + EVENT_LEASE_SPARE) * SECOND),
        policy=policy,
        random=random,
        patience=settings.shutdown_seconds,
    )
