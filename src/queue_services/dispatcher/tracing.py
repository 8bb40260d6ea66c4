"""A span for each batch, linked to the traces of the requests that scheduled its messages:
OpenTelemetry, where it is installed and configured.

Told of every outcome by the settler; where there is no tracing nothing here runs. What is
exported, and where to, is OpenTelemetry's own configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from queue_services import __version__
from queue_services.dispatcher.flights import Flight
from queue_services.domain.message import Instant
from queue_services.domain.outcome import Answer, Kind

if TYPE_CHECKING:
    from opentelemetry.trace import Link, TracerProvider

MOST_LINKS = 128
"""As many as the SDK keeps of a span by default."""


class _Traced(msgspec.Struct):
    """What is read of a message's content."""

    traceparent: str | None = None


class _Open(msgspec.Struct):
    """A batch that has outcomes, but not all: the traces of its messages, and how many came
    to what.
    """

    traces: dict[str, None] = {}
    sent: int = 0
    delivered: int = 0


_read = msgspec.json.Decoder(_Traced).decode


class BatchSpans:
    """Makes the spans of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("queue_services", __version__)
        self._open: dict[int, _Open] = {}

    def outcome(self, flight: Flight, answer: Answer | None, at: Instant) -> None:
        """Note an outcome (None: given back unsent); the last of a batch ends its span, if any
        of it was started.
        """
        batch = flight.batch
        known = self._open.setdefault(
            id(batch), _Open()
        )  # by identity: a batch lives until its last outcome
        if answer is not None:
            known.sent += 1
            known.delivered += answer.kind is Kind.DELIVERED
            if len(known.traces) < MOST_LINKS and (
                trace := _read(flight.message.payload).traceparent
            ):
                known.traces[trace] = None
        if batch.left:
            return
        del self._open[id(batch)]
        if batch.first_start is not None:
            attributes = {
                "queue_services.workspace": batch.workspace,
                "queue_services.channel": batch.channel.value,
                "messaging.batch.message_count": known.sent,
                "queue_services.delivered": known.delivered,
            }
            links = [_link(trace) for trace in known.traces]
            span = self._tracer.start_span(
                f"deliver {batch.channel.value}",
                links=links,
                attributes=attributes,
                start_time=batch.first_start * 1_000,
            )
            span.end(at * 1_000)


def configured() -> BatchSpans | None:
    """The spans of this process; None where OpenTelemetry is not installed, or nobody has
    configured it.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra, that few install
    except ImportError:
        return None
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, trace.ProxyTracerProvider) else BatchSpans(provider)


def _link(traceparent: str) -> Link:
    from opentelemetry.trace import Link, SpanContext, TraceFlags  # noqa: PLC0415 - only where it is installed

    _, trace, span, flags = traceparent.split("-")
    return Link(
        SpanContext(
            int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
        )
    )
