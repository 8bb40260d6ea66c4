"""A store that was dumped from one server and restored into another, of a newer version: refused
until it is accepted once, then complete, its change feed included.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from queue_services.domain.outcome import Kind
from queue_services.queue import changes
from queue_services.queue.changes import Position
from queue_services.storage import open_database
from tests.acceptance.processes import COMMAND
from tests.failover.test_failover import SYSTEM
from tests.storage.store import Store
from tests.support.builders import message
from tests.support.postgres import Postgres

pytestmark = [
    pytest.mark.failover,
    pytest.mark.skipif(
        not SYSTEM.is_dir(), reason="needs PostgreSQL 15 (apt-get install postgresql-15)"
    ),
]
COUNT = 20


def copy(source: Postgres, target: Postgres, name: str) -> str:
    """The name of a database of `target` with everything of the other's database."""
    made = target.create_database()
    dumped = subprocess.run(
        [target.bin / "pg_dump", "-d", source.url(name)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    script = Path(target.folder) / "dump.sql"
    script.write_text(dumped.stdout)
    subprocess.run(
        [target.bin / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", script, target.url(made)],
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    return made


def migrate(url: str, *options: str) -> tuple[int, str]:
    """The exit code of `queue-services migrate`, and what it said."""
    done = subprocess.run(
        [COMMAND, "migrate", *options, "--database-url", url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


async def test_a_restored_copy_is_refused_until_it_is_accepted_and_is_then_complete() -> None:
    with Postgres(binaries=SYSTEM) as former, Postgres() as server:
        former.run_sql(  # it has counted further than the other will have
            "do $$ begin for n in 1..5000 loop perform txid_current(); commit; end loop; end $$"
        )
        name = former.create_database()
        url = former.url(name)
        store = Store(open_database(url), reopen=lambda: open_database(url))
        await store.database.migrate()
        ended = [message() for _ in range(COUNT)]
        await store.insert(*ended)
        await store.settle_as(Kind.DELIVERED, *(await store.claim(most=COUNT)))
        before = await store.database.read(changes.read, Position(), 1_000)
        assert len(before.changes) == COUNT
        await store.database.close()

        restored = server.url(copy(former, server, name))
        for _ in range(2):
            assert migrate(restored)[0] == 2
        assert "migrate --accept-store" in migrate(restored)[1]
        unchanged = open_database(restored)
        assert (await unchanged.read(changes.read, Position(), 1_000)).changes == []
        await unchanged.close()
        assert migrate(restored, "--accept-store")[0] == 0
        accepted = open_database(restored)
        await accepted.migrate()
        for cursor in (Position(), before.position):  # that one is beyond this server's end
            found = await accepted.read(changes.read, cursor, 1_000)
            assert [change.id for change in found.changes] == [
                change.id for change in before.changes
            ]
        assert (await accepted.read(changes.read, found.position, 1_000)).changes == []
        await accepted.close()
