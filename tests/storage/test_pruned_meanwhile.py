"""A message that is pruned in the middle of a call about it, the order in which a retry locks,
and campaign counts that read no other campaign's rows.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from queue_services.domain.message import Status
from queue_services.domain.outcome import Kind
from queue_services.errors import NotFound
from queue_services.queue import intake, jobs
from queue_services.storage import open_database, statements
from queue_services.storage.port import Tx
from tests.storage.store import Store, change
from tests.support.builders import NOW, WRITER, message


class Watched:
    """A transaction that notes its statements; `before` runs at the first of a name."""

    def __init__(
        self, tx: Tx, name: str = "", before: Callable[[Tx], Awaitable[None]] | None = None
    ) -> None:
        self._tx, self._name, self._before = tx, name, before
        self.names: list[str] = []

    async def fetch(self, name: str, *parameters: Any) -> Any:
        await self._note(name)
        return await self._tx.fetch(name, *parameters)

    async def each(self, name: str, rows: Any, *same: Any) -> Any:
        await self._note(name)
        return await self._tx.each(name, rows, *same)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def _note(self, name: str) -> None:
        self.names.append(name)
        if name == self._name and self._before is not None:
            before, self._before = self._before, None
            await before(self._tx)


async def prune(tx: Tx) -> None:
    """What pruning leaves, as a transaction that read before it sees it in its next statement."""
    for table in ("result", "attempt", "message", "idempotency"):
        await change(tx, f"delete from {table}")


async def test_a_retry_of_a_job_that_is_pruned_meanwhile_finds_nothing(store: Store) -> None:
    await store.insert(message())
    [claimed] = await store.claim()
    await store.settle_as(Kind.REJECTED, claimed)

    async def requeue(tx: Tx) -> None:
        watched: Any = Watched(tx, "lock_result", prune)
        await jobs.requeue(watched, claimed.id, NOW, WRITER)

    with pytest.raises(NotFound):
        await store.database.write(requeue)


async def test_a_key_whose_first_message_is_pruned_meanwhile_schedules_anew(store: Store) -> None:
    await store.insert(message(key="k"))
    await store.deliver_all()
    again = message(key="k")

    async def insert(tx: Tx) -> Any:
        watched: Any = Watched(tx, "find_idempotency", prune)
        return await intake.insert(watched, [again], NOW, WRITER)

    [insertion] = await store.database.write(insert)
    assert (insertion.id, insertion.replayed) == (again.id, False)
    assert (await store.job(again)).status is Status.SCHEDULED


async def test_a_retry_locks_its_campaign_and_lane_before_the_message(store: Store) -> None:
    first = message(campaign="spring")
    await store.insert(first)
    await store.cancel_campaign()
    names: list[str] = []

    async def requeue(tx: Tx) -> None:
        watched: Any = Watched(tx)
        await jobs.requeue(watched, first.id, NOW, WRITER)
        names.extend(watched.names)

    await store.database.write(requeue)
    order = [names.index(name) for name in ("share_campaigns", "lock_lanes", "end_unclaimed")]
    assert order == sorted(order)
    assert (await store.job(first)).status is Status.SCHEDULED


async def test_counts_of_a_campaign_are_found_by_its_index(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'queue.db'}")
    await database.migrate()
    await database.close()
    by_campaign = {
        name: text
        for name, text in statements.load("sqlite").items()
        if re.search(r"from (tally|total) where campaign = \?", text)
    }
    assert {"campaign_counts", "campaign_channels"} < by_campaign.keys()
    with sqlite3.connect(tmp_path / "queue.db") as connection:
        for name, text in by_campaign.items():
            parameters = (1,) * max(int(number) for number in re.findall(r"\?(\d+)", text))
            plan = connection.execute(f"explain query plan {text}", parameters).fetchall()
            scans = [row[3] for row in plan if re.match(r"SCAN (tally|total)", row[3])]
            assert scans == [], name
    connection.close()
