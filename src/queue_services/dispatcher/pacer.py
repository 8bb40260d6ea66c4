"""Starts each delivery at its slot: the gate that a sender waits at, on an open connection,
before the first byte goes out.

A start more than LATE after its slot is not made: it would put more into a second than the
limit. The flight keeps its claim and its connection and asks for a new slot, which the
dispatcher's next pass reserves before any new message. So does one whose clock was stepped
since its slot was reserved: that is of another time, and may by chance be now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from queue_services.clock import Clock
from queue_services.dispatcher.flights import Flight
from queue_services.domain.limits import AHEAD, LATE
from queue_services.domain.message import Channel, Instant


class GivenUp(Exception):
    """The flight must not start: its lease is nearly over, its message has expired, or the
    dispatcher stops. It is given back.
    """


class Pacer:
    """The gates of one process. `lease` is microseconds; `on_missed`, set by the runner, is
    called when a flight waits for a new slot.
    """

    on_missed: Callable[[Channel], None] = staticmethod(lambda _: None)

    def __init__(self, clock: Clock, lease: int) -> None:
        self._clock, self._lease = clock, lease
        self._missed: dict[Channel, list[Flight]] = {channel: [] for channel in Channel}
        self._stopping = False

    async def gate(self, flight: Flight) -> None:
        """Return at the flight's slot, having set `started_at`; raises GivenUp where it must
        not start any more.
        """
        while True:
            if flight.slot <= self._clock.now() + AHEAD:
                await self._clock.sleep_until(flight.slot + flight.order)
            now = self._clock.now()
            self._check(flight, now)
            if 0 <= now - flight.slot <= LATE and flight.steps == self._clock.steps:
                flight.started_at = now
                if flight.batch.first_start is None:
                    flight.batch.first_start = now
                return
            flight.slot = await self._new_slot(flight)

    def take_missed(self, channel: Channel) -> list[Flight]:
        """The flights that wait for a new slot; whoever takes them must answer each with `give`
        or `put_back`.
        """
        missed, self._missed[channel] = self._missed[channel], []
        return [
            flight
            for flight in missed
            if flight.new_slot is not None and not flight.new_slot.done()
        ]

    def give(self, flight: Flight, slot: Instant, steps: int) -> None:
        """A new slot, reserved when the clock had been stepped so often."""
        flight.steps = steps
        if flight.new_slot is not None and not flight.new_slot.done():
            flight.new_slot.set_result(slot)

    def give_up(self, flight: Flight) -> None:
        """Let a flight that waits for a new slot be given back instead."""
        if flight.new_slot is not None and not flight.new_slot.done():
            flight.new_slot.set_exception(GivenUp())

    def put_back(self, flights: list[Flight]) -> None:
        """Let flights that got no slot wait on, before those that missed theirs since."""
        for channel in Channel:
            self._missed[channel] = [
                flight for flight in flights if flight.message.channel is channel
            ] + self._missed[channel]

    def stop(self) -> None:
        """Start nothing more: every flight at its gate is given up."""
        self._stopping = True
        for flight in [flight for waiting in self._missed.values() for flight in waiting]:
            self.give_up(flight)

    async def _new_slot(self, flight: Flight) -> Instant:
        flight.new_slot = asyncio.get_running_loop().create_future()
        self._missed[flight.message.channel].append(flight)
        self.on_missed(flight.message.channel)
        try:
            return await flight.new_slot
        finally:
            flight.new_slot = None

    def _check(self, flight: Flight, now: Instant) -> None:
        """Refuse a start that could outlive the lease: another dispatcher might send the
        message too.
        """
        expires_at = flight.message.expires_at
        if (
            self._stopping
            or flight.lease_until - now < self._lease // 3
            or (expires_at is not None and expires_at <= now)
        ):
            raise GivenUp
