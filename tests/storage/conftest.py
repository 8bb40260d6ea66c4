"""The stores of this folder's tests: every test runs on both backends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test

from queue_services.domain.tiers import SHIPPED
from queue_services.queue.lane_settings import write
from queue_services.storage import open_database
from queue_services.storage.port import Database, Tx
from tests.storage.store import Store, change, select
from tests.support.postgres import Postgres

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store of the test's own that has no table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'queue.db'}"
    url: str = request.getfixturevalue("bare_postgres_url")
    request.getfixturevalue("postgres").run_sql(
        "drop schema public cascade; create schema public", database=url.rpartition("/")[2]
    )
    return url


@pytest.fixture(scope="session")
def bare_postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of a database whose schema one test after another makes."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=BOTH)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that may hold what an earlier test left."""
    return (
        f"sqlite:///{tmp_path / 'queue.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("shared_postgres_url")
    )


@pytest.fixture
def shared_database(request: pytest.FixtureRequest, shared_url: str) -> Database:
    """The store of `shared_url`: on PostgreSQL one for the whole run, because connecting
    takes longer than the tests.
    """
    return (
        request.getfixturevalue("shared_postgres")
        if shared_url.startswith("postgresql")
        else open_database(shared_url)
    )


@pytest_asyncio.fixture(loop_scope="session")
async def store(shared_url: str, shared_database: Database) -> AsyncIterator[Store]:
    """A migrated store without a message."""
    await shared_database.migrate()
    if shared_database.backend == "postgres":
        await shared_database.write(_empty)
    opened = Store(shared_database, reopen=lambda: open_database(shared_url))
    yield opened
    await opened.close()
    if shared_database.backend == "sqlite":
        await shared_database.close()


@pytest.fixture(scope="session")
def shared_postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of a database that one test after another uses."""
    with postgres.database() as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_postgres(shared_postgres_url: str) -> AsyncIterator[Database]:
    database = open_database(shared_postgres_url)
    yield database
    await database.close()


async def _empty(tx: Tx) -> None:
    tables = await select(
        tx,
        "select tablename from pg_tables where schemaname = 'public' and tablename not in"
        " ('schema_migration', 'limit_state')",
    )
    statements = [f"delete from {table}" for (table,) in tables]
    statements += [
        f"insert into tier (name, settings) values ('{tier.name}', '{write(tier)}')"
        for tier in SHIPPED
    ]
    await change(tx, "; ".join([*statements, "update limit_state set log = null, paused = 0"]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of this folder share one event loop, which the shared connections live on."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
