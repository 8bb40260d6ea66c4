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
from queue_services.storage.postgres_connection import CommandLimit, Connection, connect

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
    # No fault of what is written: the disk, the server's memory, a role's missing grant, a
    # session that was ended, a connection out of step.
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
)
RETRIES = 5
CLOSE_SECONDS = 5.0
TIMEOUT_SECONDS = 5.0


class PostgresTx:
    """A transaction on one connection of the pool."""

    def __init__(self, connection: Any, texts: dict[str, str], limit: CommandLimit) -> None:
        self._connection, self._texts, self._limit = connection, texts, limit

    async def fetch(self, name: str, *parameters: Any) -> list[Row]:
        with self._limit:
            rows: list[Row] = await self._connection.fetch(self._texts[name], *parameters)
        return rows

    async def each(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        columns = list(zip(*rows, strict=True))
        if not columns:
            return []
        with self._limit:
            found: list[Row] = await self._connection.fetch(self._texts[name], *columns, *same)
        return found

    async def changed(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        return await self.each(name, rows, *same)

    async def search(self, name: str, filters: dict[str, Any], limit: int) -> list[Row]:
        text, parameters = statements.search(self._texts, name, filters, limit, "$")
        with self._limit:
            found: list[Row] = await self._connection.fetch(text, *parameters)
        return found

    def lift_time_limit(self) -> None:
        self._limit.seconds = None

    async def script(self, sql: str) -> None:
        await self._connection.execute(sql)


class PostgresDatabase:
    """`port.Database` on PostgreSQL 14 or newer. `?statement_cache_size=0` in the URL is
    for PgBouncer; `?pool_size=` bounds the connections (10).

    `timeout` is how many seconds a connection may take to come about, and one statement to
    be answered: after that the host counts as gone.
    """

    backend = "postgres"

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._timeout = timeout
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
            tx.lift_time_limit()
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
                await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)
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
        limit = None
        try:
            pool = await self._open()
            async with pool.acquire(timeout=self._timeout) as connection:
                limit = CommandLimit(connection, self._timeout)
                transaction = connection.transaction(**options)
                with limit:
                    await transaction.start()
                try:
                    yield PostgresTx(connection, self._texts, limit)
                except BaseException:
                    with limit:
                        await transaction.rollback()
                    raise
                with limit:
                    await transaction.commit()
        except AWAY as error:
            if limit is not None and limit.expired:
                raise StoreUnavailable(
                    f"PostgreSQL: no answer within {self._timeout:g} s"
                ) from error
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
                    max_inactive_connection_lifetime=0,
                    connect=connect,
                    connection_class=Connection,
                    **self._options(),
                )
        return self._pool

    def _options(self) -> dict[str, Any]:
        """What every connection is made with."""
        return {
            "timeout": self._timeout,
            "command_seconds": self._timeout,
            "statement_cache_size": self._cache_size,
            "server_settings": {"application_name": "queue-services"},
        }

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
        connection = await connect(self._url, **self._options())
        try:
            connection.add_termination_listener(lambda *_: gone.set())
            await connection.add_listener(
                WAKE_CHANNEL, lambda *_: [listener() for listener in self._listeners]
            )
            await gone.wait()
        finally:
            connection.terminate()
