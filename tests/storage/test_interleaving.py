"""Nothing is stranded: whatever makes a message due during a claim, statement by statement,
the message is claimed, then or by the next claim.

A due message would wait for ever if its insert saw a lane that is due early enough, and the
claim that could not see the insert put the lane's next due time past it. SQLite has one
writer, so there is nothing to interleave there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from queue_services.domain.message import Priority
from queue_services.domain.outcome import Kind
from queue_services.errors import Conflict
from queue_services.queue import campaigns, claims, intake, jobs, retention, settling
from queue_services.storage.port import Tx
from tests.storage.interleaving import Work, run_within
from tests.storage.store import Store, later
from tests.support.builders import (
    DISPATCHER,
    LEASE,
    NOW,
    WRITER,
    message,
    request,
    settlement,
    terms,
)

POSTGRES = pytest.mark.parametrize(
    "shared_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
Preparation = Callable[[Store], Awaitable[Work]]
MOST_STATEMENTS = 40


async def inserting(store: Store) -> Work:
    new = message()

    async def work(tx: Tx) -> None:
        await intake.insert(tx, [new], NOW, WRITER)

    return work


async def inserting_high(store: Store) -> Work:
    new = message(priority=Priority.HIGH)

    async def work(tx: Tx) -> None:
        await intake.insert(tx, [new], NOW, WRITER)

    return work


async def rescheduling(store: Store) -> Work:
    job = message(due_at=later(600))
    await store.insert(job)

    async def work(tx: Tx) -> None:
        await jobs.promote(tx, job.id, NOW)

    return work


async def requeueing(store: Store) -> Work:
    job = message()
    await store.insert(job)
    await store.cancel(job)

    async def work(tx: Tx) -> None:
        await jobs.requeue(tx, job.id, NOW, WRITER)

    return work


async def releasing(store: Store) -> Work:
    await store.insert(message())
    claimed = await store.claim()

    async def work(tx: Tx) -> None:
        await settling.settle(tx, [], [], terms(), NOW, claimed)

    return work


async def trying_again(store: Store) -> Work:
    await store.insert(message())
    [claimed] = await store.claim()

    async def work(tx: Tx) -> None:
        await settling.settle(
            tx, [settlement(claimed, Kind.THROTTLED, wait_until=NOW)], [], terms(), NOW
        )

    return work


async def resuming(store: Store) -> Work:
    await store.insert(message(campaign="spring"))
    await store.pause_campaign()
    await store.claim()
    await store.resume_campaign()

    async def work(tx: Tx) -> None:
        await campaigns.advance(tx, 0, NOW, WRITER)

    return work


async def claiming(tx: Tx) -> None:
    await claims.claim(tx, request(dispatcher=2), NOW)


SOONER = [inserting, inserting_high, rescheduling, requeueing, releasing, trying_again, resuming]


@pytest_asyncio.fixture(loop_scope="session")
async def watch(shared_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(shared_url)
    yield connection
    await connection.close()


@POSTGRES
@pytest.mark.parametrize("claim_outside", [True, False], ids=["within a claim", "around a claim"])
@pytest.mark.parametrize("prepare", SOONER, ids=lambda prepare: prepare.__name__)
async def test_what_becomes_due_is_claimed_wherever_a_claim_comes_between(
    store: Store, watch: Any, prepare: Preparation, claim_outside: bool
) -> None:
    for stop in range(1, MOST_STATEMENTS):
        work = await prepare(store)
        await store.insert(message())  # so that the claim has a lane to lock and something to take
        outer, inner = (claiming, work) if claim_outside else (work, claiming)
        interleaved = await run_within(store, outer, stop, inner, watch)
        await store.claim(dispatcher=2)
        unclaimed = await store.select(
            "select id, visible_at from pending where claimed_by is null"
        )
        assert unclaimed == [], f"stranded when the other ran after statement {stop}"
        if not interleaved:
            return
    raise AssertionError(f"more than {MOST_STATEMENTS} statements")


@POSTGRES
async def test_a_cancel_between_the_statements_of_a_claim_ends_the_message_or_finds_it_claimed(
    store: Store, watch: Any
) -> None:
    for stop in range(1, MOST_STATEMENTS):
        job = message()
        await store.insert(job)
        refused: list[str] = []

        async def cancelling(tx: Tx, identity: str = job.id, refused: list[str] = refused) -> None:
            try:
                await jobs.cancel(tx, identity, NOW, WRITER)
            except Conflict as conflict:
                refused.append(conflict.fields["status"])

        interleaved = await run_within(store, claiming, stop, cancelling, watch)
        [status] = await store.statuses([job])
        assert (status, refused) in [("cancelled", []), ("claimed", ["claimed"])]
        if not interleaved:
            return


@POSTGRES
async def test_a_campaign_cancelled_between_the_statements_of_an_insert_ends_what_was_inserted_or_lets_all_of_it_run(
    store: Store, watch: Any
) -> None:
    for stop in range(1, MOST_STATEMENTS):
        name = f"campaign-{stop}"
        await store.insert(message(campaign=name, due_at=later(600)))
        new = [message(campaign=name) for _ in range(3)]
        counted: list[int] = []

        async def inserting_three(tx: Tx, new: list[Any] = new) -> None:
            await intake.insert(tx, new, NOW, WRITER)

        async def cancelling(tx: Tx, name: str = name, counted: list[int] = counted) -> None:
            counted.append(await campaigns.cancel(tx, "acme", name, NOW))

        interleaved = await run_within(store, inserting_three, stop, cancelling, watch)
        statuses = set(await store.statuses(new))
        assert (statuses, counted) in [({"scheduled"}, [1]), ({"cancelled"}, [4])]
        if not interleaved:
            return


@POSTGRES
async def test_an_expiry_between_the_statements_of_a_claim_ends_the_message_or_finds_it_claimed(
    store: Store, watch: Any
) -> None:
    async def expiring(tx: Tx) -> None:
        await retention.expire(tx, NOW, WRITER)

    for stop in range(1, MOST_STATEMENTS):
        good, expired = message(), message(expires_at=NOW)
        await store.insert(good, expired)
        interleaved = await run_within(store, claiming, stop, expiring, watch)
        assert await store.statuses([good, expired]) == ["claimed", "cancelled"]
        if not interleaved:
            return


@POSTGRES
async def test_a_lease_that_is_renewed_between_the_statements_of_a_claim_keeps_its_message_or_is_lost(
    store: Store, watch: Any
) -> None:
    ends = NOW + LEASE
    for stop in range(1, MOST_STATEMENTS):
        await store.insert(message())
        [held] = await store.claim()
        kept, taken = set[str](), set[str]()

        async def renewing(
            tx: Tx, job: str = held.id, claim: int = held.claim, kept: set[str] = kept
        ) -> None:
            renewed = await claims.renew(tx, [(job, claim)], DISPATCHER, ends + LEASE)
            kept.update(message for message, _ in renewed)

        async def claiming_anew(tx: Tx, taken: set[str] = taken) -> None:
            taken.update(
                claimed.id
                for claimed in (await claims.claim(tx, request(dispatcher=2), ends)).messages
            )

        interleaved = await run_within(store, claiming_anew, stop, renewing, watch)
        assert [kept, taken].count({held.id}) == 1, (
            f"two live claims, or none, when it was renewed after statement {stop}"
        )
        if not interleaved:
            return
    raise AssertionError(f"more than {MOST_STATEMENTS} statements")
