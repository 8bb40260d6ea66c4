"""How late deliveries are while old jobs are deleted, next to how late they are without.

    python -m benchmarks.pruning --backend sqlite --messages 100000

Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import msgspec
import uvloop

from benchmarks.store import drain, fill, new_message
from benchmarks.stores import fresh_store, report
from queue_services.clock import Clock
from queue_services.delivery.sender import Delivery, Gate
from queue_services.dispatcher.build import DispatchSettings, build
from queue_services.domain.message import SECOND, Instant
from queue_services.domain.outcome import Answer, Kind
from queue_services.storage import intake
from queue_services.storage.port import Database

DUE = 500
EVERY = 0.02
AHEAD = SECOND // 3
PATIENCE = 60
DELIVERED = Answer(Kind.DELIVERED, 200)


class Lateness(msgspec.Struct, frozen=True):
    """Milliseconds from due to start: of the messages before pruning, and beside it; and whether it was still at work when the last of those came."""

    median_alone: float
    worst_alone: float
    median_beside: float
    worst_beside: float
    busy: bool


class _Receiver:
    """A sender that notes when each delivery went out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.came: dict[str, Instant] = {}

    async def send(self, delivery: Delivery, gate: Gate) -> Answer:
        await gate()
        self.came[delivery.id] = self._clock.now()
        return DELIVERED

    async def close(self) -> None:
        return None


async def measure(backend: str, old: int, url: str = "") -> Lateness:
    """Let `old` jobs end, deliver some messages, and some more while those jobs are pruned."""
    async with fresh_store(backend, url) as database:
        clock = Clock()
        await fill(database, old, clock.now())
        await drain(database, old)
        receiver = _Receiver(clock)
        settings = DispatchSettings(sms_per_second=1_000, retention_days=1e-6)
        dispatching = await build(database, clock, receiver, settings)
        running = asyncio.create_task(dispatching.run())
        try:
            alone = await _lateness(database, receiver, clock)
            pruning = asyncio.create_task(dispatching.maintenance.prune())
            beside = await _lateness(database, receiver, clock)
            busy = not pruning.done()
            await pruning
        finally:
            dispatching.stop()
            await running
    return Lateness(alone[DUE // 2] / 1_000, alone[-1] / 1_000, beside[DUE // 2] / 1_000, beside[-1] / 1_000, busy)


async def _lateness(database: Database, receiver: _Receiver, clock: Clock) -> list[int]:
    """How late each of some messages came that fell due one after another; microseconds, sorted."""
    due: dict[str, Instant] = {}
    for number in range(DUE):
        message = new_message(number, clock.now() + AHEAD)
        due[message.id] = message.due_at
        await database.write(intake.insert, [message], clock.now(), "bench")
        database.wake()
        await asyncio.sleep(EVERY)
    async with asyncio.timeout(PATIENCE):
        while not due.keys() <= receiver.came.keys():
            await asyncio.sleep(EVERY)
    return sorted(receiver.came[message] - at for message, at in due.items())


def main(backend: str, old: int, url: str) -> None:
    figures: dict[str, Any] = msgspec.structs.asdict(uvloop.run(measure(backend, old, url)))
    report("pruning", backend, messages=old, **{name: round(figure, 1) for name, figure in figures.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--url", default="", help="a PostgreSQL server to use; one is started otherwise")
    arguments = parser.parse_args()
    main(arguments.backend, arguments.messages, arguments.url)
