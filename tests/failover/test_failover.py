"""The primary is killed under load and its standby promoted: what was answered is there, limits
hold, the service resumes within seconds, and the former primary that comes back is refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from queue_services.errors import StoreUnavailable
from queue_services.queue import dispatchers
from queue_services.storage import open_database
from queue_services.storage.port import Database, Tx
from tests.acceptance.processes import sms
from tests.crashes.harms import ON_POSTGRES, under_load
from tests.crashes.ordeal import Ordeal
from tests.failover.servers import Pair, replicating
from tests.storage.store import select

SYSTEM = Path("/usr/lib/postgresql/15/bin")
WITHIN = 5.0
"""Seconds from the promotion until requests are answered and messages delivered again."""

pytestmark = pytest.mark.failover


@pytest.fixture(params=[15, 18])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two servers, of each version that is tested."""
    if request.param == 15 and not SYSTEM.is_dir():
        pytest.skip("needs PostgreSQL 15 (apt-get install postgresql-15)")
    with replicating(SYSTEM if request.param == 15 else None) as made:
        yield made


async def accepted_at(made: Ordeal) -> float:
    """When a message that is handed in over and over is accepted, monotonic seconds."""
    body = sms(workspaceId="after", idempotencyKey="after the promotion")
    async with httpx2.AsyncClient(timeout=10) as client:
        while True:
            try:
                answer = await client.post(
                    f"{made.url}/api/schedule-batch", json={"messages": [body]}
                )
            except httpx2.HTTPError:
                continue
            if answer.status_code == 200:
                made.accepted["after"] = answer.json()["results"][0]["jobId"]
                return time.monotonic()
            await made.moment(0.05)


async def test_nothing_answered_is_lost_when_the_standby_takes_over_under_load(pair: Pair) -> None:
    name = pair.primary.create_database()
    async with under_load(f"failover of {name}", pair.url(name), *ON_POSTGRES) as made:
        await made.more(300)
        made.harms += 1
        made.tolerated_twice += 2 * made.settings["concurrency"]
        await asyncio.to_thread(pair.primary.kill)
        await made.moment(1)
        before = len(made.receiver.seen)
        await asyncio.to_thread(pair.standby.promote)
        promoted = time.monotonic()
        answered = await accepted_at(made) - promoted
        await made.until(lambda: len(made.receiver.seen) > before + 64)
        delivered = made.receiver.seen[before + 64].at - promoted
        await made.more(300)
        figures = await made.finish()
    print(f"{figures}; accepted again after {answered:.1f} s, delivered after {delivered:.1f} s")
    assert figures.broken == []
    assert max(answered, delivered) < WITHIN


async def test_the_former_primary_that_comes_back_is_refused_by_who_has_seen_the_newer(
    pair: Pair,
) -> None:
    name = pair.primary.create_database()
    database = open_database(pair.url(name))
    await database.migrate()
    await asyncio.to_thread(pair.primary.kill)
    with pytest.raises(StoreUnavailable):
        await database.write(dispatchers.check_writable)
    await asyncio.to_thread(pair.standby.promote)
    await database.write(dispatchers.check_writable)
    await _until_stored(database, 2)
    pair.primary.start()
    pair.primary.run_sql("alter system set synchronous_standby_names = ''")
    pair.primary.run_sql("select pg_reload_conf()")
    alone = open_database(pair.primary.url(name))  # it cannot tell
    await alone.write(dispatchers.check_writable)
    await alone.close()
    pair.standby.stop(crash=True)
    reasons = []
    for _ in range(5):  # connections that were open when it stopped come first
        with pytest.raises(StoreUnavailable) as refused:
            await database.write(dispatchers.check_writable)
        reasons.append(str(refused.value))
    assert "former primary" in reasons[-1]
    pair.standby.start()
    await database.write(dispatchers.check_writable)
    assert await database.read(select, "select timeline from server") == [(2,)]
    await database.close()


async def _until_stored(database: Database, timeline: int) -> None:
    async with asyncio.timeout(5):
        while await database.read(select, "select timeline from server") != [(timeline,)]:
            await asyncio.sleep(0)


async def test_connections_to_a_primary_that_became_read_only_are_given_up(pair: Pair) -> None:
    name = pair.primary.create_database()
    database = open_database(pair.url(name))
    await database.migrate()
    used = []

    async def write(tx: Tx) -> None:
        used.append(tx._connection.get_server_pid())  # type: ignore[attr-defined]
        await dispatchers.check_writable(tx)

    await database.write(write)
    await database.write(write)
    pair.primary.run_sql("alter system set default_transaction_read_only = on")
    pair.primary.run_sql("select pg_reload_conf()")
    async with asyncio.timeout(10):
        while True:  # until the server has read its settings
            try:
                await database.write(write)
            except StoreUnavailable:
                break
    await asyncio.to_thread(pair.standby.promote)
    await database.write(write)
    assert used[0] == used[1] != used[-1]
    await database.close()
