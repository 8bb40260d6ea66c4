"""A process that stands still in the middle of a statement keeps its locks until somebody
ends its session; those that work are left alone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import asyncpg
import pytest

from queue_services.domain.message import SECOND
from queue_services.queue import dispatchers
from queue_services.storage import open_database

STANDS_STILL = """
import asyncio, os, signal, sys
import asyncpg

async def main():
    connection = await asyncpg.connect(sys.argv[1], server_settings={"application_name": "queue-services"})
    await connection.execute("begin")
    await connection.execute("select pg_advisory_xact_lock(7)")
    await connection._protocol.prepare("a", "select 1", 5, record_class=asyncpg.Record)  # sent and answered, but not yet executed
    print("stands", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)

asyncio.run(main())
"""


async def waiting_for_its_client(url: str) -> None:
    """Return when the server's side of the standing session has come to wait: it answers
    before it does.
    """
    watch = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(10):
            while not await watch.fetchval(
                "select count(*) from pg_stat_activity where state = 'active' and wait_event ="
                " 'ClientRead' and datname = current_database()"
            ):
                pass
    finally:
        await watch.close()


@pytest.mark.postgres
async def test_the_session_of_a_process_that_stands_still_in_a_statement_is_ended(
    postgres_url: str,
) -> None:
    database = open_database(postgres_url)
    await database.migrate()
    now = await database.read(dispatchers.read_clock)
    standing = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", STANDS_STILL, postgres_url], stdout=subprocess.PIPE
    )
    assert standing.stdout is not None
    try:
        assert await asyncio.to_thread(standing.stdout.readline) == b"stands\n"
        await waiting_for_its_client(postgres_url)
        assert await database.read(dispatchers.end_standstills, now) == 0, (
            "it has not stood still for that long"
        )
        assert await database.read(dispatchers.end_standstills, now + 600 * SECOND) == 1
        async with asyncio.timeout(10):
            while await database.read(
                dispatchers.end_standstills, now + 600 * SECOND
            ):  # the server ends it in its own time
                pass
    finally:
        os.kill(standing.pid, signal.SIGKILL)
        standing.wait()
        standing.stdout.close()
        await database.close()
