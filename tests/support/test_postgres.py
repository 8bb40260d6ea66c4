"""The PostgreSQL that tests run on: fresh for each, durable where asked, gone at the end."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import sys

import asyncpg
import pytest

from tests.support.postgres import Postgres


async def test_each_test_gets_an_empty_database_of_its_own(
    postgres: Postgres, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("create table here (x int)")
    await connection.close()
    with postgres.database() as other:
        assert other != postgres_url
        assert (
            postgres.run_sql(
                "select count(*) from pg_tables where tablename = 'here'", other.rpartition("/")[2]
            )
            == "0"
        )


async def test_a_database_is_dropped_although_somebody_is_connected(postgres: Postgres) -> None:
    with postgres.database() as url:
        connection = await asyncpg.connect(url)
    assert (
        postgres.run_sql(f"select 1 from pg_database where datname = '{url.rpartition('/')[2]}'")
        == ""
    )
    with pytest.raises((asyncpg.PostgresError, OSError, asyncpg.InterfaceError)):
        await connection.execute("select 1")
    connection.terminate()


def test_a_template_is_copied_with_its_tables(postgres: Postgres) -> None:
    template = postgres.create_database()
    postgres.run_sql("create table kept as select 7 as x", template)
    with postgres.database(template) as url:
        assert postgres.run_sql("select x from kept", url.rpartition("/")[2]) == "7"


@pytest.mark.long(bounded=True)
def test_a_durable_server_keeps_what_was_committed_before_a_crash(
    durable_postgres: Postgres,
) -> None:
    name = durable_postgres.create_database()
    assert durable_postgres.run_sql("show fsync") == "on"
    durable_postgres.run_sql("create table kept as select 7 as x", name)
    durable_postgres.stop(crash=True)
    durable_postgres.start()
    assert durable_postgres.run_sql("select x from kept", name) == "7"


@pytest.mark.long(bounded=True)
def test_a_server_ends_with_the_process_that_started_it() -> None:
    script = """
import os, signal
from tests.support.postgres import Postgres
server = Postgres()
print(server._process.pid, server.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    started = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, check=False, text=True
    )
    pid, folder = started.stdout.split()
    try:
        with contextlib.suppress(ProcessLookupError):
            running = os.pidfd_open(int(pid))
            assert select.select([running], [], [], 20)[0], "the server is still there"
            os.close(running)
    finally:
        shutil.rmtree(folder)
