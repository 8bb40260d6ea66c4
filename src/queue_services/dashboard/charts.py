"""Charts as shapes: history into the bars and lines of an SVG that the templates draw.
Called by `queues` and `workspaces`.

A chart is WIDTH by HEIGHT units, stretched to its place by the browser; what is read stands
beside it as text, and again in a table.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from queue_services.dashboard import words
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.queue import history
from queue_services.queue.history import History, Point
from queue_services.storage.port import Database

WIDTH, HEIGHT = 600, 100
GAP = 0.25
"""The share of a bar's place that is left free."""


class Span(msgspec.Struct, frozen=True):
    """How far back a chart reaches, and how much time one bar stands for, in seconds."""

    name: str
    words: str
    seconds: int
    step: int


SPANS = (
    Span("1h", "hour", 3_600, 60),
    Span("24h", "24 hours", 86_400, 900),
    Span("7d", "7 days", 604_800, 7_200),
)


class Bar(msgspec.Struct, frozen=True):
    """One step: sent above failed, in the chart's units; `title` is what it says when
    pointed at.
    """

    x: float
    width: float
    sent: float
    failed: float
    title: str


class Throughput(msgspec.Struct, frozen=True):
    """Bars of what was sent and failed, each in a `place` as wide; `top` is what the height
    stands for, messages a second; `summary` says it in words.
    """

    bars: list[Bar]
    place: float
    top: float
    summary: str


class Lateness(msgspec.Struct, frozen=True):
    """A line of how late messages started, in pieces where nothing started between; `top`
    in microseconds.
    """

    pieces: list[str]
    top: float
    summary: str


class Charts(msgspec.Struct, frozen=True):
    """What is drawn of a channel: its history, as bars and as a line."""

    points: list[Point]
    throughput: Throughput
    lateness: Lateness


def span_of(name: str | None) -> Span:
    """The span of a name; the shortest for any other."""
    return next((span for span in SPANS if span.name == name), SPANS[0])


def throughput(history: History, span: Span, limit: float | None = None) -> Throughput:
    """The bars of a history; with a limit (messages a second) the chart's height is no
    less, so that the bars show how much of it was used.
    """
    points, step = history.points, history.step
    most = max((point.sent + point.failed for point in points), default=0) / step
    top = _round_up(most) if limit is None else max(limit, most)
    place = WIDTH / max(1, len(points))

    def height(count: int) -> float:
        return round(HEIGHT * count / step / top, 2)

    bars = [
        Bar(
            round(number * place, 2),
            round(place * (1 - GAP), 2),
            height(point.sent),
            height(point.failed),
            f"{_time(point.at, span)}: {_said(point)}",
        )
        for number, point in enumerate(points)
    ]
    sent, failed = sum(point.sent for point in points), sum(point.failed for point in points)
    return Throughput(
        bars,
        round(place, 2),
        top,
        f"In the last {span.words}: {sent:,} sent, {failed:,} failed, {words.rate(most)} a second"
        " at most",
    )


def lateness(history: History, span: Span) -> Lateness:
    """The line of a history."""
    points = history.points
    known = [point.lateness for point in points if point.lateness is not None]
    most = max(known, default=0.0)
    top = max(1_000.0, most * 1.1)
    place = WIDTH / max(1, len(points))
    pieces: list[list[str]] = [[]]
    for number, point in enumerate(points):
        if point.lateness is None:
            pieces.append([])
        else:
            y = round(HEIGHT - HEIGHT * point.lateness / top, 2)
            pieces[-1] += [f"{number * place:.2f},{y}", f"{(number + 1) * place:.2f},{y}"]
    summary = (
        f"In the last {span.words} messages started {words.duration(most)} late on average in the"
        " worst step"
        if known
        else "Nothing has started"
    )
    return Lateness([" ".join(piece) for piece in pieces if piece], top, summary)


def _said(point: Point) -> str:
    late = "" if point.lateness is None else f", {words.duration(point.lateness)} late"
    return f"{point.sent:,} sent, {point.failed:,} failed{late}"


def _time(at: Instant, span: Span) -> str:
    text = words.moment(at)
    return text[:-3] if span.seconds > 86_400 else text[-8:-3]


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten, so that the axis has a number that
    is read at once.
    """
    power = 0.01
    while True:
        for factor in (1, 2, 2.5, 5):
            if value <= factor * power:
                return factor * power
        power *= 10


async def drawn(
    database: Database,
    span: Span,
    now: Instant,
    workspace: str | None,
    limits: Mapping[Channel, float] | None = None,
) -> dict[Channel, Charts]:
    """The charts of both channels, of a workspace or of all; `limits` as in `throughput`."""
    found = {}
    for channel in Channel:
        past = await history.between.run(
            database,
            workspace,
            [channel],
            now,
            begin=now - span.seconds * SECOND,
            end=now,
            seconds=span.step,
        )
        limit = None if limits is None else limits[channel]
        found[channel] = Charts(past.points, throughput(past, span, limit), lateness(past, span))
    return found
