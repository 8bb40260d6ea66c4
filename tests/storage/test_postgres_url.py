"""The parts of a PostgreSQL URL: hosts, ports, and the options that are the store's own."""

from __future__ import annotations

import pytest

from queue_services.settings import types
from queue_services.storage.postgres_url import Address, parse


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("postgresql://u@a:5432,b:5433/db", [("a", 5432), ("b", 5433)]),
        ("postgresql://u:p%40ss@a,b/db", [("a", None), ("b", None)]),
        ("postgresql://u@[::1]:5432,[::2]:5433/db", [("::1", 5432), ("::2", 5433)]),
        ("postgresql://u@/db?host=a,b&port=5432", [("a", 5432), ("b", 5432)]),
        ("postgresql://u@/db?host=/run/postgresql", [("/run/postgresql", None)]),
        ("postgresql:///db", [(None, None)]),
    ],
)
def test_every_host_has_its_port(url: str, addresses: list[tuple[str, int]]) -> None:
    assert types.database_url(url) == url
    assert parse(url).addresses == tuple(Address(*address) for address in addresses)


def test_of_several_hosts_the_one_that_can_be_written_is_meant() -> None:
    assert parse("postgresql://a,b/db").attributes == "read-write"
    assert parse("postgresql://a,b/db?target_session_attrs=any").attributes == "any"
    assert parse("postgresql://a/db").attributes is None


def test_what_asyncpg_reads_itself_is_left_to_it() -> None:
    parsed = parse(
        "postgresql://u:p%40ss@a:1,b:2/db?sslmode=verify-full&pool_size=3&statement_cache_size=5"
    )
    assert parsed.dsn == "postgresql://u:p%40ss@/db?sslmode=verify-full"
    assert (parsed.pool_size, parsed.cache_size) == (3, 5)


@pytest.mark.parametrize(
    "url", ["postgresql://a:5432,b:none/db", "postgresql://a:99999,b:5432/db", "postgresql://a,b/"]
)
def test_a_port_that_is_none_and_a_database_without_a_name_are_faults(url: str) -> None:
    with pytest.raises(ValueError, match=r"give|name"):
        types.database_url(url)


def test_a_password_is_masked_before_several_hosts() -> None:
    assert types.masked_url("postgresql://u:secret@a:1,b:2/db") == "postgresql://u:***@a:1,b:2/db"
