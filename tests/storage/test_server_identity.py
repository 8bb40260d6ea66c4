"""Which server is the right one: a newer timeline is followed, an older one and another system
are refused, until it is accepted once.
"""

from __future__ import annotations

import pytest

from queue_services.errors import ConfigurationError
from queue_services.queue import dispatchers
from queue_services.storage import open_database
from queue_services.storage.server_identity import Identity, IdentityGuard, WrongServer, identity
from tests.support.postgres import Postgres


def test_the_timeline_is_read_of_the_logs_name() -> None:
    assert identity(7, "0000000A00000001000000C4") == Identity("7", 10)
    assert identity(7, None) is None
    assert identity(None, "0000000A00000001000000C4") is None


def test_a_higher_timeline_is_followed_and_a_lower_one_refused() -> None:
    guard = IdentityGuard()
    assert guard.admit(Identity("7", 1), [])
    assert not guard.admit(Identity("7", 1), [])
    assert guard.admit(Identity("7", 2), [])
    with pytest.raises(WrongServer, match="former primary"):
        guard.admit(Identity("7", 1), [])
    assert guard.seen == Identity("7", 2)


def test_another_system_is_refused_unless_it_was_accepted_in_the_place_of_the_one_seen() -> None:
    guard = IdentityGuard()
    guard.admit(Identity("7", 3), [])
    for stored in ([], [("8", 1, None)], [("8", 1, "6")]):
        with pytest.raises(WrongServer, match="--accept-store"):
            guard.admit(Identity("8", 1), stored)
    assert guard.admit(Identity("8", 1), [("8", 1, "7")])
    assert guard.seen == Identity("8", 1)


def test_a_server_that_does_not_say_is_not_checked() -> None:
    guard = IdentityGuard()
    guard.admit(Identity("7", 2), [])
    assert not guard.admit(None, [])
    assert guard.seen == Identity("7", 2)


@pytest.mark.parametrize("change", ["system = '1'", "timeline = 99"])
async def test_a_store_of_another_server_is_refused_until_it_is_accepted_once(
    postgres: Postgres, postgres_url: str, change: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    database = open_database(postgres_url)
    await database.migrate()
    here = postgres.run_sql("select system, timeline from server", name)
    postgres.run_sql(f"update server set {change}", name)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="migrate --accept-store"):
            await database.migrate()
    accepting = open_database(postgres_url, accept=True)
    await accepting.migrate()
    await accepting.close()
    assert postgres.run_sql("select system, timeline from server", name) == here
    await database.migrate()
    await database.close()


async def test_a_role_that_may_not_ask_which_server_it_is_works_unchecked(
    postgres: Postgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres.run_sql("revoke execute on function pg_control_system() from public", name)
    role = f"unchecked_{name}"
    postgres.run_sql(f"create role {role} login", name)
    postgres.run_sql(f"create schema {role} authorization {role}", name)
    database = open_database(postgres_url.replace("postgres@", f"{role}@"))
    await database.migrate()
    await database.write(dispatchers.check_writable)
    assert postgres.run_sql(f"select count(*) from {role}.server", name) == "0"
    await database.close()
    postgres.run_sql(f"drop owned by {role}", name)
    postgres.run_sql(f"drop role {role}", name)
