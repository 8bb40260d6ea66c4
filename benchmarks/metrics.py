"""What counting costs: the time a message takes in the store with its tallies and
histograms against none, in turn on one store.

    python -m benchmarks.metrics --backend sqlite --messages 20000 --rounds 5

Prints one JSON line a figure. Without them the store's figures are wrong, so that it is
only measured so. The aim is at most 10%.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from unittest.mock import patch

import uvloop

from benchmarks.store import clock, drain, fill
from benchmarks.stores import fresh_store, report
from queue_services.queue import settling
from queue_services.queue.tallies import Histograms, Tally
from queue_services.storage.port import Database

ASPECTS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
"""Of PostgreSQL, CPU time is this process's alone."""


@contextlib.contextmanager
def uncounted() -> Iterator[None]:
    """Let no flow count anything."""

    async def nothing(*_: Any) -> None:
        return None

    with (
        patch.object(Tally, "add", nothing),
        patch.object(Histograms, "add", nothing),
        patch.object(settling, "_count", lambda *_: Histograms()),
    ):
        yield


async def us_a_message(work: Callable[[], Awaitable[float]], messages: int) -> dict[str, float]:
    """How long `work` took, microseconds a message, by aspect."""
    began = {name: read() for name, read in ASPECTS.items()}
    await work()
    return {name: (read() - began[name]) * 1_000_000 / messages for name, read in ASPECTS.items()}


async def one_round(database: Database, messages: int) -> dict[str, dict[str, float]]:
    """Microseconds a message, by what was done and by aspect."""
    due_at = clock()
    inserted = await us_a_message(lambda: fill(database, messages, due_at), messages)
    return {
        "inserted": inserted,
        "claimed and settled": await us_a_message(lambda: drain(database, messages), messages),
    }


async def main(backend: str, messages: int, rounds: int, url: str = "") -> None:
    """Measure with and without in turn, each first in every other round: a machine that is
    busy for a while, or a store that grows, is so for both.

    What is added is the median of the rounds' own ratios.
    """
    took: dict[tuple[str, str, bool], list[float]] = {}
    async with fresh_store(backend, url) as database:
        await one_round(database, messages)
        for number in range(rounds):
            for counts in (True, False) if number % 2 else (False, True):
                with contextlib.nullcontext() if counts else uncounted():
                    for what, aspects in (await one_round(database, messages)).items():
                        for aspect, us in aspects.items():
                            took.setdefault((what, aspect, counts), []).append(us)
    for what, aspect in sorted({key[:2] for key in took}):
        counted, bare = (took[what, aspect, counts] for counts in (True, False))
        added = statistics.median(one / other - 1 for one, other in zip(counted, bare, strict=True))
        medians = {
            "counted": round(statistics.median(counted), 1),
            "uncounted": round(statistics.median(bare), 1),
        }
        figures = {**medians, "added_percent": round(added * 100, 1)}
        report(
            "metrics",
            backend,
            figure=f"{what}, {aspect} us a message",
            **figures,
            messages=messages,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--url", default="", help="a PostgreSQL server to use; one is started otherwise"
    )
    arguments = parser.parse_args()
    uvloop.run(main(arguments.backend, arguments.messages, arguments.rounds, arguments.url))
