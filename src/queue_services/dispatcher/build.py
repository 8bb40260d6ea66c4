"""Puts one dispatching process together: flights, pacer, settler, passes, loops and chores. Used by `bootstrap` and by the dispatcher's tests."""

from __future__ import annotations

import asyncio
import contextlib
import random as randomness
import socket
from collections.abc import Callable

import msgspec

from queue_services.clock import Clock
from queue_services.delivery.sender import Sender
from queue_services.dispatcher.dispatcher import Dispatcher, DispatcherTerms
from queue_services.dispatcher.flights import Flights
from queue_services.dispatcher.maintenance import Maintenance
from queue_services.dispatcher.pacer import Pacer
from queue_services.dispatcher.runner import Runner
from queue_services.dispatcher.settler import Settler
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.retry import RetryPolicy
from queue_services.errors import StoreUnavailable
from queue_services.storage import upkeep
from queue_services.storage.port import Database
from queue_services.storage.settling import Terms


class DispatchSettings(msgspec.Struct, frozen=True):
    """What a dispatching process is run with. Limits are messages a second; the names say the other units."""

    sms_per_second: float = 50
    email_per_second: float = 100
    max_attempts: int = 3
    backoff_seconds: float = 1
    concurrency: int = 256
    lease_seconds: float = 30
    retention_days: float = 30
    shutdown_seconds: float = 15


class Dispatching:
    """A dispatching process: run it, stop it, look at its parts."""

    def __init__(self, database: Database, identity: int, runner: Runner, maintenance: Maintenance, dispatcher: Dispatcher, flights: Flights) -> None:
        self._database, self.identity = database, identity
        self._runner, self.maintenance, self.dispatcher, self.flights = runner, maintenance, dispatcher, flights

    async def run(self) -> None:
        """Dispatch until `stop`; returns when what was in flight is settled, or `shutdown_seconds` later."""
        chores = asyncio.create_task(self.maintenance.run())
        try:
            await self._runner.run()
            with contextlib.suppress(StoreUnavailable):  # then those that stay forget it, as one that died
                await self._database.write(upkeep.forget, self.identity)
        finally:
            chores.cancel()
            await asyncio.gather(chores, return_exceptions=True)

    def stop(self) -> None:
        self._runner.stop()


async def build(database: Database, clock: Clock, sender: Sender, settings: DispatchSettings, random: Callable[[], float] = randomness.random) -> Dispatching:
    """Register a dispatcher with the store and put it together."""
    identity = await database.write(upkeep.register, socket.gethostname(), clock.now())
    writer, lease = f"d{identity}", round(settings.lease_seconds * SECOND)
    rates = {Channel.SMS: settings.sms_per_second, Channel.EMAIL: settings.email_per_second}
    policy = RetryPolicy(max_attempts=settings.max_attempts, backoff=round(settings.backoff_seconds * SECOND))
    flights = Flights(settings.concurrency)
    pacer = Pacer(clock, lease)
    settler = Settler(database, clock, flights, Terms(identity, writer, policy, rates, random))
    dispatcher = Dispatcher(database, clock, sender, flights, pacer, settler, DispatcherTerms(identity, writer, rates, lease))
    runner = Runner(database, clock, dispatcher, flights, pacer, settler, identity=identity, lease=lease, patience=settings.shutdown_seconds)
    retention = round(settings.retention_days * 86_400 * SECOND)
    maintenance = Maintenance(database, clock, dispatcher, identity=identity, writer=f"m{identity}", rates=rates, retention=retention)
    return Dispatching(database, identity, runner, maintenance, dispatcher, flights)
