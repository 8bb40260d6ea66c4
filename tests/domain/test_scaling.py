"""Automatic scaling of a limit, and the warning that it is near."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.domain.scaling import (
    Adjustment,
    AdjustmentReason,
    Approach,
    Observation,
    Scaling,
    approach,
    observe,
    rate_in_force,
)
from queue_services.domain.tiers import Scale

START = 1_700_000_000 * SECOND
SCALE = Scale(max=200, step=1.25)


def second(number: float) -> Instant:
    return START + int(number * SECOND)


def busy(
    at: float, *, delivered: int = 50, ended: int = 50, throttled_start: float | None = None
) -> Observation:
    start = None if throttled_start is None else second(throttled_start)
    return Observation(
        second(at),
        saturated=True,
        utilization=1,
        delivered=delivered,
        ended=ended,
        throttled_start=start,
    )


def idle(at: float) -> Observation:
    return Observation(second(at), saturated=False, utilization=0.1)


def scaled(
    seen: Iterable[Observation],
    *,
    base: float = 50,
    scale: Scale = SCALE,
    state: Scaling | None = None,
) -> tuple[Scaling, list[Adjustment]]:
    adjustments = []
    for each in seen:
        state, adjustment = observe(state, scale, base, Channel.SMS, each)
        if adjustment:
            adjustments.append(adjustment)
    assert state is not None
    return state, adjustments


def changes(adjustments: list[Adjustment]) -> list[tuple[float, float, float, str]]:
    return [
        ((each.at - START) / SECOND, each.from_rate, each.to_rate, each.reason.value)
        for each in adjustments
    ]


def test_ten_saturated_seconds_raise_the_limit_by_its_step() -> None:
    state, adjustments = scaled(busy(at) for at in range(21))
    assert changes(adjustments) == [(10, 50, 62, "saturated"), (20, 62, 77, "saturated")]
    assert rate_in_force(state, SCALE, 50) == 77
    assert adjustments[0].channel is Channel.SMS


def test_it_stops_at_the_tiers_maximum() -> None:
    state, adjustments = scaled((busy(at) for at in range(200)), scale=Scale(max=100, step=1.5))
    assert changes(adjustments) == [(10, 50, 75, "saturated"), (20, 75, 100, "saturated")]
    assert state.rate == 100


@pytest.mark.parametrize(
    ("base", "rates"), [(1, [2, 3, 4, 5, 6]), (0.5, [0.625, 0.78125, 0.9765625, 1, 2])]
)
def test_a_small_limit_grows_too(base: float, rates: list[float]) -> None:
    _, adjustments = scaled((busy(at) for at in range(51)), base=base)
    assert [each.to_rate for each in adjustments] == rates


def test_one_unsaturated_second_begins_the_ten_anew() -> None:
    seen = [
        busy(at) if at != 9 else Observation(second(9), saturated=False, utilization=0.9)
        for at in range(19)
    ]
    assert scaled(seen)[1] == []
    assert changes(scaled([*seen, busy(19)])[1]) == [(19, 50, 62, "saturated")]


def test_seconds_that_nobody_watched_are_not_saturated() -> None:
    assert scaled([busy(0), busy(1), busy(30), busy(31)])[1] == []


def test_a_success_rate_under_98_percent_raises_nothing() -> None:
    assert scaled(busy(at, delivered=48) for at in range(60))[1] == []
    assert scaled(busy(at, delivered=49) for at in range(11))[1] != []


def test_failures_count_for_their_ten_seconds_only() -> None:
    seen = [busy(at, delivered=0 if at < 10 else 50) for at in range(40)]
    assert changes(scaled(seen)[1])[0] == (20, 50, 62, "saturated")


def test_without_any_outcome_nothing_is_raised() -> None:
    seen = [busy(at, delivered=0, ended=0) for at in range(30)]
    assert scaled(seen, base=0.2)[1] == []
    assert changes(scaled([*seen, busy(30, delivered=1, ended=1)], base=0.2)[1]) == [
        (30, 0.2, 0.25, "saturated")
    ]


def test_a_429_halves_the_limit_but_not_under_its_base() -> None:
    grown, _ = scaled(busy(at) for at in range(51))
    assert grown.rate == 150
    state, adjustments = scaled(
        [
            busy(51, throttled_start=50.5),
            busy(52, throttled_start=51.5),
            busy(53, throttled_start=52.5),
        ],
        state=grown,
    )
    assert changes(adjustments) == [(51, 150, 75, "throttled"), (52, 75, 50, "throttled")]
    assert state.rate == 50


def test_messages_in_flight_when_it_was_halved_do_not_halve_it_again() -> None:
    grown, _ = scaled(busy(at) for at in range(51))
    _, adjustments = scaled(
        [busy(51, throttled_start=50.5), busy(52, throttled_start=50.9)], state=grown
    )
    assert changes(adjustments) == [(51, 150, 75, "throttled")]


def test_a_429_at_the_base_begins_the_ten_seconds_anew() -> None:
    seen = [busy(at, throttled_start=8.5 if at == 9 else None) for at in range(30)]
    assert changes(scaled(seen)[1])[0] == (19, 50, 62, "saturated")


def test_an_idle_limit_decays_step_by_step_to_its_base() -> None:
    grown, _ = scaled(busy(at) for at in range(21))
    state, adjustments = scaled((idle(at) for at in range(21, 300)), state=grown)
    assert changes(adjustments) == [(80, 77, 61, "idle"), (140, 61, 50, "idle")]
    assert state.rate == 50


def test_a_wave_within_the_minute_keeps_the_limit() -> None:
    grown, _ = scaled(busy(at) for at in range(11))
    seen = [busy(at) if at % 30 == 0 else idle(at) for at in range(11, 300)]
    assert scaled(seen, state=grown)[1] == []


def test_a_changed_base_counts_at_once() -> None:
    grown, _ = scaled(busy(at) for at in range(11))
    assert rate_in_force(grown, SCALE, 50) == 62
    assert rate_in_force(grown, SCALE, 20) is None
    assert rate_in_force(grown, None, 50) is None
    assert rate_in_force(None, SCALE, 50) is None
    state, adjustment = observe(grown, SCALE, 20, Channel.SMS, busy(12))
    assert (state.rate, adjustment) == (20, None)


def test_a_lowered_maximum_lowers_the_limit() -> None:
    grown, _ = scaled(busy(at) for at in range(21))
    _, adjustments = scaled([busy(21)], scale=Scale(max=60, step=1.25), state=grown)
    assert changes(adjustments) == [(21, 77, 60, "bounds")]


observations = st.builds(
    Observation,
    at=st.integers(0, 3 * SECOND),  # the distance to the one before
    saturated=st.booleans(),
    utilization=st.floats(0, 1),
    delivered=st.integers(0, 50),
    ended=st.just(50),
    throttled_start=st.none() | st.integers(0, 400 * SECOND).map(lambda at: START + at),
)


@given(
    base=st.integers(1, 80) | st.floats(0.01, 0.99),
    scale=st.builds(Scale, max=st.integers(1, 300), step=st.floats(1.01, 10)),
    steps=st.lists(observations, max_size=120),
)
def test_whatever_it_sees_the_limit_stays_between_base_and_maximum(
    base: float, scale: Scale, steps: list[Observation]
) -> None:
    state, at, rate = None, START, base
    for step in steps:
        at += step.at
        state, adjustment = observe(
            state,
            scale,
            base,
            Channel.EMAIL,
            Observation(
                at,
                step.saturated,
                step.utilization,
                step.delivered,
                step.ended,
                step.throttled_start,
            ),
        )
        assert base <= state.rate <= max(base, scale.max)
        assert state.rate < 1 or state.rate == int(state.rate)
        assert (adjustment is None) == (state.rate == rate)
        if adjustment:
            assert (adjustment.from_rate, adjustment.to_rate) == (rate, state.rate)
            assert (adjustment.to_rate > adjustment.from_rate) == (
                adjustment.reason is AdjustmentReason.SATURATED
            )
        rate = state.rate


# --- approaching
# -----------------------------------------------------------------------------------------------------------------------------


def told_at(readings: Iterable[tuple[float, float]]) -> list[float]:
    state, told = Approach(), []
    for at, utilization in readings:
        state, tell = approach(state, second(at), utilization)
        if tell:
            told.append(at)
    return told


def test_ten_seconds_at_eighty_percent_are_told_once() -> None:
    assert told_at((at, 0.8) for at in range(100)) == [10]


def test_a_second_below_eighty_percent_begins_the_ten_anew() -> None:
    assert told_at((at, 0.79 if at == 9 else 0.9) for at in range(30)) == [19]


def test_it_is_told_again_only_after_it_fell_under_sixty_percent() -> None:
    dips_to = {20: 0.6, 40: 0.59}
    assert told_at((at, dips_to.get(at, 0.9)) for at in range(100)) == [10, 50]


def test_what_nobody_watched_does_not_count_as_near_the_limit() -> None:
    assert told_at([(0, 0.9), (1, 0.9), (20, 0.9), (21, 0.9)]) == []
