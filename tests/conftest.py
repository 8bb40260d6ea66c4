"""Fixtures that tests of every layer share."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.postgres import Postgres

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of an unguessable name is made in it
ROOM = 2 * 2**30

settings.register_profile(
    "quick", max_examples=30, deadline=None
)  # a deadline would measure the machine
settings.register_profile("thorough", max_examples=150, deadline=None)
settings.load_profile(
    "quick"
)  # unless `--hypothesis-profile` names another, as `make test-long` does


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--alone` is for the second half of `make test`, `--bounded` for a `make test-long`
    of a few minutes.
    """
    parser.addoption(
        "--alone",
        action="store_true",
        help="only the tests that measure real time; with `-n` they are left out",
    )
    parser.addoption(
        "--bounded",
        action="store_true",
        help="of the long tests, only those marked `long(bounded=True)`",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory where there is room: thousands of small commits would
    each wait for the disk.
    """
    if config.option.basetemp is None and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        config.option.basetemp = tempfile.mkdtemp(prefix="queue-services-tests-", dir=MEMORY)
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))


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
    """Like `postgres`, but with every commit on disk: for tests that crash it, and for
    measuring.
    """
    with Postgres(durable=True) as server:
        yield server


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of `--alone` spare the files that hold none of it: collecting all of them takes
    longer than some of the tests.
    """
    spared = (
        config.option.alone
        and collection_path.name.startswith("test_")
        and "mark.alone" not in collection_path.read_text(encoding="utf-8")
    )
    return True if spared else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses PostgreSQL, so that `-m "not postgres"` leaves it out, and what
    hypothesis makes up, so that `-m random` finds it.

    Nothing that measures real time runs beside other tests.
    """
    for test in items:
        if {"postgres", "durable_postgres"} & set(getattr(test, "fixturenames", ())):
            test.add_marker("postgres")
        if getattr(getattr(test, "obj", None), "is_hypothesis_test", False):
            test.add_marker("random")
    if config.option.bounded:
        _keep(
            config,
            items,
            lambda test: all(mark.kwargs.get("bounded") for mark in test.iter_markers("long")),
        )
    beside_others = hasattr(config, "workerinput")
    if beside_others or config.option.alone:
        _keep(
            config, items, lambda test: bool(test.get_closest_marker("alone")) is not beside_others
        )


def _keep(
    config: pytest.Config, items: list[pytest.Item], wanted: Callable[[pytest.Item], bool]
) -> None:
    """Leave out what is not wanted, and say how many that are."""
    config.hook.pytest_deselected(items=[test for test in items if not wanted(test)])
    items[:] = [test for test in items if wanted(test)]


def pytest_collection_finish() -> None:
    """Take what was collected out of the garbage collector's sight. To look through thousands
    of tests stops a test's receiver for 70 ms: what arrived on time would be read too late, and
    be counted in the next second.
    """
    gc.collect()
    gc.freeze()
