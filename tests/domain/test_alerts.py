"""When alerts fire, clear and notify."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.alerts import (
    AlertState,
    Figure,
    Rule,
    Standing,
    Subject,
    Transition,
    evaluate,
)
from queue_services.domain.message import SECOND
from tests.support.builders import NOW

RULE = Rule(
    Subject(Figure.OLDEST_DUE_SECONDS), 10, over=True, hold_for=60 * SECOND, quiet=0, clear_at=10
)
FIRING, CLEARED = Transition.FIRING, Transition.CLEARED


def follow(
    rule: Rule, values: Sequence[float], step: int = 5 * SECOND
) -> list[tuple[str, str, bool]]:
    """The state, the transition and whether it was notified, of one evaluation after the other."""
    standing, seen = Standing(), []
    for number, value in enumerate(values):
        result = evaluate(rule, standing, value, NOW + number * step)
        standing = result.standing
        transition = "" if result.transition is None else result.transition.value
        seen.append((standing.state.value, transition, result.notify))
    return seen


def test_an_alert_fires_once_its_condition_has_held_for_its_time() -> None:
    seen = follow(RULE, [11] * 14)
    assert [state for state, _, _ in seen] == ["pending"] * 12 + ["firing"] * 2
    assert [transition for _, transition, _ in seen if transition] == ["alert.firing"]


def test_a_break_in_the_condition_starts_the_time_again() -> None:
    seen = follow(RULE, [11] * 11 + [10] + [11] * 12)
    assert "firing" not in {state for state, _, _ in seen}


def test_an_alert_without_a_time_fires_at_the_first_evaluation() -> None:
    rule = msgspec.structs.replace(RULE, hold_for=0)
    assert follow(rule, [11]) == [("firing", "alert.firing", True)]


def test_a_firing_alert_clears_at_its_own_value_and_not_before() -> None:
    rule = msgspec.structs.replace(RULE, hold_for=0, clear_at=5)
    seen = follow(rule, [11, 9, 6, 5, 9])
    assert [state for state, _, _ in seen] == ["firing", "firing", "firing", "ok", "ok"]
    assert [transition for _, transition, _ in seen if transition] == [FIRING, CLEARED]


def test_an_alert_under_a_value_clears_above_it() -> None:
    rule = msgspec.structs.replace(RULE, over=False, threshold=1, clear_at=2, hold_for=0)
    assert [state for state, _, _ in follow(rule, [1, 0, 1, 2])] == ["ok", "firing", "firing", "ok"]


def test_a_firing_within_the_quiet_period_is_not_notified_nor_is_its_clearing() -> None:
    rule = msgspec.structs.replace(RULE, hold_for=0, quiet=18 * SECOND)
    seen = follow(rule, [11, 0, 11, 0, 11, 0])
    notified = [(transition, notify) for _, transition, notify in seen]
    assert notified == [
        (FIRING, True),
        (CLEARED, True),
        (FIRING, False),
        (CLEARED, False),
        (FIRING, True),  # 20 s after the last one that was notified
        (CLEARED, True),
    ]


def test_a_quiet_firing_does_not_begin_another_quiet_period() -> None:
    rule = msgspec.structs.replace(RULE, hold_for=0, quiet=12 * SECOND)
    seen = follow(rule, [11, 0, 11, 11, 0, 11])
    assert [notify for _, transition, notify in seen if transition == FIRING] == [True, False, True]


def test_a_clock_that_was_set_back_prolongs_neither_the_time_nor_the_quiet_period() -> None:
    hour = 3600 * SECOND
    ahead = Standing(AlertState.PENDING, NOW + hour, 11, NOW + hour)
    first = evaluate(RULE, ahead, 11, NOW)
    assert (first.standing.state, first.standing.since) == (AlertState.PENDING, NOW)
    fired = evaluate(RULE, first.standing, 11, NOW + 60 * SECOND)
    assert (fired.standing.state, fired.notify) == (AlertState.FIRING, True)


@given(
    st.lists(st.floats(-20, 20) | st.just(float("inf")), max_size=60),
    st.integers(0, 30).map(lambda seconds: seconds * SECOND),
    st.integers(0, 60).map(lambda seconds: seconds * SECOND),
    st.floats(-20, 10),
)
def test_transitions_alternate_and_every_notified_clearing_follows_a_notified_firing(
    values: list[float], hold_for: int, quiet: int, clear_at: float
) -> None:
    rule = msgspec.structs.replace(RULE, hold_for=hold_for, quiet=quiet, clear_at=clear_at)
    seen = [(transition, notify) for _, transition, notify in follow(rule, values) if transition]
    assert [transition for transition, _ in seen] == [
        (FIRING, CLEARED)[number % 2] for number in range(len(seen))
    ]
    for (_, fired), (_, cleared) in zip(seen[::2], seen[1::2], strict=False):
        assert fired == cleared
