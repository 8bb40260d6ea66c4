"""Runs worlds by their seeds: on virtual time, each on a fresh store. Used by the tests and
by `python -m tests.simulation`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from queue_services.domain.message import Instant
from queue_services.storage.port import Database
from tests.simulation.check import broken
from tests.simulation.stores import SimulatedPostgres, SimulatedSqlite
from tests.simulation.world import Simulation
from tests.support.virtual import run_virtual

Open = Callable[[Callable[[], Instant]], Database]


def run_world(seed: int, open_store: Open) -> tuple[Simulation, list[str]]:
    """One world from beginning to end, and every rule that it broke."""

    async def scenario() -> tuple[Simulation, list[str]]:
        world = Simulation(seed, open_store)
        try:
            await world.run()
            return world, await broken(world)
        finally:
            await world.database.close()

    return run_virtual(scenario)


def on_sqlite(seed: int) -> tuple[Simulation, list[str]]:
    """A world on a store in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="queue-services-world-") as folder:
        return run_world(
            seed, lambda true_time: SimulatedSqlite(str(Path(folder) / "world.db"), true_time)
        )


def on_postgres(seed: int, url: str) -> tuple[Simulation, list[str]]:
    """A world on an empty database of a real server."""
    return run_world(seed, lambda true_time: SimulatedPostgres(url, true_time))


def replay(backend: str, seed: int) -> str:
    """The command that runs one world again."""
    return f"python -m tests.simulation --backend {backend} --seed {seed}"
