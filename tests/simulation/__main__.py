"""Live through simulated worlds:

python -m tests.simulation --seed 17                      # one, and what it was like python
-m tests.simulation --first 0 --count 1000         # many; those that broke a rule are told
with the command that replays them python -m tests.simulation --backend postgres --seed 17
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections import Counter

import structlog

from tests.simulation.seeds import on_postgres, on_sqlite, replay
from tests.simulation.world import Simulation
from tests.support.postgres import Postgres


def main(backend: str, first: int, count: int, *, logged: bool) -> int:
    """Run them; how many broke a rule."""
    if not logged:
        structlog.configure(processors=[_drop])
    failed, came, again, began = 0, 0, Counter[str](), time.perf_counter()
    crashes = stops = 0
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres()) if backend == "postgres" else None
        for seed in range(first, first + count):
            if server is None:
                world, wrong = on_sqlite(seed)
            else:
                with server.database() as url:
                    world, wrong = on_postgres(seed, url)
            failed += bool(wrong)
            came += len(world.receivers.arrivals)
            again += world.receivers.again
            crashes, stops = crashes + world.crashes, stops + world.stops
            for line in wrong[:10]:
                print(f"seed {seed}: {line}")
            if wrong:
                print(f"seed {seed} again: {replay(backend, seed)}", flush=True)
            if count == 1:
                print(_described(world))
    print(
        f"{count} worlds on {backend} in {time.perf_counter() - began:.0f} s: {failed} broke a"
        f" rule; {came:,} deliveries, {crashes:,} crashes, {stops:,} stops; sent again because:"
        f" {dict(again.most_common())}"
    )
    return failed


def _drop(*_: object) -> dict[str, object]:
    raise structlog.DropEvent


def _described(world: Simulation) -> str:
    return (
        f"{world.settings}\nfaults {vars(world.faults)}\nmoods {world.receivers.moods}\nsteps of"
        f" the database's clock at {world.steps}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--log", action="store_true", help="show what the dispatchers log")
    given = parser.parse_args()
    one = given.seed is not None
    sys.exit(
        min(
            1,
            main(
                given.backend,
                given.seed if one else given.first,
                1 if one else given.count,
                logged=given.log,
            ),
        )
    )
