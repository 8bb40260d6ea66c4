"""A URL of several hosts: each has its own time to connect, and any error moves on to the next."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from queue_services.errors import StoreUnavailable
from queue_services.queue import dispatchers
from queue_services.storage import open_beside, open_database
from queue_services.storage.port import Tx
from queue_services.storage.postgres import PostgresDatabase
from queue_services.storage.server_identity import Identity
from tests.support.postgres import Postgres

LIMIT = 2.0
"""Seconds for all hosts together, here."""

pytestmark = pytest.mark.postgres


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and answers nothing, as a host that vanished."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def several(postgres_url: str, *ports: int) -> str:
    """The URL with a host for each port, then the server's own."""
    before, _, after = postgres_url.partition("@")
    return f"{before}@{''.join(f'127.0.0.1:{port},' for port in ports)}{after}"


async def test_a_host_that_vanished_and_one_that_refuses_are_passed_over(
    postgres_url: str, silent: int, closed: int
) -> None:
    database = open_database(several(postgres_url, silent, closed), LIMIT)
    assert isinstance(database, PostgresDatabase)
    async with asyncio.timeout(LIMIT * 2):
        await database.read(dispatchers.read_clock)
    assert [address.port for address in database._hosts._order][1:] == [silent, closed]
    await database.close()


async def test_a_wrong_database_on_one_host_moves_on_too(postgres: Postgres, closed: int) -> None:
    nowhere = postgres.url("nowhere")
    database = open_database(several(nowhere, closed), LIMIT)
    with pytest.raises(StoreUnavailable) as refused:
        await database.read(dispatchers.read_clock)
    reason = str(refused.value)
    assert f"127.0.0.1:{closed}: " in reason
    assert f'127.0.0.1:{postgres.port}: database "nowhere" does not exist' in reason
    assert "Create the database" in reason
    await database.close()


async def test_connections_to_older_servers_are_given_up_when_a_newer_is_seen(
    postgres_url: str,
) -> None:
    database = open_database(postgres_url)
    beside = open_beside(database, postgres_url)
    assert isinstance(database, PostgresDatabase)
    assert isinstance(beside, PostgresDatabase)

    async def identify(tx: Tx) -> int:
        return int(tx._connection.get_server_pid())  # type: ignore[attr-defined]

    first, other = await database.read(identify), await beside.read(identify)
    found = database._hosts.guard.seen
    assert found is not None
    for leave in database._hosts.guard.on_newer:
        leave(Identity(found.system, found.timeline + 1))
    assert await database.read(identify) != first
    assert await beside.read(identify) != other
    database._hosts.guard.seen = Identity(found.system, found.timeline + 1)
    for leave in database._hosts.guard.on_newer:
        leave(database._hosts.guard.seen)
    for one in (database, beside):
        with pytest.raises(StoreUnavailable, match="former primary"):
            await one.read(identify)
        await one.close()
