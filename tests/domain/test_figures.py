"""The formulas of figures, the buckets of histograms and the steps of a history."""

from __future__ import annotations

import pytest

from queue_services.domain import figures
from queue_services.domain.figures import BOUNDS, DAY, HOUR, Figures
from queue_services.domain.message import SECOND

NOW = 30_000_000
"""A minute since 1970."""


def test_rates_are_zero_before_anything_happened() -> None:
    nothing = Figures()
    assert (nothing.success_rate, nothing.processing_time, nothing.throughput) == (0, 0, 0)


def test_the_success_rate_is_the_share_of_the_delivered_in_percent() -> None:
    assert Figures(delivered=499, dead=1).success_rate == pytest.approx(99.8)


def test_the_processing_time_is_milliseconds_a_batch() -> None:
    assert Figures(batches=4, batch_time=SECOND).processing_time == 250


@pytest.mark.parametrize(
    ("span", "throughput"), [(0, 90), (SECOND // 2, 90), (SECOND, 90), (30 * SECOND, 3)]
)
def test_throughput_is_over_the_span_but_a_second_at_least(span: int, throughput: float) -> None:
    assert Figures(minute=1, ended=90, first_at=NOW, last_at=NOW + span).throughput == throughput


def test_adding_keeps_the_newest_minute_and_joins_parts_of_the_same() -> None:
    older = Figures(delivered=5, minute=1, ended=5, first_at=10, last_at=20)
    for order in ([1, 2, 2, 0], [0, 2, 1, 2], [2, 0, 2, 1]):
        parts = [
            Figures(exceeded=1),
            older,
            Figures(delivered=2, minute=2, ended=2, first_at=70, last_at=80),
        ]
        total = Figures()
        for index in order:
            total.add(parts[index])
        assert total == Figures(delivered=9, exceeded=1, minute=2, ended=4, first_at=70, last_at=80)


def test_a_bucket_has_what_is_at_most_its_bound_and_one_more_has_the_rest() -> None:
    assert [figures.bucket(bound) for bound in BOUNDS] == list(range(len(BOUNDS)))
    assert [figures.bucket(bound + 1) for bound in BOUNDS] == list(range(1, len(BOUNDS) + 1))
    assert figures.bucket(0) == 0


@pytest.mark.parametrize(
    ("begin", "end", "wanted", "step"),
    [
        (NOW - HOUR, NOW, None, 60),
        (NOW - DAY, NOW, None, 300),
        (NOW - DAY, NOW, 60, 60),
        (NOW - DAY, NOW, 90, 120),
        (NOW - 3 * DAY, NOW, 60, 3_600),
        (NOW - 3 * DAY, NOW, 7_000, 7_200),
        (NOW - 60 * DAY, NOW, None, 6 * 3_600),
        (NOW - 100 * DAY, NOW, 60, 86_400),
        (NOW - 5_000 * DAY, NOW, None, 10 * 86_400),
    ],
)
def test_a_step_is_what_is_asked_for_or_makes_few_points_but_never_less_than_what_is_kept(
    begin: int, end: int, wanted: int | None, step: int
) -> None:
    assert figures.step(begin, end, NOW, wanted) == step
