"""`python -m benchmarks` (or `make bench`): every benchmark in turn, one JSON line a figure."""

from __future__ import annotations

import argparse

import uvloop
from tests.support.postgres import Postgres

from benchmarks import backlog, metrics, service, store, tenants


async def main(messages: int, future: int) -> None:
    """Run them all; `messages` is how many each store takes in and settles, `future` the
    size of the backlog.
    """
    await store.main("sqlite", messages, "")
    with Postgres(durable=True) as server:
        await store.main("postgres", messages, server.url())
    await metrics.main("sqlite", messages // 2, 5)
    await service.main()
    await tenants.main("sqlite", 20, 10_000, 100_000)
    await tenants.main("postgres", 20, 10_000, 100_000)
    await backlog.main(future)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--future", type=int, default=1_000_000)
    arguments = parser.parse_args()
    uvloop.run(main(arguments.messages, arguments.future))
