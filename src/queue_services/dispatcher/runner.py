"""Repeats the dispatcher's steps: two loops a channel, which claim and reserve, renewed leases,
and a stop that drains.

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
from queue_services.dispatcher.wakes import Wakes
from queue_services.domain.message import FOREVER, SECOND, Channel, Instant
from queue_services.errors import LimitSilenced, StoreUnavailable
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
        wakes: Wakes,
        *,
        identity: int,
        lease: int,
        patience: float,
    ) -> None:
        self._database, self._clock, self._dispatcher = database, clock, dispatcher
        self._flights, self._pacer, self._settler, self._wakes = flights, pacer, settler, wakes
        self._identity, self._lease, self._patience = identity, lease, patience
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Claim and start no more."""
        self._stopping.set()
        self._wakes.claim()
        for channel in Channel:
            self._wakes.reserve(channel)

    async def run(self) -> None:
        """Dispatch until `stop`, then finish what is in flight, settle it and return; what does
        not end in time is left to its lease.
        """
        self._database.on_wake(self._wakes.claim)
        background = [
            asyncio.create_task(self._settler.run()),
            asyncio.create_task(self._renew_leases()),
            asyncio.create_task(self._pacer.run()),
        ]
        loops = [
            asyncio.create_task(loop(channel))
            for channel in Channel
            for loop in (self._claim, self._reserve)
        ]
        try:
            await asyncio.gather(*loops)
            self._dispatcher.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._flights.landed()
        finally:
            self._flights.abandon()
            await _cancel([*loops, *background])
        if left := len(self._flights):
            log.warning(
                "stopped with deliveries in flight; they are due again when their leases end",
                messages=left,
            )

    async def _claim(self, channel: Channel) -> None:
        """Claim whenever something may be due and there is room for it."""
        wake = self._wakes.claims[channel]
        while not self._stopping.is_set():
            wake.clear()
            now = self._clock.now()
            done = await self._attempt(self._dispatcher.claim_once(channel))
            if done is None:
                await self._sleep(wake, self._clock.now() + AFTER_FAILURE)
                continue
            if not done.claimed:
                # Not sooner, whatever the claim says: where a lane stays due that nothing can be
                # taken of, the next claim would follow at once. The clock may have been set back.
                await self._clock.sleep_until(min(now, self._clock.now()) + BREATH)
            await self._sleep(wake, done.wake_at)

    async def _reserve(self, channel: Channel) -> None:
        """Reserve whenever messages wait for slots and can be started."""
        wake = self._wakes.reservations[channel]
        until = FOREVER
        while not self._stopping.is_set():
            await self._sleep(wake, until)
            wake.clear()
            again_at = await self._attempt(self._dispatcher.reserve_once(channel))
            until = self._clock.now() + AFTER_FAILURE if again_at is None else again_at

    async def _sleep(self, wake: asyncio.Event, until: Instant) -> None:
        """Sleep until an instant, or until a wake."""
        if not self._stopping.is_set():
            await self._clock.wait(wake, until, poll=POLL)

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
            if (flight.message.id, flight.message.claim) in mine:
                flight.lease_until = lease_until
            elif flight.started_at is None and self._flights.holds(flight):
                self._dispatcher.give_back(flight)

    async def _attempt(self, work: Coroutine[Any, Any, T]) -> T | None:
        """None where the store was away, or the pass failed: dispatching goes on, whatever one
        pass meets.
        """
        try:
            return await work
        except StoreUnavailable as error:
            log.warning("dispatching waits: the store is away", reason=error.reason)
        except LimitSilenced as silenced:
            log.info("limit.silenced", silences=silenced.silences)
        except Exception:
            log.exception("a pass failed")
        return None


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
