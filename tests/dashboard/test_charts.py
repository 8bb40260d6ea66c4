"""Charts: every step has its place, and the axes reach above what is shown."""

from __future__ import annotations

from queue_services.dashboard.charts import HEIGHT, SPANS, WIDTH, lateness, span_of, throughput
from queue_services.domain.message import SECOND
from queue_services.queue.history import History, Point

HOUR = SPANS[0]
NOW = 1_742_638_500 * SECOND
STEP = 60 * SECOND


def history(*newest: Point) -> History:
    """An hour by minutes, with these as the last."""
    return History(
        60, [*(Point(NOW - (59 - number) * STEP) for number in range(60 - len(newest))), *newest]
    )


def test_bars_lie_side_by_side_within_the_chart() -> None:
    chart = throughput(history(Point(NOW - STEP, 600), Point(NOW, 2_400, 60)), HOUR)
    before, newest = chart.bars[-2:]
    assert chart.top == 50  # messages a second, above the 41 that were
    assert (newest.sent, newest.failed) == (80.0, 2.0)
    assert before.sent == 20.0
    assert before.x + before.width < newest.x
    assert newest.x + newest.width <= WIDTH
    assert all(bar.sent + bar.failed <= HEIGHT for bar in chart.bars)
    assert newest.title == "10:15: 2,400 sent, 60 failed"
    assert chart.summary == "In the last hour: 3,000 sent, 60 failed, 41 a second at most"


def test_a_chart_with_a_limit_is_as_high_as_the_limit_or_what_was_sent() -> None:
    assert throughput(history(Point(NOW, 60)), HOUR, limit=50).top == 50
    assert throughput(history(Point(NOW, 6_000)), HOUR, limit=50).top == 100


def test_a_chart_of_nothing_has_an_axis_all_the_same() -> None:
    assert throughput(history(), HOUR).top > 0
    assert lateness(history(), HOUR).pieces == []
    assert lateness(history(), HOUR).summary == "Nothing has started"


def test_the_line_breaks_where_nothing_started() -> None:
    chart = lateness(
        history(
            Point(NOW - 2 * STEP, 1, lateness=2_000.0),
            Point(NOW - STEP),
            Point(NOW, 1, lateness=4_000.0),
        ),
        HOUR,
    )
    assert len(chart.pieces) == 2
    assert chart.pieces[1].endswith(f"{WIDTH}.00,{round(HEIGHT - HEIGHT / 1.1, 2)}")


def test_an_unknown_span_is_the_shortest() -> None:
    assert span_of("a year") is span_of(None) is HOUR
    assert span_of("7d").step == 7_200
