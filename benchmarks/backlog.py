"""What a large backlog costs: claiming what is due with 1,000,000 future messages stored
against none, and the memory of `serve` beside it.

    python -m benchmarks.backlog --messages 1000000

Prints one JSON line a figure. The claims take up to 100 messages of 100 workspaces.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from tests.acceptance.processes import Arrivals, get, receiving, running

from benchmarks.service import resident_mb
from benchmarks.store import LANES, REQUEST, clock, fill
from benchmarks.stores import report
from queue_services.domain.message import SECOND
from queue_services.queue import claims
from queue_services.storage import open_database
from queue_services.storage.port import Database

CLAIMS = 30
A_CLAIM = 100


async def claim_us(database: Database) -> float:
    """The median time of claims of up to 100 due messages, in microseconds a message."""
    await fill(database, CLAIMS * A_CLAIM, clock())
    request, took = msgspec.structs.replace(REQUEST, most=A_CLAIM), []
    for _ in range(CLAIMS):
        began = time.perf_counter()
        claim = await database.write(claims.claim, request, clock())
        took.append((time.perf_counter() - began) * 1_000_000 / len(claim.messages))
    return statistics.median(took)


async def main(messages: int) -> None:
    """Measure without, fill, measure with, and look at the memory of a process that serves it."""
    with TemporaryDirectory(prefix="queue-services-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'backlog.db'}"
        database = open_database(url)
        await database.migrate()
        without = await claim_us(database)
        await fill(database, messages, clock() + 86_400 * SECOND, LANES)
        backlog = await claim_us(database)
        await database.close()
        figures = {
            "without": round(without, 1),
            "backlog": round(backlog, 1),
            "ratio": round(backlog / without, 2),
        }
        report("backlog", "sqlite", figure="claim us a message", **figures, messages=messages)
        async with (
            receiving(Arrivals()) as receiver,
            running("serve", database_url=url, receiver_url=receiver.url) as [service],
        ):
            for _ in range(20):
                await get(service.url, "/api/jobs?limit=200")
            report(
                "backlog",
                "sqlite",
                figure="resident MB",
                megabytes=round(resident_mb(service)),
                messages=messages,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args().messages))
