"""Repeats the dispatcher's passes: a loop a channel that sleeps until something is due,
renewed leases, and a stop that drains.

Built by `bootstrap`, one a process. It decides nothing about messages.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from queue_services.clock import Clock
from queue_services.dispatcher.dispatcher import Dispatcher
from queue_services.dispatcher.flights import Flights
from queue_services.dispatcher.pacer import Pacer
from queue_services.dispatcher.settler import Settler
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.errors import StoreUnavailable
from queue_services.queue import claims
from queue_services.storage.port import Database

T = TypeVar("T")

POLL = SECOND
"""How long a sleep may last, in case a wake was lost. Nothing depends on it while wakes arrive."""
BREATH = 3_000
"""The shortest pause after a pass that claimed nothing: wakes of a busy intake must not
become a claim each.
"""
AFTER_FAILURE = SECOND // 2

log = structlog.get_logger(__name__)


class Runner:
    """Runs one dispatcher until `stop`. `lease` is microseconds; `patience` seconds for
    what is in flight when stopping.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        dispatcher: Dispatcher,
        flights: Flights,
        pacer: Pacer,
        settler: Settler,
        *,
        identity: int,
        lease: int,
        patience: float,
    ) -> None:
        self._database, self._clock, self._dispatcher = database, clock, dispatcher
        self._flights, self._pacer, self._settler = flights, pacer, settler
        self._identity, self._lease, self._patience = identity, lease, patience
        self._awake = {channel: asyncio.Event() for channel in Channel}
        self._starved = dict.fromkeys(Channel, False)
        self._stopping = asyncio.Event()
        pacer.on_missed = self.wake
        settler.on_settled = self._wake_after_settling

    def wake(self, channel: Channel | None = None) -> None:
        """Let the next pass begin now: something may be due."""
        for one in Channel if channel is None else [channel]:
            self._awake[one].set()

    def _wake_after_settling(self, moved: bool) -> None:
        """Places are free again; where messages or lanes `moved` too, something may be due
        sooner than was known.
        """
        for channel in Channel:
            if moved or self._starved[channel]:
                self._awake[channel].set()

    def stop(self) -> None:
        self._stopping.set()
        self.wake()

    async def run(self) -> None:
        """Dispatch until `stop`, then finish what is in flight, settle it and return; what does
        not end in time is left to its lease.
        """
        self._database.on_wake(self.wake)
        background = [
            asyncio.create_task(self._settler.run()),
            asyncio.create_task(self._renew_leases()),
        ]
        passes = [asyncio.create_task(self._repeat(channel)) for channel in Channel]
        try:
            await asyncio.gather(*passes)
            self._pacer.stop()
            for flight in self._flights.all():
                if flight.started_at is None and flight.task is not None:
                    flight.task.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._flights.landed()
        finally:
            await _cancel(
                [
                    *passes,
                    *background,
                    *(flight.task for flight in self._flights.all() if flight.task is not None),
                ]
            )
        if left := len(self._flights):
            log.warning(
                "stopped with deliveries in flight; they are due again when their leases end",
                messages=left,
            )

    async def _repeat(self, channel: Channel) -> None:
        while not self._stopping.is_set():
            self._awake[channel].clear()
            now = self._clock.now()
            done = await self._attempt(self._dispatcher.run_once(channel, now))
            if done is None:
                await self._sleep(channel, self._clock.now() + AFTER_FAILURE)
                continue
            self._starved[channel] = done.starved
            if not done.claimed:
                await self._clock.sleep_until(min(now + BREATH, done.wake_at + BREATH))
            await self._sleep(channel, done.wake_at)

    async def _sleep(self, channel: Channel, until: Instant) -> None:
        """Sleep until an instant, or until a wake."""
        if not self._stopping.is_set():
            await self._clock.wait(self._awake[channel], until, poll=POLL)

    async def _renew_leases(self) -> None:
        """Every third of a lease, move the ends of all leases held; a flight whose lease was
        lost does not start any more.
        """
        while True:
            await self._clock.pause(self._lease / 3 / SECOND)
            await self._attempt(self._renew_once())

    async def _renew_once(self) -> None:
        flights = self._flights.all()
        lease_until = self._clock.now() + self._lease
        mine = await self._database.write(
            claims.renew,
            [(flight.message.id, flight.message.claim) for flight in flights],
            self._identity,
            lease_until,
        )
        for flight in flights:
            if flight.message.id in mine:
                flight.lease_until = lease_until
            elif (
                flight.started_at is None
                and flight.task is not None
                and self._flights.holds(flight)
            ):
                flight.task.cancel()

    async def _attempt(self, work: Coroutine[Any, Any, T]) -> T | None:
        """None where the store was away, or the pass failed: dispatching goes on, whatever one
        pass meets.
        """
        try:
            return await work
        except StoreUnavailable as error:
            log.warning("dispatching waits: the store is away", reason=error.reason)
        except Exception:
            log.exception("a pass failed")
        return None


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
