"""How fast the service is from outside: durable single POSTs, batches over HTTP, and how
late an idle service starts what falls due.

    python -m benchmarks.service

One `serve` process on a fresh SQLite file, this process as its client and receiver, both on
the same machine. Prints one JSON line a figure.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import uvloop
from tests.acceptance.processes import Arrivals, Service, receiving, running

from benchmarks.stores import report
from queue_services.delivery.http1.answer import Response
from queue_services.delivery.http1.client import Client
from queue_services.delivery.http1.target import post, read_target

CONNECTIONS = 64
HOUR_MS = 3_600_000
SOON_MS = 150
POST = (
    b"POST /api/schedule-email HTTP/1.1\r\nhost: %b\r\ncontent-type:"
    b" application/json\r\ncontent-length: %d\r\n\r\n"
)


def message(number: int, delay_ms: int) -> dict[str, Any]:
    """An email of about 1 KB."""
    address, html = f"contact{number}@example.com", "<p>" + "x" * 800 + "</p>"
    recipient = {
        "to": address,
        "contactId": f"c{number}",
        "workspaceId": f"workspace-{number % 100}",
    }
    return {
        **recipient,
        "subject": "News",
        "html": html,
        "delay": delay_ms,
        "metadata": {"campaignId": "bench"},
    }


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Service, Arrivals, Client]]:
    """A fresh service, its receiver and a client of it."""
    arrivals = Arrivals()
    with TemporaryDirectory(prefix="queue-services-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        async with (
            receiving(arrivals) as receiver,
            running("serve", database_url=url, receiver_url=receiver.url) as [service],
            Client(60, CONNECTIONS, body_bytes=32 * 1024 * 1024) as client,
        ):
            yield service, arrivals, client


async def singles(url: str, seconds: float, numbers: Iterator[int]) -> float:
    """POST one message a request on 64 connections for so long; answers a second. By bare
    sockets: a client library would be measured, too.
    """
    host, port = url.removeprefix("http://").split(":")
    ends_at, answered = time.perf_counter() + seconds, 0

    async def one_connection() -> None:
        nonlocal answered
        reader, writer = await asyncio.open_connection(host, int(port))
        while time.perf_counter() < ends_at:
            body = msgspec.json.encode(message(next(numbers), HOUR_MS))
            writer.write(POST % (host.encode(), len(body)) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            answer = await reader.readexactly(
                int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            )
            assert b'"jobId"' in answer, answer
            answered += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one_connection() for _ in range(CONNECTIONS)))
    return answered / (time.perf_counter() - began)


async def ask(client: Client, url: str, body: bytes, content_type: str) -> Any:
    """POST to the service; its answer, decoded."""
    outcome = await client.fetch(post(read_target(url), {}, body, content_type))
    assert isinstance(outcome, Response), outcome
    return msgspec.json.decode(outcome.body)


async def batches(
    client: Client, url: str, requests: int, size: int, numbers: Iterator[int]
) -> float:
    """POST batches of NDJSON, two at a time; messages a second."""
    bodies = [
        b"\n".join(
            msgspec.json.encode({"channel": "email", **message(next(numbers), HOUR_MS)})
            for _ in range(size)
        )
        for _ in range(requests)
    ]

    async def send(body: bytes) -> None:
        answer = await ask(client, f"{url}/api/schedule-batch", body, "application/x-ndjson")
        assert answer["accepted"] == size

    began = time.perf_counter()
    for first in range(0, requests, 2):
        await asyncio.gather(*(send(body) for body in bodies[first : first + 2]))
    return requests * size / (time.perf_counter() - began)


async def idle(
    client: Client, url: str, arrivals: Arrivals, messages: int, numbers: Iterator[int]
) -> list[float]:
    """Schedule messages one after the other a little ahead; how many milliseconds after its
    due time each arrived, in order.
    """
    offset = time.time() - time.monotonic()
    lateness = []
    for _ in range(messages):
        seen = len(arrivals.seen)
        body = msgspec.json.encode(message(next(numbers), SOON_MS))
        answer = await ask(client, f"{url}/api/schedule-email", body, "application/json")
        due = datetime.fromisoformat(answer["scheduledFor"]).timestamp()
        while len(arrivals.seen) == seen:
            await asyncio.sleep(0.01)
        lateness.append((arrivals.seen[-1][0] + offset - due) * 1000)
    return sorted(lateness)


def resident_mb(service: Service) -> float:
    """The resident memory of a process, in MB."""
    lines = Path(f"/proc/{service.process.pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


async def main() -> None:
    """Run all three, three times each but the last; medians."""
    numbers = count()
    async with serving() as (service, arrivals, client):
        late = await idle(client, service.url, arrivals, 100, numbers)
        report(
            "idle",
            "sqlite",
            figure="lateness ms",
            p50=round(late[50], 2),
            p99=round(late[98], 2),
            messages=len(late),
        )
        rates = sorted([await singles(service.url, 3, numbers) for _ in range(3)])
        report(
            "intake",
            "sqlite",
            figure="single POSTs",
            per_second=round(rates[1]),
            connections=CONNECTIONS,
        )
        rates = sorted([await batches(client, service.url, 4, 5_000, numbers) for _ in range(3)])
        report(
            "intake",
            "sqlite",
            figure="batch messages",
            per_second=round(rates[1]),
            resident_mb=round(resident_mb(service)),
        )


if __name__ == "__main__":
    uvloop.run(main())
