"""Fixtures that tests of every layer share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the whole run, started by the first test that asks."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def durable_postgres() -> Iterator[Postgres]:
    """Like `postgres`, but with every commit on disk: for tests that crash it, and for measuring."""
    with Postgres(durable=True) as server:
        yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses PostgreSQL, so that `-m "not postgres"` leaves it out."""
    for test in items:
        if {"postgres", "durable_postgres"} & set(getattr(test, "fixturenames", ())):
            test.add_marker("postgres")
