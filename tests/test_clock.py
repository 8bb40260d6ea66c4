"""The clock: how it takes in what the database says the time is."""

from __future__ import annotations

import pytest

from queue_services.clock import STEP, Clock


class Hands:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clock(hands: Hands) -> Clock:
    return Clock(monotonic=hands, wall=lambda: 1_700_000_000.0)


def test_it_starts_at_the_wall_clock_and_goes_on_with_the_monotonic_one(
    clock: Clock, hands: Hands
) -> None:
    before = clock.now()
    hands.seconds += 2.5
    assert (before, clock.now()) == (1_700_000_000_000_000, 1_700_000_002_500_000)


@pytest.mark.parametrize("error", [4_000, -4_000])
def test_a_small_error_is_made_up_slowly_and_time_never_goes_back(
    clock: Clock, hands: Hands, error: int
) -> None:
    assert not clock.correct(error)
    start, seen = clock.now(), []
    for _ in range(2_000):
        hands.seconds += 0.001
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert seen[-1] - start == 2_000_000 + error
    assert abs(seen[99] - start - 100_000) <= 500


def test_a_large_error_is_stepped_and_told(clock: Clock) -> None:
    before = clock.now()
    assert clock.correct(STEP + 1)
    assert clock.now() - before == STEP + 1


def test_the_first_measurement_is_taken_at_once(clock: Clock) -> None:
    before = clock.now()
    assert clock.correct(1_000, at_once=True)
    assert clock.now() - before == 1_000
