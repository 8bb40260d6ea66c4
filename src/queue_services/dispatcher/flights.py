"""What a dispatcher holds: one flight a claim of a message, from the claim until it is settled
or given back.

Used by every part of one process's dispatcher. A flight holds a connection of its workspace
from its slot's reservation until its answer; settling holds none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import msgspec

from queue_services.delivery.sender import Outgoing
from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import Channel, Instant
from queue_services.domain.outcome import Answer
from queue_services.queue.settling import FinishedBatch


class Batch(msgspec.Struct):
    """What one claim took of one lane. `left` counts its flights that have no outcome yet."""

    workspace: str
    channel: Channel
    left: int
    first_start: Instant | None = None

    def finish_one(self, now: Instant) -> FinishedBatch | None:
        """One flight less; the batch's figures when it was the last and any of it was started."""
        self.left -= 1
        if self.left or self.first_start is None:
            return None
        return FinishedBatch(self.workspace, self.channel, now - self.first_start)


class FlightControl(Protocol):
    """Who hears what comes of a flight."""

    def ready(self, flight: Flight) -> None:
        """A connection stands for a flight whose slot found none."""
        ...

    def answered(self, flight: Flight, answer: Answer) -> None:
        """The flight has its outcome."""
        ...

    def give_back(self, flight: Flight) -> None:
        """The flight must not start any more."""
        ...


class Flight(msgspec.Struct, eq=False):
    """A claimed message on its way; its sender's `Watcher`.

    `slot` is 0 while it has none; `steps` is how often the clock had been stepped when it was
    reserved. `begun_at` is when it was handed to the sender as `outgoing`, `started_at` when
    its request went out; `waits`: its slot came and no connection stood. `ended`: its outcome,
    or its return, is the settler's.
    """

    message: ClaimedMessage
    batch: Batch
    lease_until: Instant
    claimed_at: Instant
    control: FlightControl
    slot: Instant = 0
    steps: int = 0
    begun_at: Instant = 0
    started_at: Instant | None = None
    outgoing: Outgoing | None = None
    connected: bool = False
    waits: bool = False
    ended: bool = False

    def ready(self) -> None:
        """A connection stands where the slot found none."""
        if self.waits and not self.ended:
            self.waits = False
            self.control.ready(self)

    def answered(self, answer: Answer) -> None:
        """What the delivery came to."""
        if not self.ended:
            self.control.answered(self, answer)


class Flights:
    """All flights of one process, by message and claim number: after a lost lease or a lost
    answer it may hold two claims of one message. `concurrency` bounds the connections.
    """

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self._flights: dict[tuple[str, int], Flight] = {}
        self._held: Counter[str] = Counter()
        self._connected = 0
        self._started: Counter[str] = Counter()
        self._out = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._flights)

    def all(self) -> list[Flight]:
        """Every flight, in the order of their claims."""
        return list(self._flights.values())

    @property
    def free(self) -> int:
        """The connections that no flight holds."""
        return self.concurrency - self._connected

    @property
    def connected(self) -> int:
        """The connections that flights hold."""
        return self._connected

    def held(self) -> dict[str, int]:
        """Connections by workspace."""
        return dict(self._held)

    def held_by(self, workspace: str) -> int:
        """The connections that flights of a workspace hold."""
        return self._held[workspace]

    def holds(self, flight: Flight) -> bool:
        """Whether a flight is one of these."""
        return self._flights.get(_key(flight)) is flight

    def add(self, flight: Flight) -> None:
        """A message was claimed."""
        self._flights[_key(flight)] = flight

    def connect(self, flight: Flight) -> None:
        """The flight takes a connection of its workspace."""
        flight.connected = True
        self._held[flight.message.workspace] += 1
        self._connected += 1

    def may_start(self, flight: Flight) -> bool:
        """Whether one more request may go out, and one of this workspace: it must have fewer
        out than are left to others.
        """
        free = self.concurrency - self._out
        return free > 0 and self._started[flight.message.workspace] < free

    def start(self, flight: Flight, now: Instant) -> None:
        """The flight's request went out."""
        flight.started_at = now
        if flight.batch.first_start is None:
            flight.batch.first_start = now
        self._started[flight.message.workspace] += 1
        self._out += 1

    def disconnect(self, flight: Flight) -> None:
        """The flight has its outcome, or does not start."""
        if not flight.connected:
            return
        flight.connected = False
        self._connected -= 1
        _count_down(self._held, flight.message.workspace)
        if flight.started_at is not None:
            self._out -= 1
            _count_down(self._started, flight.message.workspace)

    def remove(self, flights: Iterable[Flight]) -> None:
        """The flights are settled or given back."""
        for flight in flights:
            self.disconnect(flight)
            if self._flights.get(_key(flight)) is flight:
                del self._flights[_key(flight)]
        self._changed.set()

    def abandon(self) -> None:
        """Cut every delivery off that has no outcome: the process ends."""
        for flight in self.all():
            if not flight.ended and flight.outgoing is not None:
                flight.outgoing.abandon()

    async def landed(self) -> None:
        """Wait until there is no flight left."""
        while self._flights:
            self._changed.clear()
            await self._changed.wait()

    def miscounted(self) -> list[str]:
        """What the counts differ from the flights in; nothing while all is well."""
        connected = [flight for flight in self.all() if flight.connected]
        out = [flight for flight in connected if flight.started_at is not None]
        counts = {
            "held": (self._held, Counter(flight.message.workspace for flight in connected)),
            "started": (self._started, Counter(flight.message.workspace for flight in out)),
            "connected": (self._connected, len(connected)),
            "out": (self._out, len(out)),
        }
        return [
            f"{name}: {kept} kept, {real} real"
            for name, (kept, real) in counts.items()
            if kept != real
        ]


def _key(flight: Flight) -> tuple[str, int]:
    return flight.message.id, flight.message.claim


def _count_down(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
