"""What a dispatcher holds: one flight a claimed message, from its claim until it is settled
or given back.

Used by the dispatcher, the settler and the lease keeper of one process. A message holds its
place, and its workspace's connection, until it is settled: so no receiver can be handed
more than settling keeps up with.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

import msgspec

from queue_services.domain.message import Channel, Instant
from queue_services.queue.claims import ClaimedMessage
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


class Flight(msgspec.Struct, eq=False):
    """A claimed message on its way. `begun_at` is when its connection was first asked for,
    `started_at` when its request went out; `new_slot` waits for a slot in place of a missed
    one. `order` microseconds keep messages of one slot in the order in which they were
    claimed. `steps` is how often the clock had been stepped when the slot was reserved.
    """

    message: ClaimedMessage
    batch: Batch
    slot: Instant
    lease_until: Instant
    begun_at: Instant
    order: int = 0
    steps: int = 0
    started_at: Instant | None = None
    new_slot: asyncio.Future[Instant] | None = None
    task: asyncio.Task[None] | None = None


class Flights:
    """All flights of one process; `concurrency` bounds them."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self._by_id: dict[str, Flight] = {}
        self._held: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._by_id)

    def all(self) -> list[Flight]:
        return list(self._by_id.values())

    @property
    def free(self) -> int:
        return self.concurrency - len(self._by_id)

    def held(self) -> dict[str, int]:
        """Connections by workspace."""
        return dict(self._held)

    def holds(self, flight: Flight) -> bool:
        return self._by_id.get(flight.message.id) is flight

    def add(self, flight: Flight) -> None:
        self._by_id[flight.message.id] = flight
        self._held[flight.message.workspace] += 1

    def remove(self, flights: Iterable[Flight]) -> None:
        for flight in flights:
            if self._by_id.get(flight.message.id) is flight:
                del self._by_id[flight.message.id]
                self._held[flight.message.workspace] -= 1
                if not self._held[flight.message.workspace]:
                    del self._held[flight.message.workspace]
        self._changed.set()

    async def landed(self) -> None:
        """Wait until there is no flight left."""
        while self._by_id:
            self._changed.clear()
            await self._changed.wait()
