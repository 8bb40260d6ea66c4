"""Random worlds from seeds: whatever crashes, is lost, errs or changes its mind, every
promise holds in the end.

A seed that breaks one says how to see it again.
"""

from __future__ import annotations

import pytest

from tests.simulation.seeds import on_postgres, on_sqlite, replay
from tests.support.postgres import Postgres

SHORT = 10
"""Worlds of a default run; with `long` there are a thousand."""
ONCE_BROKEN = (105, 875)
"""A start whose slot was reserved before the clock was set back went out after the silence."""
ON_POSTGRES = 1
LONG_ON_POSTGRES = 50


def told(backend: str, seed: int, wrong: list[str]) -> str:
    return "\n".join([*wrong[:20], f"see it again: {replay(backend, seed)}"])


@pytest.mark.parametrize(
    "seed",
    [
        *range(SHORT),
        *ONCE_BROKEN,
        *(
            pytest.param(seed, marks=pytest.mark.long)
            for seed in range(SHORT, 1_000)
            if seed not in ONCE_BROKEN
        ),
    ],
)
def test_every_promise_holds_in_a_random_world(seed: int) -> None:
    _, wrong = on_sqlite(seed)
    assert not wrong, told("sqlite", seed, wrong)


@pytest.mark.parametrize(
    "seed",
    [
        *range(ON_POSTGRES),
        *(
            pytest.param(seed, marks=pytest.mark.long)
            for seed in range(ON_POSTGRES, LONG_ON_POSTGRES)
        ),
    ],
)
def test_every_promise_holds_in_a_random_world_on_postgres(seed: int, postgres: Postgres) -> None:
    with postgres.database() as url:
        _, wrong = on_postgres(seed, url)
    assert not wrong, told("postgres", seed, wrong)


def test_a_seed_is_the_same_world_again() -> None:
    first, second = on_sqlite(7)[0], on_sqlite(7)[0]
    assert [(arrival.at, arrival.delivery.id) for arrival in first.receivers.arrivals] == [
        (a.at, a.delivery.id) for a in second.receivers.arrivals
    ]
    assert (first.crashes, first.stops) == (second.crashes, second.stops)
