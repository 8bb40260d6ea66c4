"""What a receiver sees of simulated processes that stall, commit slowly, disagree about the
time and crash: never over the limit, and nearly all of it.
"""

import random

import pytest

from queue_services.domain.message import SECOND

from .limit_world import EPOCH, MILLISECOND, Stalls, World

ONE_STALL = Stalls(1, 60 * MILLISECOND)
MANY_STALLS = Stalls(3, 150 * MILLISECOND)
SLOW = (2 * MILLISECOND, 80 * MILLISECOND)


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("rate", [5, 50, 100, 200, 1000])
def test_a_backlog_gets_97_percent_and_no_second_more_than_the_limit_with_a_stall_a_second(
    rate: int, processes: int
) -> None:
    world = World(
        rate, processes=processes, seconds=25 if rate < 1000 else 12, stalls=ONE_STALL
    ).run()
    assert world.densest() == rate
    assert world.used() >= 0.97
    assert world.given_back > 0


@pytest.mark.parametrize("rate", [0.2, 1, 7, 50, 400])
def test_no_second_holds_more_than_the_limit_on_the_worst_of_days(rate: float) -> None:
    world = World(
        rate,
        seed=3,
        processes=3,
        seconds=25,
        commits=SLOW,
        stalls=MANY_STALLS,
        crashes_per_minute=20,
        clocks_apart=4 * MILLISECOND,
    ).run()
    assert world.densest() <= max(rate, 1)
    assert world.sent


def test_what_crashes_had_reserved_is_lost_but_the_limit_is_used_again_after() -> None:
    steady = World(50, processes=2, seconds=20).run()
    shaken = World(50, processes=2, seconds=20, crashes_per_minute=20).run()
    assert shaken.densest() <= 50
    assert 0.8 * len(steady.sent) < len(shaken.sent) < len(steady.sent)


def test_sparse_messages_start_when_they_are_due() -> None:
    rnd = random.Random(5)
    arrivals = [EPOCH + SECOND + rnd.randrange(18 * SECOND) for _ in range(200)]
    world = World(50, processes=2, seconds=20, arrivals=arrivals).run()
    assert len(world.sent) == 200
    assert min(world.lateness) >= 0
    assert sorted(world.lateness)[100] <= MILLISECOND
    assert world.densest() <= 50


def test_a_burst_of_24_after_idle_is_out_within_a_quarter_second() -> None:
    world = World(50, processes=3, seconds=6, arrivals=[EPOCH + 3 * SECOND] * 24).run()
    assert len(world.sent) == 24
    assert max(world.lateness) <= SECOND // 4


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "commits", [(1 * MILLISECOND, 2 * MILLISECOND), (10 * MILLISECOND, 20 * MILLISECOND), SLOW]
)
@pytest.mark.parametrize("processes", [1, 3, 5])
@pytest.mark.parametrize("rate", [0.2, 5, 50, 201, 1000, 2000])
def test_no_second_holds_more_than_the_limit_in_many_worlds(
    rate: float, processes: int, commits: tuple[int, int], seed: int
) -> None:
    for stalls in (Stalls(), ONE_STALL, MANY_STALLS):
        world = World(
            rate,
            seed,
            processes,
            20,
            commits,
            stalls,
            crashes_per_minute=5 * (seed % 2),
            clocks_apart=2 * MILLISECOND * seed,
        ).run()
        assert world.densest() <= max(rate, 1)
