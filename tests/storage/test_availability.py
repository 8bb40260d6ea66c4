"""A store that is away says so, changes nothing, and serves again when it is back; what is
wrong with a flow is not the store's absence.
"""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from queue_services.errors import ConfigurationError, StoreUnavailable
from queue_services.queue import dispatchers
from queue_services.storage import open_database, sqlite
from queue_services.storage.port import Database, Tx, urgent
from queue_services.storage.sqlite import SqliteDatabase
from tests.storage.store import Store
from tests.support.builders import message
from tests.support.postgres import Postgres

ON_POSTGRES = pytest.mark.parametrize(
    "shared_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A server that a test may stop."""
    with Postgres() as server:
        yield server


async def opened(url: str) -> Store:
    store = Store(open_database(url), reopen=lambda: open_database(url))
    await store.database.migrate()
    return store


@pytest_asyncio.fixture(loop_scope="session")
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Store]:
    store = await opened(f"sqlite:///{tmp_path / 'queue.db'}")
    yield store
    await store.database.close()


async def assert_away(database: Database) -> None:
    """Every call says that the store is away."""
    with pytest.raises(StoreUnavailable):
        await database.write(dispatchers.check_writable)
    with pytest.raises(StoreUnavailable):
        await database.read(dispatchers.read_clock)
    with pytest.raises(StoreUnavailable):
        await database.migrate()


@pytest.mark.postgres
@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "crashed"])
async def test_postgres_that_stops_is_away_until_it_is_back(
    own_postgres: Postgres, crash: bool
) -> None:
    with own_postgres.database() as url:
        store = await opened(url)
        due = message()
        await store.insert(due)
        own_postgres.run_sql(
            "checkpoint"
        )  # it is a fast server: what it has not written is lost in a crash
        own_postgres.stop(crash=crash)
        await assert_away(store.database)
        own_postgres.start()
        assert [claimed.id for claimed in await store.claim()] == [due.id]
        await store.database.close()


@ON_POSTGRES
async def test_a_connection_that_breaks_in_the_middle_of_a_flow_undoes_it(
    store: Store, shared_url: str
) -> None:
    async def breaking(tx: Tx) -> None:
        await tx.each("ensure_campaigns", [("acme", "spring")])
        own: Any = tx._connection  # type: ignore[attr-defined]
        other = await asyncpg.connect(shared_url)
        await other.execute("select pg_terminate_backend($1)", own.get_server_pid())
        await other.close()
        await tx.each("ensure_campaigns", [("globex", "spring")])

    with pytest.raises(StoreUnavailable):
        await store.database.write(breaking)
    assert await store.select("select count(*) from campaign") == [(0,)]


@pytest.mark.postgres
async def test_a_refused_port_and_a_missing_database_are_away(postgres: Postgres) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for url in (
            f"postgresql://postgres@127.0.0.1:{closed.getsockname()[1]}/postgres",
            postgres.url("nowhere"),
        ):
            database = open_database(url)
            await assert_away(database)
            await database.close()


@pytest.mark.postgres
async def test_more_at_once_than_there_are_connections_wait_their_turn(postgres_url: str) -> None:
    store = await opened(postgres_url + "?pool_size=2")
    await asyncio.gather(*(store.insert(message()) for _ in range(20)))
    assert len(await store.claim()) == 20
    await store.database.close()


@pytest.mark.postgres
async def test_postgres_behind_a_pooler_needs_no_prepared_statements(postgres_url: str) -> None:
    store = await opened(postgres_url + "?statement_cache_size=0")
    await store.insert(message())
    assert len(await store.deliver_all()) == 1
    await store.database.close()


async def test_an_sqlite_file_in_a_missing_folder_is_away_until_the_folder_is_there(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'missing' / 'queue.db'}"
    database = open_database(url)
    await assert_away(database)
    (tmp_path / "missing").mkdir()
    await database.migrate()
    await database.write(dispatchers.check_writable)
    await database.close()


async def test_an_sqlite_file_that_is_none_is_away(tmp_path: Path) -> None:
    (tmp_path / "queue.db").write_bytes(b"these are not the pages you are looking for" * 100)
    database = open_database(f"sqlite:///{tmp_path / 'queue.db'}")
    await assert_away(database)
    await database.close()


async def test_an_sqlite_file_that_another_program_locks_is_away_for_writers_until_it_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.02)
    store = await opened(f"sqlite:///{tmp_path / 'queue.db'}")
    due = message()
    await store.insert(due)
    other = sqlite3.connect(tmp_path / "queue.db", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(StoreUnavailable, match="locked"):
        await store.insert(message())
    assert (await store.job(due)).id == due.id
    other.execute("rollback")
    other.close()
    await store.insert(message())
    assert len(await store.claim()) == 2
    await store.database.close()


async def test_a_full_disk_is_an_absence_that_changes_nothing(on_sqlite: Store) -> None:
    database = on_sqlite.database
    assert isinstance(database, SqliteDatabase)
    writer = database._writer
    assert writer is not None
    [pages] = writer.execute("pragma page_count").fetchone()
    writer.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="full"):
        await on_sqlite.insert(*(message(payload='"' + "x" * 4000 + '"') for _ in range(50)))
    assert await on_sqlite.select("select count(*) from message") == [(0,)]
    writer.execute("pragma max_page_count = 1000000")
    await on_sqlite.insert(message())
    assert len(await on_sqlite.claim()) == 1


async def test_a_closed_store_is_away(store: Store) -> None:
    database = store.beside().database
    await database.migrate()
    await database.close()
    await assert_away(database)
    await database.close()


async def test_an_error_of_a_flow_is_no_absence(store: Store) -> None:
    twice = message()
    await store.insert(twice)
    with pytest.raises(Exception, match=r"(?i)unique") as refused:
        await store.insert(twice)
    assert not isinstance(refused.value, StoreUnavailable)
    assert await store.select("select sum(accepted) from tally") == [(1,)]


@pytest.mark.parametrize(
    "parameters", [(object(),), (1, 2, 3)], ids=["of the wrong type", "too many"]
)
async def test_a_statement_called_wrongly_is_no_absence(
    store: Store, parameters: tuple[object, ...]
) -> None:
    with pytest.raises(Exception, match=r".") as refused:
        await store.database.write(lambda tx: tx.fetch("forget_dispatcher", *parameters))
    assert not isinstance(refused.value, StoreUnavailable)


async def test_a_wake_reaches_every_listener_of_every_process(store: Store) -> None:
    heard = [asyncio.Event(), asyncio.Event()]
    store.database.on_wake(heard[0].set)
    if store.backend == "postgres":
        other = store.beside()
        other.database.on_wake(heard[1].set)
        while not await store.select(
            "select 1 from pg_stat_activity where datname = current_database() and state = 'idle'"
            " and query ilike 'listen%' offset 1"
        ):
            await asyncio.sleep(0)
    else:
        store.database.on_wake(heard[1].set)
    store.database.wake()
    await asyncio.wait_for(asyncio.gather(*(event.wait() for event in heard)), 10)


@pytest.mark.parametrize(
    "url", ["", "mysql://x/y", "sqlite://", "sqlite:///", "sqlite:///:memory:", "queue.db"]
)
def test_a_url_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="QUEUE_SERVICES_DATABASE_URL"):
        open_database(url)


@ON_POSTGRES
async def test_flows_that_deadlock_are_run_again_and_both_are_done_once(store: Store) -> None:
    await store.insert(message("a"), message("b"))
    runs: list[str] = []
    both_hold_one = asyncio.Barrier(2)

    async def crossing(tx: Tx, first: str, second: str) -> None:
        runs.append(first)
        connection: Any = tx._connection  # type: ignore[attr-defined]
        await connection.execute("set local deadlock_timeout = '10ms'")
        for workspace in (first, second):
            await connection.execute(
                "update lane set rest = rest + 1 where workspace = $1", workspace
            )
            if workspace == first and len(runs) <= 2:
                await both_hold_one.wait()

    await asyncio.gather(
        store.database.write(crossing, "a", "b"), store.database.write(crossing, "b", "a")
    )
    assert len(runs) >= 3
    assert await store.select("select rest from lane") == [(2,), (2,)]


@ON_POSTGRES
@pytest.mark.parametrize("code", ["58030", "XX000", "42501", "25P03"])
async def test_an_error_of_the_servers_own_is_an_absence(shared_url: str, code: str) -> None:
    """Full disks, bugs of the server and lost grants pass; what was to be written is not at
    fault, and is tried again.
    """
    database = open_database(shared_url)

    async def failing(tx: Tx) -> None:
        connection: Any = tx._connection  # type: ignore[attr-defined]
        await connection.execute(f"do $$ begin raise sqlstate '{code}'; end $$")

    with pytest.raises(StoreUnavailable):
        await database.write(failing)
    await database.close()


@ON_POSTGRES
async def test_a_connection_out_of_step_is_an_absence(shared_url: str) -> None:
    database = open_database(shared_url)

    async def failing(_: Tx) -> None:
        raise asyncpg.InternalClientError("got result for unknown protocol state")

    with pytest.raises(StoreUnavailable):
        await database.write(failing)
    await database.close()


async def test_an_urgent_flow_goes_before_those_that_wait_for_the_writer(on_sqlite: Store) -> None:
    order: list[str] = []

    async def usual(_: Tx) -> None:
        order.append("usual")

    @urgent
    async def at_once(_: Tx) -> None:
        order.append("urgent")

    async def holding(_: Tx) -> None:
        entered.set()
        released.wait(5)

    entered, released = threading.Event(), threading.Event()
    held = asyncio.create_task(on_sqlite.database.write(holding))
    await asyncio.to_thread(entered.wait, 5)
    waiting = [asyncio.create_task(on_sqlite.database.write(flow)) for flow in (usual, at_once)]
    await asyncio.sleep(0)
    released.set()
    await asyncio.gather(held, *waiting)
    assert order == ["urgent", "usual"]
