"""The text that a Prometheus server reads at /metrics, from the figures of the store: any
process tells the whole service's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from queue_services.domain.figures import BOUNDS
from queue_services.domain.message import SECOND
from queue_services.queue.exposition import Exposition, Totals
from queue_services.queue.tallies import HistogramKind

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_COUNTERS: tuple[tuple[str, str, Callable[[Totals], int]], ...] = (
    ("messages_sent", "Messages that ended COMPLETED.", lambda totals: totals.sent),
    ("messages_failed", "Messages that ended FAILED.", lambda totals: totals.failed),
    (
        "messages_retried",
        "Failed tries after which a message was scheduled again.",
        lambda totals: totals.retried,
    ),
    (
        "rate_limit_exceeded",
        "Times that a workspace was over a limit, one a second at most.",
        lambda totals: totals.exceeded,
    ),
)
_HISTOGRAMS = {
    HistogramKind.LATENESS: (
        "lateness_seconds",
        "Time from when a message was due until it first started.",
    ),
    HistogramKind.DELIVERY: (
        "delivery_seconds",
        "Time from the start of a delivery until its outcome.",
    ),
}
_BACKLOG = "Messages that wait or are in flight."
_BOUNDS = [*(f"{bound / SECOND:g}" for bound in BOUNDS), "+Inf"]


def text(exposition: Exposition) -> str:
    """The exposition format, version 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_Collector(exposition))
    return generate_latest(registry).decode()


class _Collector:
    """What the library asks for metrics."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    def collect(self) -> Iterator[Metric]:
        """Every family: the channels', then those of the busiest workspaces."""
        told = self._exposition
        for name, about, count in _COUNTERS:
            counter = CounterMetricFamily(f"queue_services_{name}", about, labels=["channel"])
            for channel, totals in told.totals.items():
                counter.add_metric([channel.value], count(totals))
            yield counter
        backlog = GaugeMetricFamily("queue_services_backlog", _BACKLOG, labels=["channel"])
        oldest = GaugeMetricFamily(
            "queue_services_oldest_due_seconds",
            "How long the oldest message that is due has waited.",
            labels=["channel"],
        )
        for channel, totals in told.totals.items():
            backlog.add_metric([channel.value], totals.backlog)
            oldest.add_metric([channel.value], told.oldest_due[channel] / SECOND)
        yield from (backlog, oldest, *self._histograms(), *self._workspaces())

    def _histograms(self) -> Iterator[Metric]:
        for kind, (name, about) in _HISTOGRAMS.items():
            histogram = HistogramMetricFamily(f"queue_services_{name}", about, labels=["channel"])
            for channel, (total, *counts) in self._exposition.histograms[kind].items():
                histogram.add_metric(
                    [channel.value],
                    list(zip(_BOUNDS, map(float, accumulate(counts)), strict=True)),
                    total / SECOND,
                )
            yield histogram

    def _workspaces(self) -> Iterator[Metric]:
        labels, busiest = ["workspace", "channel"], self._exposition.busiest
        for name, about, count in _COUNTERS:
            counter = CounterMetricFamily(
                f"queue_services_workspace_{name}",
                f"{about} Of the workspaces that sent most.",
                labels=labels,
            )
            for (workspace, channel), totals in busiest.items():
                counter.add_metric([workspace, channel.value], count(totals))
            yield counter
        backlog = GaugeMetricFamily(
            "queue_services_workspace_backlog",
            f"{_BACKLOG} Of the workspaces that sent most.",
            labels=labels,
        )
        for (workspace, channel), totals in busiest.items():
            backlog.add_metric([workspace, channel.value], totals.backlog)
        yield backlog
