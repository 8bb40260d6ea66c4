"""Real processes are killed, stopped, starved and cut off under load: nothing accepted is
lost, and nothing comes twice but what was in flight.
"""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path

import pytest

from tests.crashes import harms, standstills
from tests.crashes.ordeal import Figures
from tests.support.postgres import Postgres

long = pytest.mark.long

KILLS = 10
RESTARTS = 3
STANDSTILLS = 30


async def survived(ordeal: Awaitable[Figures]) -> None:
    try:
        figures = await ordeal
    except PermissionError as error:
        pytest.skip(str(error))
    print(figures)
    assert figures.broken == []
    assert figures.accepted > 0


@long
async def test_dispatchers_and_apis_are_killed_again_and_again_on_sqlite(tmp_path: Path) -> None:
    await survived(harms.kills(f"sqlite:///{tmp_path}/queue.db", KILLS))


@long
async def test_dispatchers_and_apis_are_killed_again_and_again_on_postgres(
    postgres_url: str,
) -> None:
    await survived(harms.kills(postgres_url, KILLS))


@long
async def test_postgres_crashes_and_recovers_again_and_again(durable_postgres: Postgres) -> None:
    await survived(harms.restarts(durable_postgres, RESTARTS))


@long
async def test_a_dispatcher_stands_still_for_longer_than_its_lease(postgres: Postgres) -> None:
    await survived(standstills.past_the_lease(postgres, 2))


@long
async def test_the_disk_is_full_and_then_is_not() -> None:
    await survived(harms.full_disk())


@long
async def test_the_network_to_the_receiver_swallows_everything(tmp_path: Path) -> None:
    await survived(harms.receiver_cut_off(f"sqlite:///{tmp_path}/queue.db", 2))


@long
async def test_a_dispatcher_that_is_stopped_at_any_moment_is_late_with_one_request_at_most(
    postgres: Postgres,
) -> None:
    await survived(standstills.at_any_moment(postgres, STANDSTILLS))


@pytest.mark.parametrize(
    "times",
    [pytest.param(4, marks=pytest.mark.long(bounded=True)), pytest.param(STANDSTILLS, marks=long)],
)
async def test_a_dispatcher_that_stands_still_between_its_gate_and_the_socket_is_late_with_that_request_alone(
    postgres: Postgres, times: int
) -> None:
    await survived(standstills.at_the_worst_moment(postgres, times))
