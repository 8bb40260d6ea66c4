"""The embedded store: one SQLite file in WAL mode, one writer thread, readers on
connections of their own.

Built by `storage.open_database`. Every write is durable when it returns (synchronous=FULL).
It must not interpret what the flows do.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from queue_services.errors import StoreRefuses, StoreUnavailable
from queue_services.storage import migrate, statements
from queue_services.storage.files import create_private
from queue_services.storage.port import Flow, P, Row, T, is_urgent

BUSY_SECONDS = 10.0
WAL_TRIES = 2_000
READERS = 2
CACHE_KIB = 16_384
PAGE_BYTES = 8_192
"""Twice SQLite's own: a page then holds several messages of 1 KB, and their inserts cost 7%
less.
"""

ADVICE = {
    sqlite3.SQLITE_FULL: "Make room on the disk that it is on.",
    sqlite3.SQLITE_READONLY: "Let the process write the file, its -wal, its -shm and the folder.",
    sqlite3.SQLITE_CANTOPEN: "Make its folder, or let the process write in it.",
    sqlite3.SQLITE_NOTADB: "Name another file in QUEUE_SERVICES_DATABASE_URL.",
}
"""What an operator must do before SQLite takes anything."""


class SqliteTx:
    """A transaction on one connection. Its methods never suspend, so that a flow runs to
    its end on the thread it was started on.
    """

    def __init__(self, connection: sqlite3.Connection, texts: dict[str, str]) -> None:
        self._connection, self._texts = connection, texts

    async def fetch(self, name: str, *parameters: Any) -> list[Row]:
        bound = [
            json.dumps(value) if isinstance(value, list) else value for value in parameters
        ]  # an array is read with json_each
        return self._connection.execute(self._texts[name], bound).fetchall()

    async def each(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        text, found = self._texts[name], list[Row]()
        if not text:
            return found
        if same:
            rows = [(*row, *same) for row in rows]
        if not statements.returns_rows(text):
            self._connection.executemany(text, rows)
            return found
        execute = self._connection.execute
        for row in rows:
            found += execute(text, row).fetchall()
        return found

    async def changed(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        given, (text, _, columns) = (
            [(*row, *same) for row in rows],
            self._texts[name].rpartition("returning"),
        )
        before = self._connection.total_changes
        self._connection.execute("SAVEPOINT changed")
        self._connection.executemany(text, given)
        as_hoped = self._connection.total_changes - before == len(given)
        self._connection.execute("RELEASE changed" if as_hoped else "ROLLBACK TO changed")
        return (
            [row[: columns.count(",") + 1] for row in given]
            if as_hoped
            else await self.each(name, given)
        )  # which were not, only each can tell

    async def search(self, name: str, filters: dict[str, Any], limit: int) -> list[Row]:
        text, parameters = statements.search(self._texts, name, filters, limit, "?")
        bound = [json.dumps(value) if isinstance(value, list) else value for value in parameters]
        return self._connection.execute(text, bound).fetchall()

    def lift_time_limit(self) -> None:
        """No statement has one: the file is on this machine."""

    async def script(self, sql: str) -> None:
        """Run many statements without the commit that sqlite3's own `executescript` would make."""
        statement = ""
        for line in sql.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                self._connection.execute(statement)
                statement = ""


def finish(flow: Awaitable[T]) -> T:
    """Run a flow that never suspends to its end, and return its value."""
    steps = cast("Coroutine[Any, Any, T]", flow)
    try:
        steps.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    steps.close()
    raise RuntimeError("a storage flow awaited something other than its transaction")


class SqliteDatabase:
    """`port.Database` on one SQLite file (`:memory:` is refused: readers would see another
    database).
    """

    backend = "sqlite"

    def __init__(self, path: str) -> None:
        self.path = path
        self._texts = statements.load(self.backend)
        self._listeners: list[Callable[[], None]] = []
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._urgent: deque[Callable[[], None]] = deque()
        self._writer: sqlite3.Connection | None = None
        self._reading = threading.local()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._connections: list[sqlite3.Connection] = []
        self._closed = False
        self._thread = threading.Thread(
            target=self._write_until_closed, name="sqlite-writer", daemon=True
        )
        self._thread.start()

    async def write(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._on_writer(
            lambda: self._transaction(
                self._write_connection(), "BEGIN IMMEDIATE", lambda tx: flow(tx, *args, **kwargs)
            ),
            urgent=is_urgent(flow),
        )

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        def run() -> T:
            return self._transaction(
                self._read_connection(), "BEGIN", lambda tx: flow(tx, *args, **kwargs)
            )

        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def migrate(self) -> None:
        async def run(tx: SqliteTx) -> list[int]:
            return await migrate.apply(tx, tx.script, statements.migrations(self.backend))

        await self._on_writer(
            lambda: self._transaction(self._write_connection(), "BEGIN EXCLUSIVE", run)
        )

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._tasks.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._connections:
            connection.close()

    def wake(self) -> None:
        for listener in self._listeners:
            listener()

    def on_wake(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def _on_writer(self, run: Callable[[], T], *, urgent: bool = False) -> T:
        self._check_open()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def task() -> None:
            try:
                value = run()
            except BaseException as error:  # noqa: BLE001 - whatever it is, the caller gets it, not this thread
                _post(loop, _set_exception, answer, error)
            else:
                _post(loop, _set_result, answer, value)

        if urgent:
            self._urgent.append(task)
            self._tasks.put(_nothing)
        else:
            self._tasks.put(task)
        return await answer

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("it is closed")

    def _write_until_closed(self) -> None:
        while (task := self._tasks.get()) is not None:
            while self._urgent:
                self._urgent.popleft()()
            task()
        if self._writer is not None:
            self._writer.close()

    def _transaction(
        self, connection: sqlite3.Connection, begin: str, run: Callable[[SqliteTx], Awaitable[T]]
    ) -> T:
        try:
            connection.execute(begin)
            try:
                value = finish(run(SqliteTx(connection, self._texts)))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            raise _unavailable(error) from error
        return value

    def _write_connection(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._connect()
        return self._writer

    def _read_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._reading, "connection", None)
        if connection is None:
            connection = self._reading.connection = self._connect()
            connection.execute("PRAGMA query_only = 1")
            self._connections.append(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        create_private(self.path)
        try:
            connection = sqlite3.connect(
                self.path,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
            )
            connection.execute(
                f"PRAGMA page_size = {PAGE_BYTES}"
            )  # of a new file; an older one keeps its own
            _use_wal(connection)
            for pragma in (
                "synchronous = FULL",
                f"cache_size = -{CACHE_KIB}",
                "temp_store = MEMORY",
                "wal_autocheckpoint = 4000",
            ):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise _unavailable(error, f"{self.path}: ") from error
        return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn WAL mode on; a process that does so at the same instant makes SQLite refuse at
    once, whatever the timeout is.
    """
    for left in range(WAL_TRIES - 1, -1, -1):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                raise
            time.sleep(0.005)
        else:
            return


def _nothing() -> None:
    """What stands in the queue for an urgent task, which was run before it."""


def _unavailable(error: sqlite3.Error, where: str = "") -> StoreUnavailable:
    """The error for whoever asked: with advice where waiting alone does not help."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without its extension
    if (advice := ADVICE.get(code)) is not None:
        return StoreRefuses(f"{where}{error}", advice)
    return StoreUnavailable(f"{where}{error}")


def _post(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _set_result(answer: asyncio.Future[T], value: T) -> None:
    if not answer.done():
        answer.set_result(value)


def _set_exception(answer: asyncio.Future[Any], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
