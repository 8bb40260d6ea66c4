"""How long `verify` takes over a large store: most of it delivered, the rest waiting.

    python -m benchmarks.verify --backend sqlite --messages 1000000

Prints one JSON line.
"""

from __future__ import annotations

import argparse
import time

import uvloop

from benchmarks.store import clock, drain, fill
from benchmarks.stores import fresh_store, report
from queue_services.domain.message import SECOND, Channel
from queue_services.queue import verification

NO_LIMIT = dict.fromkeys(Channel, 1_000_000.0)


async def main(backend: str, messages: int, url: str) -> None:
    """Fill, deliver six of ten, and look at everything once."""
    async with fresh_store(backend, url) as database:
        await fill(database, messages * 6 // 10, clock())
        await drain(database, messages * 6 // 10)
        await fill(database, messages - messages * 6 // 10, clock() + 86_400 * SECOND)
        began = time.perf_counter()
        found = await database.read(verification.verify, NO_LIMIT, clock())
        took = time.perf_counter() - began
        report(
            "verify",
            backend,
            figure="seconds",
            seconds=round(took, 1),
            messages=found.messages,
            findings=len(found.findings),
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument(
        "--url", default="", help="a PostgreSQL server to use; one is started otherwise"
    )
    arguments = parser.parse_args()
    uvloop.run(main(arguments.backend, arguments.messages, arguments.url))
