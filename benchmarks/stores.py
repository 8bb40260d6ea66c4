"""Fresh stores to measure: an SQLite file, or a PostgreSQL of its own, both with every
commit on disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from tests.support.postgres import Postgres

from queue_services.storage import open_database
from queue_services.storage.port import Database


@contextlib.asynccontextmanager
async def fresh_store(backend: str, url: str = "") -> AsyncIterator[Database]:
    """An empty, migrated store of `backend`; on PostgreSQL a database of its own on the
    server of `url`, or on one started for it.
    """
    with contextlib.ExitStack() as stack:
        if backend == "sqlite":
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="queue-services-bench-")
            )
            store_url = f"sqlite:///{Path(folder) / 'bench.db'}"
        else:
            store_url = await _fresh_database(
                url or stack.enter_context(Postgres(durable=True)).url()
            )
        database = open_database(store_url)
        try:
            await database.migrate()
            yield database
        finally:
            await database.close()


async def _fresh_database(url: str) -> str:
    name = f"bench_{os.getpid()}"
    connection = await asyncpg.connect(url)
    await connection.execute(f"drop database if exists {name}")
    await connection.execute(f"create database {name}")
    await connection.close()
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def report(benchmark: str, backend: str, **figures: Any) -> None:
    """Print one JSON line."""
    print(
        json.dumps({"benchmark": benchmark, "backend": backend, **figures}),
        file=sys.stdout,
        flush=True,
    )
