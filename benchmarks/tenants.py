"""Many tenants at a real receiver: what three limits let through in every second, and how
soon 10,000 small workspaces are served beside a big one.

    python -m benchmarks.tenants --backend sqlite

On SQLite one `serve`; on PostgreSQL an `api` and two dispatchers. Prints one JSON line a
figure. The aims: no second over a limit and at least 48.5/s of 50; every small workspace
served within 10,001 / (0.97 x 1,000) s = 10.3 s.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import uvloop
from tests.acceptance.crowds import many_beside_one, three_limits
from tests.support.postgres import Postgres

from benchmarks.stores import report

COMMANDS = {"sqlite": ("serve",), "postgres": ("api", "dispatcher", "dispatcher")}


@contextlib.contextmanager
def fresh_url(backend: str) -> Iterator[str]:
    """The URL of a store that nothing is in, every commit on disk."""
    if backend == "sqlite":
        with tempfile.TemporaryDirectory(prefix="queue-services-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'bench.db'}"
    else:
        with Postgres(durable=True) as server:
            yield server.url()


async def main(backend: str, seconds: int, small: int, big: int) -> None:
    """Measure both, each on a store of its own."""
    with fresh_url(backend) as url:
        shares = await three_limits(COMMANDS[backend], url, seconds)
    report("tenants", backend, figure="three limits under 50/s", **msgspec.structs.asdict(shares))
    with fresh_url(backend) as url:
        crowd = await many_beside_one(COMMANDS[backend], url, small, big)
    report("tenants", backend, figure="many beside one", **msgspec.structs.asdict(crowd))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=list(COMMANDS), default="sqlite")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--big", type=int, default=100_000)
    arguments = parser.parse_args()
    uvloop.run(main(arguments.backend, arguments.seconds, arguments.small, arguments.big))
