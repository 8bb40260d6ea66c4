"""Every ordeal once, with its figures:

python -m tests.crashes                          # 50 kills on each store, 10 restarts of
PostgreSQL, 65 standstills, the others python -m tests.crashes --kills 5 --restarts 2   #
bounded
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.crashes import harms, standstills
from tests.crashes.ordeal import Figures
from tests.support.postgres import Postgres


def main(kills: int, restarts: int) -> int:
    """Print a line an ordeal; how many have broken something."""
    failed = 0
    with (
        tempfile.TemporaryDirectory(prefix="queue-services-crashes-") as folder,
        Postgres(durable=True) as server,
    ):
        ordeals: list[Callable[[], Awaitable[Figures]]] = [
            lambda: harms.kills(f"sqlite:///{Path(folder) / 'killed.db'}", kills),
            lambda: harms.kills(server.url(server.create_database()), kills),
            lambda: harms.restarts(server, restarts),
            lambda: standstills.past_the_lease(server, max(1, restarts // 2)),
            lambda: standstills.at_any_moment(server, 3 * restarts),
            lambda: standstills.at_the_worst_moment(server, 3 * restarts),
            harms.full_disk,
            lambda: harms.receiver_cut_off(
                f"sqlite:///{Path(folder) / 'cut.db'}", max(1, restarts // 3)
            ),
        ]
        for undergo in ordeals:
            try:
                figures = asyncio.run(_awaited(undergo))
            except PermissionError as error:
                print(f"skipped: {error}", flush=True)
                continue
            failed += bool(figures.broken)
            print(f"{figures} ({figures.seconds:.0f} s)", flush=True)
    return failed


async def _awaited(undergo: Callable[[], Awaitable[Figures]]) -> Figures:
    return await undergo()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--restarts", type=int, default=10)
    given = parser.parse_args()
    sys.exit(min(1, main(given.kills, given.restarts)))
