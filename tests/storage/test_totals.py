"""Counts that never need a scan: tallies while a minute runs, totals when it is folded, and
what pruning takes from which.
"""

from __future__ import annotations

import asyncio

import pytest

from queue_services.domain.message import SECOND, Channel, Message, Status
from queue_services.domain.outcome import Kind
from queue_services.queue import folding, retention
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

COLUMNS = "sum(accepted), sum(delivered), sum(dead), sum(cancelled), sum(retried), sum(starts)"


async def figures(store: Store, workspace: str = "", channel: str = "sms") -> tuple[int, ...]:
    """A workspace's folded totals ("": the service's): accepted, delivered, dead,
    cancelled, retried, first starts.
    """
    [row] = await store.select(
        f"select {COLUMNS} from total where workspace = '{workspace}' and channel = '{channel}' and"
        " campaign = 0"
    )
    return tuple(int(value or 0) for value in row)


async def not_folded(store: Store) -> int:
    [[rows]] = await store.select("select count(*) from tally")
    return int(rows)


async def a_day_of_everything(store: Store) -> dict[str, Message]:
    """Messages of two workspaces that ended in every way, by how."""
    jobs = {
        "delivered": message(campaign="spring", key="k"),
        "rejected": message(campaign="spring"),
        "cancelled": message(campaign="spring", due_at=later(9)),
        "retried": message(),
        "waiting": message(campaign="spring", due_at=later(86_400)),
        "globex": message("globex", campaign="spring"),
        "email": message(channel=Channel.EMAIL),
    }
    await store.insert(*jobs.values())
    claimed = {c.id: c for c in await store.claim()} | {
        c.id: c for c in await store.claim(channel=Channel.EMAIL)
    }
    for name, kind in {
        "delivered": Kind.DELIVERED,
        "rejected": Kind.REJECTED,
        "retried": Kind.FAILED,
        "globex": Kind.DELIVERED,
        "email": Kind.DELIVERED,
    }.items():
        await store.settle_as(kind, claimed[jobs[name].id])
    await store.settle_as(Kind.DELIVERED, *await store.claim(later(1)), now=later(1))
    await store.cancel(jobs["cancelled"], later(1))
    return jobs


async def test_folding_adds_up_workspaces_campaigns_and_the_service(store: Store) -> None:
    await a_day_of_everything(store)
    while await store.fold(later(300)):
        pass
    assert await not_folded(store) == 0
    assert await figures(store, "acme") == (5, 2, 1, 1, 1, 3)
    assert await figures(store, "globex") == (1, 1, 0, 0, 0, 1)
    assert await figures(store) == (6, 3, 1, 1, 1, 4)
    assert await figures(store, channel="email") == (1, 1, 0, 0, 0, 1)


async def test_a_campaigns_counts_are_the_same_before_during_and_after_folding(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "BITE", 1)
    await a_day_of_everything(store)
    before = (await store.campaign()).counts
    assert before == {
        Status.SCHEDULED: 1,
        Status.CLAIMED: 0,
        Status.DELIVERED: 1,
        Status.DEAD: 1,
        Status.CANCELLED: 1,
    }
    while await store.fold(later(300)):
        assert (await store.campaign()).counts == before
    assert (await store.campaign()).counts == before


async def test_a_minute_is_not_folded_before_every_transaction_that_began_in_it_has_ended(
    store: Store,
) -> None:
    await store.insert(message())
    assert await store.fold(later(179)) == 0
    assert await store.fold(later(180)) == 1


async def test_counts_that_come_after_their_minute_was_folded_are_added(store: Store) -> None:
    await store.insert(message())
    await store.fold(later(300))
    await store.insert(message(), now=NOW)
    await store.fold(later(300))
    assert (await figures(store))[0] == 2


async def test_two_processes_fold_at_once_and_nothing_is_counted_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "BITE", 3)
    for workspace in range(12):
        await store.insert(message(f"w{workspace}"))
    other = store.beside()

    async def fold_all(one: Store) -> None:
        while await one.fold(later(300)):
            pass

    await asyncio.gather(fold_all(store), fold_all(other), fold_all(store))
    assert (await figures(store))[0] == 12


async def test_each_writer_counts_in_rows_of_its_own(store: Store) -> None:
    await store.insert(message(campaign="spring"), writer="one")
    await store.insert(message(campaign="spring"), writer="two")
    assert await not_folded(store) == 2
    assert (await store.campaign()).counts[Status.SCHEDULED] == 2


async def test_pruning_deletes_what_ended_before_with_all_that_belongs_to_it(store: Store) -> None:
    jobs = await a_day_of_everything(store)
    assert await store.prune(later(0.5)) == 4
    left = await store.search(limit=50)
    assert {job.id for job in left} == {
        jobs[name].id for name in ("retried", "waiting", "cancelled")
    }
    assert await store.prune(later(2)) == 2
    tables = ("message", "result", "attempt", "idempotency")
    assert [(await store.select(f"select count(*) from {table}"))[0][0] for table in tables] == [
        1,
        0,
        0,
        0,
    ]


async def test_pruning_keeps_totals_and_takes_from_the_counts_by_status(store: Store) -> None:
    await a_day_of_everything(store)
    await store.prune(later(0.5))
    assert (await store.campaign()).counts == {
        Status.SCHEDULED: 1,
        Status.CLAIMED: 0,
        Status.DELIVERED: 0,
        Status.DEAD: 0,
        Status.CANCELLED: 1,
    }
    while await store.fold(later(300)):
        pass
    await store.prune(later(2))
    assert (await store.campaign()).counts == {
        Status.SCHEDULED: 1,
        Status.CLAIMED: 0,
        Status.DELIVERED: 0,
        Status.DEAD: 0,
        Status.CANCELLED: 0,
    }
    assert await figures(store) == (6, 3, 1, 1, 1, 4)


async def test_pruning_goes_in_bites(store: Store) -> None:
    await store.insert(*(message() for _ in range(10)))
    await store.deliver_all()
    assert [await store.prune(later(1), most=4) for _ in range(4)] == [4, 4, 2, 0]


async def test_a_key_is_free_again_when_its_job_is_pruned(store: Store) -> None:
    first = message(key="k")
    await store.insert(first)
    await store.deliver_all()
    await store.prune(later(1))
    second = message(key="k", fingerprint="another")
    [insertion] = await store.insert(second)
    assert (insertion.id, insertion.replayed, insertion.conflict) == (second.id, False, False)


async def test_a_retried_job_is_not_pruned(store: Store) -> None:
    job = message()
    await store.insert(job)
    await store.settle_as(Kind.REJECTED, *await store.claim())
    await store.requeue(job, later(1))
    assert await store.prune(later(2)) == 0
    assert len(await store.claim(later(2))) == 1


async def test_exceedances_are_pruned_when_they_are_old(store: Store) -> None:
    await store.insert(*(message() for _ in range(75)))
    await store.claim(rate=50.0)
    await store.claim(later(1.1), rate=10.0)
    assert await store.database.write(retention.prune_exceedances, NOW + SECOND) == 1
    assert await store.select("select at from exceedance") == [(later(1.1),)]
