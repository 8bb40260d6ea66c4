"""`python -m benchmarks` (or `make bench`): every benchmark in turn, one JSON line a figure."""

from __future__ import annotations

import argparse
import asyncio

from tests.support.postgres import Postgres

from benchmarks import store


async def main(messages: int) -> None:
    """Run them all; `messages` is how many each store takes in and settles."""
    await store.main("sqlite", messages, "")
    with Postgres(durable=True) as server:
        await store.main("postgres", messages, server.url())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000)
    asyncio.run(main(parser.parse_args().messages))
