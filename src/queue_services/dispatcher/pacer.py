"""Starts each delivery at its slot: one task a process, which writes all requests whose slots
have come in one step.

A start more than LATE after its slot is not made: it would put more into a second than the
limit. The flight keeps its claim and its connection and gets a new slot, before any message
that has none. So does one whose clock was stepped since its slot was reserved: that is of
another time, and may by chance be now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count

from queue_services.clock import Clock
from queue_services.dispatcher.flights import Flight, Flights
from queue_services.domain.limits import AHEAD, LATE
from queue_services.domain.message import FOREVER, SECOND, Channel, Instant

CHECK = SECOND
"""How long a wait for a slot may last before the clock is looked at again: it may be stepped."""


class Pacer:
    """The starts of one process. `lease` is microseconds; `on_missed` is called when a flight
    waits for a new slot.
    """

    def __init__(
        self,
        clock: Clock,
        flights: Flights,
        lease: int,
        *,
        on_missed: Callable[[Channel], None],
    ) -> None:
        self._clock, self._flights, self._lease = clock, flights, lease
        self._on_missed = on_missed
        self._queue: list[tuple[Instant, int, Flight]] = []
        self._numbers = count()
        self._steps = clock.steps
        self._sooner = asyncio.Event()
        self._missed: dict[Channel, list[Flight]] = {channel: [] for channel in Channel}
        self.misses = 0

    def add(self, flights: Iterable[Flight]) -> None:
        """Start flights at their slots, those of one slot in this order."""
        first = self._queue[0][0] if self._queue else FOREVER
        for flight in flights:
            heappush(self._queue, (flight.slot, next(self._numbers), flight))
        if self._queue and self._queue[0][0] < first:
            self._sooner.set()

    async def run(self) -> None:
        """Start until cancelled."""
        while True:
            first = self._queue[0][0] if self._queue else FOREVER
            self._sooner.clear()
            await self._clock.wait(self._sooner, first, poll=CHECK)
            self.start_due()

    def start_due(self) -> None:
        """Start what has come to its slot; what cannot have its slot any more has missed it."""
        if self._steps != self._clock.steps:
            self._steps = self._clock.steps
            of_before = [entry for entry in self._queue if entry[2].steps != self._steps]
            self._queue = [entry for entry in self._queue if entry[2].steps == self._steps]
            for _, _, flight in of_before:
                self.start(flight)
        queue = self._queue
        while queue:
            now = self._clock.now()
            if now < queue[0][0] <= now + AHEAD:
                return
            self.start(heappop(queue)[2])

    def start(self, flight: Flight) -> None:
        """Write the flight's request, if its slot is now. Without a connection it is tried again
        when one stands.
        """
        if flight.ended or flight.started_at is not None:
            return
        now = self._clock.now()
        if self._must_not_start(flight, now):
            flight.control.give_back(flight)
        elif not self._is_in_time(flight, now) or not self._flights.may_start(flight):
            self._miss(flight)
        elif flight.outgoing is not None and flight.outgoing.start():
            self._flights.start(flight, now)
        else:
            flight.waits = True

    def has_missed(self, channel: Channel) -> bool:
        """Whether flights wait for a new slot."""
        return bool(self._missed[channel])

    def take_missed(self, channel: Channel) -> list[Flight]:
        """The flights that wait for a new slot; whoever takes them gives each a slot (`add`),
        puts it back or gives it up.
        """
        missed, self._missed[channel] = self._missed[channel], []
        return [flight for flight in missed if not flight.ended]

    def put_back(self, channel: Channel, flights: list[Flight]) -> None:
        """Let flights that got no slot wait on, before those that missed theirs since."""
        self._missed[channel] = flights + self._missed[channel]

    def _miss(self, flight: Flight) -> None:
        self.misses += 1
        self._missed[flight.message.channel].append(flight)
        self._on_missed(flight.message.channel)

    def _is_in_time(self, flight: Flight, now: Instant) -> bool:
        return 0 <= now - flight.slot <= LATE and flight.steps == self._clock.steps

    def _must_not_start(self, flight: Flight, now: Instant) -> bool:
        """Whether a start could outlive the lease, so that another dispatcher might send the
        message too, or the message has expired.
        """
        expires_at = flight.message.expires_at
        return flight.lease_until - now < self._lease // 3 or (
            expires_at is not None and expires_at <= now
        )
