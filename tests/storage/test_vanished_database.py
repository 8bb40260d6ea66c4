"""PostgreSQL that vanishes without a word (power cut, firewall): connections stand and carry
nothing. Statements, requests and dispatchers notice within the time limit and recover.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from queue_services.clock import Clock
from queue_services.delivery.tasks import TaskSender
from queue_services.dispatcher.build import build
from queue_services.dispatcher.clock_keeping import measure
from queue_services.errors import StoreUnavailable
from queue_services.queue import dispatchers, intake
from queue_services.settings.slices import DispatchSettings
from queue_services.storage import open_database
from queue_services.storage.port import Database, Tx
from queue_services.storage.postgres import PostgresDatabase
from tests.api.service import SMS, serving
from tests.dispatcher.world import Receiver
from tests.support.builders import message
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy, proxy_to

LIMIT = 0.3
"""Seconds that a statement may take here."""
NOTICED = LIMIT * 2 + 1
"""By when whoever asked must know: its turn behind one that waits, its own, and a slow machine."""

pytestmark = pytest.mark.postgres


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(postgres: Postgres) -> AsyncIterator[Proxy]:
    async with proxy_to(postgres.port) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def database(postgres_url: str, proxy: Proxy) -> AsyncIterator[Database]:
    name = postgres_url.rpartition("/")[2]
    opened = open_database(f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}", LIMIT)
    await opened.migrate()
    yield opened
    proxy.return_()
    await opened.close()


async def test_every_statement_is_given_up_in_time_and_answered_again_afterwards(
    database: Database, proxy: Proxy
) -> None:
    async def vanishing(tx: Tx) -> None:
        await tx.fetch("read_clock")
        proxy.vanish()
        await tx.fetch("read_clock")

    async with asyncio.timeout(NOTICED):
        with pytest.raises(StoreUnavailable, match=r"no answer within 0\.3 s"):
            await database.write(vanishing)
    async with asyncio.timeout(NOTICED):  # its BEGIN, or its connection, gets no answer
        with pytest.raises(StoreUnavailable):
            await database.read(dispatchers.read_clock)
    proxy.return_()
    await database.write(dispatchers.check_writable)


async def test_a_connection_that_timed_out_is_not_used_again(
    database: Database, proxy: Proxy
) -> None:
    used = []

    async def noting(tx: Tx) -> None:
        own: Any = tx._connection  # type: ignore[attr-defined]
        used.append(own.get_server_pid())
        await tx.fetch("read_clock")

    await database.write(noting)
    await database.write(noting)
    proxy.vanish()
    with pytest.raises(StoreUnavailable):
        await database.write(noting)
    proxy.return_()
    await database.write(noting)
    assert used[0] == used[1] != used[-1]


async def test_the_kernel_watches_over_every_connection(database: Database) -> None:
    options = {}

    async def look(tx: Tx) -> None:
        own: Any = tx._connection  # type: ignore[attr-defined]
        link = own._con._transport.get_extra_info("socket")
        for name in ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE"):
            options[name] = link.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        options["SO_KEEPALIVE"] = link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

    await database.read(look)
    assert options == {"TCP_USER_TIMEOUT": 300, "TCP_KEEPIDLE": 1, "SO_KEEPALIVE": 1}


async def test_a_statement_that_reads_whole_tables_may_take_longer(database: Database) -> None:
    async def slow(tx: Tx, *, patient: bool) -> None:
        if patient:
            tx.lift_time_limit()
        own: Any = tx._connection  # type: ignore[attr-defined]
        with tx._limit:  # type: ignore[attr-defined]
            await own.fetch(f"select pg_sleep({LIMIT * 2})")

    with pytest.raises(StoreUnavailable):
        await database.read(slow, patient=False)
    await database.read(slow, patient=True)


async def test_requests_are_answered_503_within_the_limit(
    database: Database, proxy: Proxy, tmp_path: Path
) -> None:
    async with serving(tmp_path, database=database) as service:
        await service.schedule()
        proxy.vanish()
        async with asyncio.timeout(NOTICED):
            posts = [service.ask("POST", "/api/schedule-sms", 503, json=SMS) for _ in range(30)]
            await asyncio.gather(service.ask("GET", "/health/ready", 503), *posts)
        proxy.return_()
        await service.schedule()
        service.pass_time(1)
        await service.ask("GET", "/health/ready")


async def test_dispatching_resumes_within_seconds(
    database: Database, proxy: Proxy, postgres_url: str
) -> None:
    clock = Clock()
    clock.correct(await measure(database, clock), at_once=True)
    receiver = Receiver(clock)
    process = await build(database, clock, TaskSender(receiver), DispatchSettings())
    running = asyncio.create_task(process.run())
    beside = PostgresDatabase(postgres_url)
    try:
        proxy.vanish()
        late = [message(due_at=clock.now(), created_at=clock.now()) for _ in range(5)]
        await beside.write(intake.insert, late, clock.now(), "api")
        with pytest.raises(StoreUnavailable):  # what the dispatcher meets, too
            await database.read(dispatchers.read_clock)
        assert not receiver.arrivals
        proxy.return_()
        async with asyncio.timeout(5):
            while len(receiver.ids()) < len(late):
                await asyncio.sleep(0.01)
    finally:
        process.stop()
        async with asyncio.timeout(10):
            await running
        await beside.close()
    assert not set(receiver.ids().values()) - {1}
