"""The shared store: PostgreSQL through an asyncpg pool; any number of processes use it at once.

Built by `storage.open_database`. Wakes cross processes by LISTEN/NOTIFY. It must not
interpret what the flows do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any

import asyncpg

from queue_services.errors import ConfigurationError, Fault, StoreUnavailable
from queue_services.storage import migrate, postgres_url, statements
from queue_services.storage.port import Flow, P, Row, T, Tx
from queue_services.storage.postgres_connection import CommandLimit, Connection
from queue_services.storage.postgres_errors import AWAY, is_misuse, unavailable
from queue_services.storage.postgres_hosts import Hosts
from queue_services.storage.server_identity import ACCEPT, Identity

WAKE_CHANNEL = "queue_services_wake"
CONFLICTS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
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
    """`port.Database` on PostgreSQL 14 or newer, on the one of the URL's hosts that can be
    written. `?pool_size=` bounds the connections (10); `?statement_cache_size=` is for a pooler
    that keeps prepared statements.

    `timeout` is how many seconds a connection may take to come about, and one statement to
    be answered: after that the host counts as gone. `accept` lets `migrate` make the server
    the store's own, where the store was on another one.
    """

    backend = "postgres"

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS, *, accept: bool = False) -> None:
        self._timeout, self._accepts = timeout, accept
        parsed = postgres_url.parse(url)
        self._pool_size = parsed.pool_size
        self._texts = statements.load(self.backend)
        self._hosts = Hosts(parsed, timeout, self._texts)
        self._stored: Identity | None = None
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
        async with self._transaction(writing=False) as tx:
            return await flow(tx, *args, **kwargs)

    async def migrate(self) -> None:
        async with self._transaction() as tx:
            tx.lift_time_limit()
            await tx.fetch("lock_schema")
            known = statements.migrations(self.backend)
            await migrate.apply(tx, tx.script, known)
            if any(migration.name == "server" for migration in known):  # a test's may end before
                await self._compare(tx)
        self._stored = self._hosts.guard.seen

    def keep_to_server_of(self, other: PostgresDatabase) -> None:
        """Refuse what `other` refuses, and leave a server when it does. Called before the first
        use.
        """
        self._hosts.share(other._hosts.guard)

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
            self._run_beside(self._notify())

    def on_wake(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)
        if self._listening is None:
            self._listening = asyncio.get_running_loop().create_task(self._listen())

    @contextlib.asynccontextmanager
    async def _transaction(self, *, writing: bool = True) -> AsyncIterator[PostgresTx]:
        limit = None
        try:
            pool = await self._open()
            async with pool.acquire(timeout=self._timeout) as connection:
                limit, address = CommandLimit(connection, self._timeout), connection.address
                try:
                    with limit:
                        await connection.begin(writing=writing)
                    yield PostgresTx(connection, self._texts, limit)
                    with limit:
                        await connection.execute("commit")
                except BaseException as error:
                    # a connection that is gone is rolled back by the server
                    with contextlib.suppress(*AWAY), limit:
                        await connection.execute("rollback")
                    if writing and isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                        self._hosts.discard(address)
                    raise
        except AWAY as error:
            if limit is not None and limit.expired:
                raise StoreUnavailable(
                    f"PostgreSQL: no answer within {self._timeout:g} s"
                ) from error
            if is_misuse(error):
                raise
            raise unavailable(error) from error
        self._remember()

    async def _open(self) -> Any:
        if self._closed:
            raise StoreUnavailable("it is closed")
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    # else the pool itself tries to reconnect while the server is away, and
                    # logs a traceback each time
                    min_size=0,
                    max_size=self._pool_size,
                    max_inactive_connection_lifetime=0,
                    connect=self._hosts.connect,
                    connection_class=Connection,
                )
        return self._pool

    async def _compare(self, tx: Tx) -> None:
        """Hold the server that was connected to against the store's own row, which came with
        a restored copy. Raises ConfigurationError for another one, unless it is accepted.
        """
        found = self._hosts.guard.seen
        if found is None:
            return
        rows = await tx.fetch("find_server")
        stored = Identity(*rows[0][:2]) if rows else found
        if stored.system == found.system and stored.timeline <= found.timeline:
            former = rows[0][2] if rows else None
        elif self._accepts:
            former = stored.system
        else:
            raise ConfigurationError(
                Fault(
                    "QUEUE_SERVICES_DATABASE_URL",
                    f"the store was last on {stored}, and this server is {found}; if it was"
                    f" restored or upgraded, {ACCEPT}; if another server took its place, name"
                    " that one",
                )
            )
        if not rows or stored != found:
            await tx.fetch("save_server", found.system, found.timeline, former)

    def _remember(self) -> None:
        """Write down a newer timeline, which a connection has met since."""
        seen = self._hosts.guard.seen
        if seen is None or self._stored is None or seen == self._stored:
            return
        self._stored = seen
        self._run_beside(self._raise_timeline(seen))

    async def _raise_timeline(self, seen: Identity) -> None:
        try:
            async with self._transaction() as tx:
                await tx.fetch("raise_timeline", seen.system, seen.timeline)
        except StoreUnavailable:
            self._stored = Identity(seen.system, 0)  # the next transaction tries again

    def _run_beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def _notify(self) -> None:
        await asyncio.sleep(0)  # wakes of the same turn of the loop become one NOTIFY
        self._notifying = False
        with contextlib.suppress(StoreUnavailable):
            async with self._transaction() as tx:
                await tx.fetch("notify", WAKE_CHANNEL)

    async def _listen(self) -> None:
        """Hear the wakes of other processes; when the connection breaks, the listeners' own
        poll carries on until it is back. A pooler carries none.
        """
        carried = True
        while carried and not self._closed:
            with contextlib.suppress(*AWAY):
                carried = await self._listen_once()
            await asyncio.sleep(1)

    async def _listen_once(self) -> bool:
        """Listen until the connection ends; whether it is one that can."""
        gone = asyncio.Event()
        connection = await self._hosts.connect(connection_class=Connection)
        try:
            if connection.pooled:
                return False
            connection.add_termination_listener(lambda *_: gone.set())
            await connection.add_listener(
                WAKE_CHANNEL, lambda *_: [listener() for listener in self._listeners]
            )
            await gone.wait()
        finally:
            connection.terminate()
        return True
