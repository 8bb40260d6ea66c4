"""The measure itself, against counting every window that could be the densest."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.densest import densest


@given(st.lists(st.integers(0, 5_000), max_size=60), st.integers(1, 2_000))
def test_densest_is_the_largest_count_of_any_window(times: list[int], window: int) -> None:
    assert densest(times, window) == max(
        (sum(start <= time < start + window for time in times) for start in times), default=0
    )


def test_a_time_one_whole_window_later_is_in_the_next_window() -> None:
    assert densest([0.0, 0.5, 1.0]) == 2
    assert densest([0.0, 0.5, 0.999]) == 3
