"""How fast the dashboard's pages are with 1,000,000 jobs stored: the median and the slowest
of five openings of each, in process.

    python -m benchmarks.dashboard --backend sqlite --jobs 1000000

Prints one JSON line a page. Six in ten jobs wait for later, three are delivered, one
failed; 100 workspaces, each with a campaign.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx2
import msgspec
import uvloop

from benchmarks.store import BATCH, REQUEST, TERMS, clock, new_message
from benchmarks.stores import fresh_store, report
from queue_services.api.app import create_app
from queue_services.clock import Clock
from queue_services.dashboard.app import open_dashboard
from queue_services.domain.message import SECOND, Channel, Message
from queue_services.domain.outcome import Answer, Kind
from queue_services.queue import claims, intake, settling
from queue_services.queue.settling import Settlement
from queue_services.settings.slices import ApiSettings, DashboardSettings
from queue_services.storage.port import Database

LIMITS = {Channel.SMS: 50.0, Channel.EMAIL: 100.0}
OPENINGS = 5


def message(number: int, due_at: int) -> Message:
    made = new_message(number, due_at)
    return msgspec.structs.replace(
        made,
        campaign=f"campaign-{number % 100}",
        channel=Channel.EMAIL if number % 5 == 0 else Channel.SMS,
    )


async def fill(database: Database, jobs: int) -> None:
    """Put the jobs there: those that end first, then those that wait."""
    ended = jobs * 4 // 10
    for first in range(0, jobs, BATCH):
        due_at = clock() if first < ended else clock() + 3600 * SECOND + first
        await database.write(
            intake.insert,
            [message(number, due_at) for number in range(first, min(first + BATCH, jobs))],
            clock(),
            "bench",
        )
        if first < ended:
            await end(database)


async def end(database: Database) -> None:
    """Claim and settle what is due: three of four delivered, one failed."""
    for channel in Channel:
        request = msgspec.structs.replace(REQUEST, channel=channel)
        while claimed := (await database.write(claims.claim, request, clock())).messages:
            now = clock()
            kinds = [
                (
                    Answer(Kind.REJECTED, 422, "HTTP 422: no")
                    if number % 4 == 0
                    else Answer(Kind.DELIVERED, 200)
                )
                for number in range(len(claimed))
            ]
            outcomes = [
                Settlement(one, answer, now, 5_000)
                for one, answer in zip(claimed, kinds, strict=True)
            ]
            await database.write(settling.settle, outcomes, [], TERMS, now)


@asynccontextmanager
async def browser(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """One that asks the application in process."""
    dashboard = await open_dashboard(database, Clock(), DashboardSettings())
    app = create_app(database, Clock(), ApiSettings(), more_routes=dashboard.routes)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(
        transport=transport,
        base_url="http://127.0.0.1:3000/admin/queues",
        timeout=60,
        follow_redirects=True,
    ) as client:
        yield client


async def paths(client: httpx2.AsyncClient) -> Sequence[str]:
    listed = (await client.get("/jobs?status=dead")).text
    job = listed.partition('class="job" href="/admin/queues/jobs/')[2].partition('"')[0]
    searches = [
        "",
        "status=scheduled",
        "status=claimed",
        "status=delivered",
        "status=dead",
        "status=cancelled",
        "workspace=workspace-7",
        "workspace=workspace-7&status=delivered",
        "workspace=workspace-7&status=dead",
        "campaign=campaign-7&status=dead",
        "channel=email&status=dead",
        "recipient=15550000012",
        "contact=contact-12",
        "contact=nobody",
        "from=2026-01-01T00:00",
        "from=2026-01-01T00:00&status=dead",
        "from=2026-01-01T00:00&status=cancelled",
        "from=2026-01-01T00:00&channel=email",
        "to=2020-01-01T00:00",
        "workspace=workspace-7&from=2026-01-01T00:00&status=dead",
    ]
    others = [
        "",
        f"/jobs/{job}",
        "/campaigns",
        "/campaign?workspace=workspace-7&campaign=campaign-7",
        "/workspaces",
        "/workspaces?sort=sent",
    ]
    return [
        *others,
        "/workspace?id=workspace-7",
        "/send",
        "/operations",
        *(f"/jobs?{query}" for query in searches),
    ]


async def main(backend: str, jobs: int) -> None:
    """Fill a store, then open every page."""
    async with fresh_store(backend) as database:
        began = time.perf_counter()
        await fill(database, jobs)
        report(
            "dashboard",
            backend,
            figure="filled",
            jobs=jobs,
            seconds=round(time.perf_counter() - began),
        )
        await open_all(database, backend)


async def open_all(database: Database, backend: str) -> None:
    """Open every page."""
    async with browser(database) as client:
        for path in await paths(client):
            took = []
            for _ in range(OPENINGS):
                began = time.perf_counter()
                answer = await client.get(path)
                took.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, path
            report(
                "dashboard",
                backend,
                figure=path or "/",
                milliseconds=round(statistics.median(took)),
                slowest=round(max(took)),
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(arguments.backend, arguments.jobs))
