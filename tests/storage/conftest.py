"""The stores of this folder's tests: every test runs on both backends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from queue_services.storage import open_database
from tests.storage.store import Store
from tests.support.postgres import Postgres

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store of the test's own that has no schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'queue.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


@pytest.fixture(params=BOTH)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that may hold what an earlier test left."""
    return f"sqlite:///{tmp_path / 'queue.db'}" if request.param == "sqlite" else request.getfixturevalue("shared_postgres_url")


@pytest.fixture
async def store(shared_url: str) -> AsyncIterator[Store]:
    """A migrated store without a message."""
    if shared_url.startswith("postgresql"):
        await _empty(shared_url)
    opened = Store(open_database(shared_url), reopen=lambda: open_database(shared_url))
    await opened.database.migrate()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def shared_postgres_url(postgres: Postgres) -> Iterator[str]:
    """A migrated database that one test after another uses: making one for each would take longer than the tests."""

    async def migrate(url: str) -> None:
        database = open_database(url)
        await database.migrate()
        await database.close()

    with postgres.database() as url:
        asyncio.run(migrate(url))
        yield url


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public' and tablename not in ('schema_migration', 'limit_state')")
    await connection.execute("; ".join(f"delete from {table}" for (table,) in tables))
    await connection.execute("update limit_state set log = null, paused = 0")
    await connection.close()
