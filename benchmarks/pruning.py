"""How late deliveries are while old jobs are deleted, next to how late they are without;
and how long a bite keeps the store.

    python -m benchmarks.pruning --backend sqlite --messages 100000

Prints one JSON line, in milliseconds. Both are measured in turn, several times over, after
some deliveries that nobody measures: the first ones of a process wait for its limits'
silence.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import uvloop

from benchmarks.store import drain, fill, new_message
from benchmarks.stores import fresh_store, report
from queue_services.clock import Clock
from queue_services.delivery.sender import Delivery, Gate
from queue_services.delivery.tasks import TaskSender
from queue_services.dispatcher.build import build
from queue_services.dispatcher.maintenance import Maintenance
from queue_services.domain.message import SECOND, Instant
from queue_services.domain.outcome import Answer, Kind
from queue_services.queue import intake
from queue_services.settings.slices import DispatchSettings
from queue_services.storage.port import Database

ROUNDS = 3
DUE = 250
WARM_UP = 50
EVERY = 0.02
AHEAD = SECOND // 3
PATIENCE = 60
DELIVERED = Answer(Kind.DELIVERED, 200)


class Lateness(msgspec.Struct, frozen=True):
    """Milliseconds from due to start of the messages without pruning and beside it,
    milliseconds of its transactions, and how many there were.
    """

    median_alone: float
    p99_alone: float
    worst_alone: float
    median_beside: float
    p99_beside: float
    worst_beside: float
    median_bite: float
    p99_bite: float
    worst_bite: float
    bites: int
    finished: bool


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


class _Timed:
    """A store that notes how long each of its transactions took, from its first statement
    to its commit, in milliseconds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.took: list[float] = []

    async def write(self, flow: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        began = 0.0

        async def timed(*given: Any) -> Any:
            nonlocal began
            began = time.perf_counter()
            return await flow(*given)

        answer = await self._database.write(timed, *arguments)
        self.took.append((time.perf_counter() - began) * 1_000)
        return answer


async def measure(backend: str, old: int, url: str = "") -> Lateness:
    """Let `old` jobs end, and deliver messages, in turn beside nothing and while those jobs
    are pruned.
    """
    async with fresh_store(backend, url) as database:
        clock = Clock()
        await fill(database, old, clock.now())
        await drain(database, old)
        receiver = _Receiver(clock)
        timed = _Timed(database)
        dispatching = await build(
            database, clock, TaskSender(receiver), DispatchSettings(sms_per_second=1_000)
        )
        pruning = (
            await build(
                cast("Database", timed),
                clock,
                TaskSender(receiver),
                DispatchSettings(retention_days=1e-6),
            )
        ).maintenance
        timed.took.clear()
        running = asyncio.create_task(dispatching.run())
        try:
            await _lateness(database, receiver, clock, WARM_UP)
            alone, beside, finished = list[int](), list[int](), False
            for _ in range(ROUNDS):
                alone += await _lateness(database, receiver, clock, DUE)
                more, done = await _beside(pruning, database, receiver, clock)
                beside, finished = beside + more, finished or done
        finally:
            dispatching.stop()
            await running
    return Lateness(
        *_figures([late / 1_000 for late in alone]),
        *_figures([late / 1_000 for late in beside]),
        *_figures(timed.took),
        len(timed.took),
        finished,
    )


async def _beside(
    pruning: Maintenance, database: Database, receiver: _Receiver, clock: Clock
) -> tuple[list[int], bool]:
    """The lateness while old jobs are pruned, and whether there were none left at its end."""
    task = asyncio.create_task(pruning.prune())
    late = await _lateness(database, receiver, clock, DUE)
    finished = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return late, finished


async def _lateness(database: Database, receiver: _Receiver, clock: Clock, count: int) -> list[int]:
    """How late each of some messages came that fell due one after another; microseconds."""
    due: dict[str, Instant] = {}
    for number in range(count):
        message = new_message(number, clock.now() + AHEAD)
        due[message.id] = message.due_at
        await database.write(intake.insert, [message], clock.now(), "bench")
        database.wake()
        await asyncio.sleep(EVERY)
    async with asyncio.timeout(PATIENCE):
        while not due.keys() <= receiver.came.keys():
            await asyncio.sleep(EVERY)
    return [receiver.came[message] - at for message, at in due.items()]


def _figures(taken: list[float]) -> tuple[float, float, float]:
    """The median, the 99th of a hundred, the most."""
    in_order = sorted(taken)
    return in_order[len(in_order) // 2], in_order[len(in_order) * 99 // 100], in_order[-1]


def main(backend: str, old: int, url: str) -> None:
    figures: dict[str, Any] = msgspec.structs.asdict(uvloop.run(measure(backend, old, url)))
    report(
        "pruning",
        backend,
        messages=old,
        **{name: round(figure, 1) for name, figure in figures.items()},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument(
        "--url", default="", help="a PostgreSQL server to use; one is started otherwise"
    )
    arguments = parser.parse_args()
    main(arguments.backend, arguments.messages, arguments.url)
