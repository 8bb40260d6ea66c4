"""A span for each batch, linked to the traces of the requests that its messages came with."""

from __future__ import annotations

import json

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from queue_services.dispatcher import tracing
from queue_services.dispatcher.tracing import BatchSpans
from queue_services.domain.message import SECOND
from queue_services.domain.outcome import Answer, Kind
from queue_services.queue import intake
from tests.dispatcher.world import DELIVERED, world
from tests.support.builders import message
from tests.support.virtual import run_virtual

TRACES = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2)]


def test_a_batch_is_one_span_linked_to_each_trace_once() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def scenario() -> None:
        async with world(dispatchers=0) as w:
            w.spans = BatchSpans(provider)
            w.receiver.answer = lambda delivery: (
                DELIVERED if "fails" not in delivery.payload else Answer(Kind.REJECTED, 400, "no")
            )
            now = w.clock.now()
            payloads = [
                {"to": "1", "traceparent": TRACES[0]},
                {"to": "1", "traceparent": TRACES[1]},
                {"to": "1", "traceparent": TRACES[0]},
                {"to": "fails"},
            ]
            messages = [
                message(due_at=now, created_at=now, payload=json.dumps(payload))
                for payload in payloads
            ]
            await w.database.write(intake.insert, messages, now, "api")
            await w.start()
            await w.until(lambda: len(w.receiver.arrivals) == 4)
            await w.stop()

    run_virtual(scenario)
    [span] = exporter.get_finished_spans()
    assert span.name == "deliver sms"
    assert {
        f"00-{link.context.trace_id:032x}-{link.context.span_id:016x}-01" for link in span.links
    } == set(TRACES)
    assert dict(span.attributes or {}) == {
        "queue_services.workspace": "acme",
        "queue_services.channel": "sms",
        "messaging.batch.message_count": 4,
        "queue_services.delivered": 3,
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert 0 < span.end_time - span.start_time < SECOND * 1_000


def test_nothing_is_traced_where_nobody_has_configured_it() -> None:
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert tracing.configured() is None
