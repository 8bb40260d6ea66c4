"""Settles what deliveries came to, in groups: whatever waits becomes one transaction, and
while that commits the next group gathers.

The dispatcher hands it every outcome and every flight to be given back. While the database
is away it keeps what it has and tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from queue_services.clock import Clock
from queue_services.dispatcher.flights import Flight, Flights
from queue_services.domain.outcome import Answer, Kind
from queue_services.errors import StoreUnavailable
from queue_services.queue import settling
from queue_services.queue.settling import FinishedBatch, Settlement, Terms
from queue_services.storage.port import Database

MOST = 2_000
AGAIN_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Settler:
    """One writing task. `on_settled` is called after each group with whether any lane or
    message waits again; `on_event` where the settled make an event for the application;
    `on_outcome`, where there is one, for each outcome as it comes.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        flights: Flights,
        terms: Terms,
        *,
        on_settled: Callable[[bool], None],
        on_event: Callable[[], None],
        on_outcome: Callable[[Flight, Answer | None, int], None] | None = None,
    ) -> None:
        self._database, self._clock, self._flights, self._terms = database, clock, flights, terms
        self._on_settled, self._on_event, self._on_outcome = on_settled, on_event, on_outcome
        self._waiting: list[tuple[Flight, Answer | None, int]] = []
        self._batches: list[FinishedBatch] = []
        self._arrived = asyncio.Event()
        self._most = MOST

    def settle(self, flight: Flight, answer: Answer) -> None:
        """Record the flight's outcome with the next group."""
        self._add(flight, answer)

    def release(self, flight: Flight) -> None:
        """Give the flight's message back, unsent, with the next group."""
        self._add(flight, None)

    async def run(self) -> None:
        """Settle until cancelled; a group that the database did not take is tried again."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._settle_group()

    async def _settle_group(self) -> None:
        group, batches = self._waiting[: self._most], self._batches
        try:
            moved = await self._write(group, batches)
        except StoreUnavailable as error:
            log.warning(
                "outcomes wait: the store is away", waiting=len(self._waiting), reason=error.reason
            )
            await asyncio.sleep(AGAIN_SECONDS)
            return
        except Exception:
            if (
                len(group) > 1
                # one of them cannot be stored; alone it shows which, and the others are not
                # kept waiting by it
            ):
                self._most = 1
                return
            log.exception(
                "an outcome cannot be stored; its message is due again when its lease ends",
                job=group[0][0].message.id,
            )
            moved, batches = False, []
        else:
            self._most = min(MOST, self._most * 2)
        del self._waiting[: len(group)]
        self._batches = self._batches[len(batches) :]
        self._flights.remove(flight for flight, _, _ in group)
        self._on_settled(moved)

    def _add(self, flight: Flight, answer: Answer | None) -> None:
        now, flight.ended = self._clock.now(), True
        self._waiting.append((flight, answer, now))
        if finished := flight.batch.finish_one(now):
            self._batches = [*self._batches, finished]
        if self._on_outcome is not None:
            self._on_outcome(flight, answer, now)
        self._arrived.set()

    async def _write(
        self, group: list[tuple[Flight, Answer | None, int]], batches: list[FinishedBatch]
    ) -> bool:
        settlements = [
            _settlement(flight, answer, ended_at)
            for flight, answer, ended_at in group
            if answer is not None
        ]
        unsent = [flight.message for flight, answer, _ in group if answer is None]
        now = self._clock.now()
        settled = await self._database.write(
            settling.settle, settlements, batches, self._terms, now, unsent
        )
        if any(settlement.message.events for settlement in settlements):
            self._on_event()
        if settled.lost:
            log.warning("outcomes came after their lease was lost", lost=settled.lost)
        undelivered = [
            settlement for settlement in settlements if settlement.answer.kind is not Kind.DELIVERED
        ]
        for settlement in undelivered:
            _log_trouble(settlement)
        return bool(
            unsent
            or undelivered
            or any(
                settlement.message.tries or settlement.message.refused_since
                for settlement in settlements
            )
        )


def _settlement(flight: Flight, answer: Answer, ended_at: int) -> Settlement:
    started_at = flight.started_at or flight.begun_at
    return Settlement(flight.message, answer, started_at, ended_at - started_at)


def _log_trouble(s: Settlement) -> None:
    message, answer = s.message, s.answer
    subject = {"job": message.id, "workspace": message.workspace, "channel": message.channel.value}
    log.info(
        "not delivered",
        **subject,
        attempt=message.number,
        kind=answer.kind.value,
        status=answer.status_code,
    )
