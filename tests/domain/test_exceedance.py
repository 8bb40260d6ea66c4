"""When a claim is an exceedance, and how it is worded."""

from __future__ import annotations

import pytest

from queue_services.domain.exceedance import exceeded, message, recordable
from queue_services.domain.message import SECOND

NOW = 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("due", "left_for_want_of_own_slots", "rate", "expected"),
    [
        (51, True, 50, True),
        (50, True, 50, False),  # all of it goes within the second
        (10_000, False, 50, False),  # it waits for something else
        (1, True, 0.2, True),
        (1, True, 1, False),
    ],
)
def test_a_workspace_is_over_its_limit_when_more_is_due_than_a_second_sends(
    due: int, left_for_want_of_own_slots: bool, rate: float, expected: bool
) -> None:
    assert exceeded(due, left_for_want_of_own_slots, rate) is expected


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (50, "50 per second"),
        (50.0, "50 per second"),
        (1, "1 per second"),
        (1_000_000, "1000000 per second"),
        (0.2, "1 per 5 seconds"),
        (0.5, "1 per 2 seconds"),
        (0.3, "1 per 3.33 seconds"),
        (0.4, "1 per 2.5 seconds"),
        (0.00001, "1 per 100000 seconds"),
    ],
)
def test_an_exceedance_names_the_limit(rate: float, text: str) -> None:
    assert message(rate) == f"Rate limit exceeded: {text}"


def test_a_lane_gets_one_exceedance_a_second() -> None:
    assert recordable(None, NOW)
    assert not recordable(NOW, NOW)
    assert not recordable(NOW, NOW + SECOND - 1)
    assert recordable(NOW, NOW + SECOND)


def test_a_clock_that_stepped_back_silences_no_exceedance() -> None:
    assert recordable(NOW + 3600 * SECOND, NOW)
