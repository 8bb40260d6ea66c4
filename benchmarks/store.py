"""How fast the store alone is: durable inserts, then claiming and settling everything, with
nothing to send.

    python -m benchmarks.store --backend sqlite --messages 100000

Prints one JSON line a figure. 1 KB messages of 100 workspaces, commits on disk, claims of
2,000 at most, settling beside claiming.
"""

from __future__ import annotations

import argparse
import asyncio
import time

import uvloop

from benchmarks.stores import fresh_store, report
from queue_services.domain.claim_lane import ClaimRequest
from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import SECOND, Channel, Instant, Message, Priority, new_id
from queue_services.domain.outcome import Answer, Kind
from queue_services.domain.retry import RetryPolicy
from queue_services.queue import claims, intake, settling
from queue_services.queue.settling import FinishedBatch, Settlement, Terms
from queue_services.storage.port import Database

BATCH = 2_000
LANES = 100
PAYLOAD = '{"to":"+1 555 0100","text":"' + "x" * 980 + '"}'
IN_FLIGHT = 4_000
REQUEST = ClaimRequest(
    channel=Channel.SMS,
    dispatcher=1,
    writer="bench",
    rate=1_000_000,
    lead=1_000,
    lease=30 * SECOND,
    free_connections=1_000_000,
    held={},
    most=BATCH,
)
DELIVERED = Answer(Kind.DELIVERED, 200)
TERMS = Terms(
    dispatcher=1,
    writer="bench",
    policy=RetryPolicy(),
    rates={Channel.SMS: 1_000_000.0},
    random=lambda: 0.5,
)


def clock() -> Instant:
    return time.time_ns() // 1_000


def new_message(number: int, due_at: Instant, lanes: int = LANES) -> Message:
    created_at = clock()
    return Message(
        id=new_id(created_at),
        workspace=f"workspace-{number % lanes}",
        channel=Channel.SMS,
        contact=f"contact-{number}",
        campaign=None,
        recipient=f"1555{number:07d}",
        priority=Priority.NORMAL,
        created_at=created_at,
        due_at=due_at,
        expires_at=None,
        idempotency_key=None,
        fingerprint=None,
        payload=PAYLOAD,
    )


async def fill(database: Database, count: int, due_at: Instant, lanes: int = LANES) -> float:
    """Insert `count` messages, BATCH a transaction; how many a second."""
    seconds = 0.0
    for first in range(0, count, BATCH):
        messages = [
            new_message(number, due_at, lanes) for number in range(first, min(first + BATCH, count))
        ]
        began = time.perf_counter()
        await database.write(intake.insert, messages, clock(), "bench")
        seconds += time.perf_counter() - began
    return count / seconds


async def drain(database: Database, count: int) -> float:
    """Claim and settle `count` due messages, the two overlapping as far as the store lets
    them; how many a second.
    """
    flying: asyncio.Queue[list[ClaimedMessage]] = asyncio.Queue(IN_FLIGHT // BATCH)
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_claim_all(database, count, flying))
        tasks.create_task(_settle_all(database, count, flying))
    return count / (time.perf_counter() - began)


async def _claim_all(
    database: Database, count: int, flying: asyncio.Queue[list[ClaimedMessage]]
) -> None:
    while count:
        claim = await database.write(claims.claim, REQUEST, clock())
        count -= len(claim.messages)
        await flying.put(claim.messages)


async def _settle_all(
    database: Database, count: int, flying: asyncio.Queue[list[ClaimedMessage]]
) -> None:
    while count:
        messages = await flying.get()
        while not flying.empty():
            messages = messages + flying.get_nowait()
        now = clock()
        batches = [
            FinishedBatch(lane.workspace, lane.channel, 20_000)
            for lane in {message.lane: message for message in messages}.values()
        ]
        outcomes = [Settlement(message, DELIVERED, now, 20_000) for message in messages]
        settled = await database.write(settling.settle, outcomes, batches, TERMS, now)
        if settled.delivered != len(messages):
            raise RuntimeError(f"settled {settled} of {len(messages)}")
        count -= settled.delivered


async def main(backend: str, messages: int, url: str) -> None:
    async with fresh_store(backend, url) as database:
        per_second = await fill(database, messages, clock())
        report("store", backend, figure="inserted", per_second=round(per_second), messages=messages)
        per_second = await drain(database, messages)
        report(
            "store",
            backend,
            figure="claimed and settled",
            per_second=round(per_second),
            messages=messages,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument(
        "--url", default="", help="a PostgreSQL server to use; one is started otherwise"
    )
    arguments = parser.parse_args()
    uvloop.run(main(arguments.backend, arguments.messages, arguments.url))
