"""The shared store: PostgreSQL through an asyncpg pool; any number of processes use it at once.

Built by `storage.open_database`. Wakes cross processes by LISTEN/NOTIFY. It must not
interpret what the flows do.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from queue_services.errors import StoreUnavailable
from queue_services.storage import migrate, statements
from queue_services.storage.port import Flow, P, Row, T

WAKE_CHANNEL = "queue_services_wake"
CONFLICTS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, until it is promoted
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)
RETRIES = 5
CONNECT_SECONDS = 5.0
STANDSTILL_MS = 5_000
"""How long a process that stands still (SIGSTOP, a paused machine) in the middle of a
transaction keeps its locks: without an end, all others would wait.
"""


class PostgresTx:
    """A transaction on one connection of the pool."""

    def __init__(self, connection: Any, texts: dict[str, str]) -> None:
        self._connection, self._texts = connection, texts

    async def fetch(self, name: str, *parameters: Any) -> list[Row]:
        rows: list[Row] = await self._connection.fetch(self._texts[name], *parameters)
        return rows

    async def each(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        columns = list(zip(*rows, strict=True))
        if not columns:
            return []
        found: list[Row] = await self._connection.fetch(self._texts[name], *columns, *same)
        return found

    async def changed(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        return await self.each(name, rows, *same)

    async def search(self, name: str, filters: dict[str, Any], limit: int) -> list[Row]:
        text, parameters = statements.search(self._texts, name, filters, limit, "$")
        found: list[Row] = await self._connection.fetch(text, *parameters)
        return found

    async def script(self, sql: str) -> None:
        await self._connection.execute(sql)


class PostgresDatabase:
    """`port.Database` on PostgreSQL 14 or newer. `?statement_cache_size=0` in the URL is
    for PgBouncer; `?pool_size=` bounds the connections (10).
    """

    backend = "postgres"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        self._cache_size = int(options.pop("statement_cache_size", 256))
        self._pool_size = int(options.pop("pool_size", 10))
        self._url = urlunsplit(parts._replace(scheme="postgresql", query=urlencode(options)))
        self._texts = statements.load(self.backend)
        self._pool: Any = None
        self._opening = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._notices: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Task[None] | None = None
        self._notifying = False
        self._closed = False

    async def write(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(RETRIES):
            try:
                async with self._transaction() as tx:
                    return await flow(tx, *args, **kwargs)
            except CONFLICTS:
                await asyncio.sleep(0)
        async with self._transaction() as tx:
            return await flow(tx, *args, **kwargs)

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        async with self._transaction(isolation="repeatable_read", readonly=True) as tx:
            return await flow(tx, *args, **kwargs)

    async def migrate(self) -> None:
        async with self._transaction() as tx:
            await tx.fetch("lock_schema")
            await migrate.apply(tx, tx.script, statements.migrations(self.backend))

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
        await asyncio.gather(
            *self._notices, return_exceptions=True
        )  # a command line's only wake would be lost otherwise
        self._closed = True
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), CONNECT_SECONDS)
            except AWAY:
                self._pool.terminate()

    def wake(self) -> None:
        for listener in self._listeners:
            listener()
        if not self._notifying and not self._closed:
            self._notifying = True
            notice = asyncio.get_running_loop().create_task(self._notify())
            self._notices.add(notice)
            notice.add_done_callback(self._notices.discard)

    def on_wake(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)
        if self._listening is None:
            self._listening = asyncio.get_running_loop().create_task(self._listen())

    @contextlib.asynccontextmanager
    async def _transaction(self, **options: Any) -> AsyncIterator[PostgresTx]:
        try:
            pool = await self._open()
            async with (
                pool.acquire(timeout=CONNECT_SECONDS) as connection,
                connection.transaction(**options),
            ):
                yield PostgresTx(connection, self._texts)
        except AWAY as error:
            if isinstance(error, asyncpg.InterfaceError) and not re.search(
                "clos(ed|ing)|released", str(error)
            ):
                raise  # a statement called wrongly: no waiting makes that right
            raise StoreUnavailable(f"PostgreSQL: {error or type(error).__name__}") from error

    async def _open(self) -> Any:
        if self._closed:
            raise StoreUnavailable("it is closed")
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    # else the pool itself tries to reconnect while the server is away, and
                    # logs a traceback each time
                    min_size=0,
                    max_size=self._pool_size,
                    timeout=CONNECT_SECONDS,
                    statement_cache_size=self._cache_size,
                    max_inactive_connection_lifetime=0,
                    init=_prepare,
                    connection_class=_Connection,
                    server_settings={"application_name": "queue-services"},
                )
        return self._pool

    async def _notify(self) -> None:
        await asyncio.sleep(0)  # wakes of the same turn of the loop become one NOTIFY
        self._notifying = False
        with contextlib.suppress(StoreUnavailable):
            async with self._transaction() as tx:
                await tx.fetch("notify", WAKE_CHANNEL)

    async def _listen(self) -> None:
        """Hear the wakes of other processes; when the connection breaks, the listeners' own
        poll carries on until it is back.
        """
        while not self._closed:
            with contextlib.suppress(*AWAY):
                await self._listen_once()
            await asyncio.sleep(1)

    async def _listen_once(self) -> None:
        gone = asyncio.Event()
        connection = await asyncpg.connect(self._url, timeout=CONNECT_SECONDS)
        try:
            connection.add_termination_listener(lambda *_: gone.set())
            await connection.add_listener(
                WAKE_CHANNEL, lambda *_: [listener() for listener in self._listeners]
            )
            await gone.wait()
        finally:
            connection.terminate()


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that keeps its settings, and saves a round trip a transaction, when it
    goes back to the pool.
    """

    def get_reset_query(self) -> str:
        return ""


async def _prepare(connection: Any) -> None:
    """Every statement finds its rows by an index: a plan made while a table was small, or
    its statistics were old, must not read all of it later.
    """
    for setting in ("jit", "enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
        await connection.execute(f"set {setting} = off")
    await connection.execute(f"set idle_in_transaction_session_timeout = {STANDSTILL_MS}")
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=str, decoder=str, format="text"
    )
