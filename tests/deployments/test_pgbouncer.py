"""Behind PgBouncer, in either mode: a pooler is noticed at every connect, nothing leaks into the
sessions that are shared, and every message is sent once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from queue_services.queue import dispatchers
from queue_services.storage import open_database
from queue_services.storage.port import Tx
from queue_services.storage.postgres import PostgresDatabase
from tests.crashes.harms import ON_POSTGRES, under_load
from tests.deployments.bouncer import MISSING, PROGRAM, pooling
from tests.storage.store import Store, select
from tests.support.builders import message
from tests.support.postgres import Postgres

pytestmark = [
    pytest.mark.deployments,
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
]
SETTINGS = "enable_seqscan", "jit", "idle_in_transaction_session_timeout"


@pytest.fixture(params=["session", "transaction"])
def pooled_url(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database, through PgBouncer."""
    with postgres.database() as url, pooling(postgres.port, request.param) as port:
        yield f"postgresql://postgres@127.0.0.1:{port}/{url.rpartition('/')[2]}"


@pytest_asyncio.fixture
async def database(pooled_url: str) -> AsyncIterator[PostgresDatabase]:
    opened = open_database(pooled_url)
    assert isinstance(opened, PostgresDatabase)
    yield opened
    await opened.close()


async def look(tx: Tx) -> tuple[bool, list[str]]:
    """Whether the connection knows of the pooler, and the settings of its transaction."""
    connection = tx._connection  # type: ignore[attr-defined]
    values = [await connection.fetchval(f"show {name}") for name in SETTINGS]
    return connection.pooled, values


async def test_a_pooler_is_noticed_and_told_of_once(database: PostgresDatabase) -> None:
    with capture_logs() as logged:
        await asyncio.gather(*(database.write(dispatchers.read_clock) for _ in range(5)))
        assert (await database.write(look))[0]
    assert [line["event"] for line in logged].count("postgres.pooler") == 1


async def test_a_server_of_its_own_is_taken_for_no_pooler(postgres_url: str) -> None:
    database = open_database(postgres_url)
    assert not (await database.write(look))[0]
    await database.close()


async def test_settings_hold_in_every_transaction_and_leak_into_nobody_elses(
    database: PostgresDatabase, pooled_url: str
) -> None:
    other = await asyncpg.connect(pooled_url, statement_cache_size=0)
    before = [await other.fetchval(f"show {name}") for name in SETTINGS]
    await other.close()
    for run in (database.write, database.read):
        assert (await run(look))[1] == ["off", "off", "5s"]
    await database.close()
    for _ in range(10):  # each session of the server in turn
        other = await asyncpg.connect(pooled_url, statement_cache_size=0)
        assert [await other.fetchval(f"show {name}") for name in SETTINGS] == before
        assert await other.fetchval("select count(*) from pg_prepared_statements") == 0
        assert await other.fetchval("select count(*) from pg_listening_channels()") == 0
        await other.close()


async def test_no_wake_is_listened_for_where_none_is_carried(database: PostgresDatabase) -> None:
    database.on_wake(lambda: None)
    listening = database._listening
    assert listening is not None
    async with asyncio.timeout(10):
        await listening  # it ends by itself; the poll carries on
    database.wake()


async def test_two_processes_migrate_at_once(pooled_url: str) -> None:
    both = [open_database(pooled_url) for _ in range(2)]
    await asyncio.gather(*(one.migrate() for one in both))
    for one in both:
        await one.close()


async def test_messages_are_claimed_and_settled_by_many_transactions_at_once(
    pooled_url: str,
) -> None:
    store = Store(open_database(pooled_url), reopen=lambda: open_database(pooled_url))
    await store.database.migrate()
    await asyncio.gather(*(store.insert(message()) for _ in range(47)))
    assert len(await store.deliver_all()) == 47
    assert await store.database.read(
        select, "select status, count(*) from result group by status"
    ) == [("delivered", 47)]
    await store.database.close()


async def test_real_processes_send_every_message_once(pooled_url: str) -> None:
    async with under_load("behind PgBouncer", pooled_url, *ON_POSTGRES) as made:
        await made.more(150)
        figures = await made.finish()
    print(figures)
    assert figures.broken == []
    assert (figures.twice, figures.accepted) == (0, figures.delivered)
