"""Runs one transaction in the middle of another on PostgreSQL: statement by statement, with
real connections and real locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import asyncpg

from queue_services.storage.port import Row, Tx
from tests.storage.store import Store

Work = Callable[[Tx], Awaitable[Any]]


class Stopped:
    """A transaction that waits after its `stop`-th statement until it may go on. `length`
    counts the statements that ran.
    """

    def __init__(self, work: Work, stop: int) -> None:
        self._work, self._stop = work, stop
        self.length = 0
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, tx: Tx) -> Any:
        self.length = 0
        self._tx = tx
        result = await self._work(self)
        self.reached.set()
        return result

    async def fetch(self, name: str, *parameters: Any) -> list[Row]:
        return await self._counted(self._tx.fetch(name, *parameters))

    async def each(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        return await self._counted(self._tx.each(name, rows, *same))

    async def changed(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        return await self._counted(self._tx.changed(name, rows, *same))

    async def search(self, name: str, filters: dict[str, Any], limit: int) -> list[Row]:
        return await self._counted(self._tx.search(name, filters, limit))

    def lift_time_limit(self) -> None:
        self._tx.lift_time_limit()

    async def _counted(self, statement: Awaitable[list[Row]]) -> list[Row]:
        rows = await statement
        self.length += 1
        if self.length == self._stop:
            self.reached.set()
            await self.go_on.wait()
        return rows


async def run_within(
    store: Store, outer: Work, stop: int, inner: Work, watch: asyncpg.Connection
) -> bool:
    """Run `outer` up to its `stop`-th statement, then `inner` until it is done or waits for
    a lock of `outer`, then `outer` to its end, then the rest.

    False where `outer` has fewer statements: then nothing ran within it.
    """
    stopped = Stopped(outer, stop)
    first = asyncio.create_task(store.database.write(stopped))
    await asyncio.wait(
        [first, reached := asyncio.create_task(stopped.reached.wait())],
        return_when=asyncio.FIRST_COMPLETED,
    )
    reached.cancel()
    second = asyncio.create_task(store.database.write(inner))
    while not (second.done() or await _anyone_waits(watch)):
        await asyncio.wait([second], timeout=0.002)
    stopped.go_on.set()
    await asyncio.gather(first, second)
    return stopped.length >= stop


async def _anyone_waits(watch: asyncpg.Connection) -> bool:
    return bool(
        await watch.fetchval(
            "select exists (select 1 from pg_stat_activity where wait_event_type = 'Lock' and"
            " datname = current_database())"
        )
    )
