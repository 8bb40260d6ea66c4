"""Search: every filter alone and together, pages by key, and jobs found by the status they show."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from queue_services.domain.message import SECOND, Channel, Message, Status, new_id
from queue_services.domain.outcome import Kind
from queue_services.queue import jobs
from tests.storage.store import Store, later
from tests.support.builders import LEASE, NOW, message

DAY = 86_400 * SECOND


def at(created_at: int, **members: object) -> Message:
    return message(created_at=created_at, due_at=created_at, **members)  # type: ignore[arg-type]


async def found(store: Store, now: int = NOW, **wanted: object) -> list[str]:
    return [job.id for job in await store.search(now, **wanted)]


async def test_jobs_come_newest_first(store: Store) -> None:
    jobs = [at(NOW - number * SECOND) for number in (3, 1, 2)]
    await store.insert(*jobs)
    assert await found(store) == [jobs[1].id, jobs[2].id, jobs[0].id]


@pytest.mark.parametrize(
    "wanted",
    [
        {"workspace": "globex"},
        {"channel": Channel.EMAIL},
        {"campaign": "autumn"},
        {"contact": "c-2"},
        {"recipient": "a@example.com"},
    ],
    ids=lambda wanted: next(iter(wanted)),
)
async def test_a_filter_finds_what_matches_and_nothing_else(
    store: Store, wanted: dict[str, Any]
) -> None:
    base = {
        "workspace": "acme",
        "channel": Channel.SMS,
        "campaign": "spring",
        "contact": "c-1",
        "recipient": "155501",
    }
    match, others = (
        message(**(base | wanted)),
        [message(**base), message(**(base | {"campaign": None}))],  # type: ignore[arg-type]
    )
    await store.insert(match, *others)
    for status in (None, Status.SCHEDULED):
        assert await found(store, status=status, **wanted) == [match.id]
    await store.cancel(match)
    assert await found(store, status=Status.CANCELLED, **wanted) == [match.id]
    assert await found(store, status=Status.DEAD, **wanted) == []


@pytest.mark.parametrize("rare", [-1, jobs.RARE], ids=["common", "rare"])
async def test_a_status_on_a_channel_is_found_by_whichever_of_them_is_looked_through(
    store: Store, monkeypatch: pytest.MonkeyPatch, rare: int
) -> None:
    monkeypatch.setattr(jobs, "RARE", rare)
    mine, others = (
        [message(channel=channel) for _ in range(4)] for channel in (Channel.EMAIL, Channel.SMS)
    )
    await store.insert(*mine[:3], *others[:3])
    for channel in (Channel.EMAIL, Channel.SMS):
        for kind, claimed in zip(
            (Kind.DELIVERED, Kind.REJECTED), await store.claim(channel=channel), strict=False
        ):
            await store.settle_as(kind, claimed)
    await store.insert(mine[3], others[3])
    statuses = [Status.SCHEDULED, Status.CLAIMED, Status.DELIVERED, Status.DEAD, Status.CANCELLED]
    lists = [await found(store, channel=Channel.EMAIL, status=status) for status in statuses]
    assert [len(listed) for listed in lists] == [1, 1, 1, 1, 0]
    assert {job for listed in lists for job in listed} == {one.id for one in mine}


async def test_filters_add_up(store: Store) -> None:
    both = message("globex", contact="c-2")
    await store.insert(both, message("globex"), message(contact="c-2"))
    assert await found(
        store,
        workspace="globex",
        contact="c-2",
        status=Status.SCHEDULED,
        created_from=NOW,
        created_to=later(1),
    ) == [both.id]


async def test_the_period_includes_its_beginning_and_not_its_end(store: Store) -> None:
    before, first, inside, end = at(NOW - 1_000), at(NOW), at(NOW + 1_000), at(NOW + 2_000)
    await store.insert(before, first, inside, end)
    for status in (None, Status.SCHEDULED):
        assert await found(store, created_from=NOW, created_to=NOW + 2_000, status=status) == [
            inside.id,
            first.id,
        ]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"status": Status.SCHEDULED},
        {"workspace": "acme"},
        {"contact": "contact-1", "channel": Channel.SMS},
    ],
    ids=str,
)
async def test_pages_by_key_show_every_job_once_while_new_ones_come(
    store: Store, wanted: dict[str, Any]
) -> None:
    jobs = [at(NOW - number * 500) for number in range(25)]
    await store.insert(*jobs)
    seen: list[str] = []
    while page := await found(store, before=seen[-1] if seen else None, limit=7, **wanted):
        seen += page
        await store.insert(at(NOW + len(seen) * 1_000))
    assert seen == sorted((job.id for job in jobs), reverse=True)


async def test_pages_of_ended_jobs_go_by_key_too(store: Store) -> None:
    jobs = [at(NOW - number * 1_000) for number in range(9)]
    await store.insert(*jobs)
    await store.settle_as(Kind.REJECTED, *await store.claim())
    first = await found(store, status=Status.DEAD, limit=5)
    second = await found(store, status=Status.DEAD, limit=5, before=first[-1])
    assert first + second == [job.id for job in jobs]


async def test_each_status_finds_the_jobs_that_show_it(store: Store) -> None:
    names = ("waiting", "claimed", "lost", "delivered", "dead", "retrying", "cancelled", "revived")
    jobs = {
        name: message(due_at=later(60) if name in ("waiting", "cancelled") else NOW)
        for name in names
    }
    await store.insert(*jobs.values())
    lost = {c.id: c for c in await store.claim(NOW)}[jobs["lost"].id]
    now = NOW + LEASE
    claimed = {c.id: c for c in await store.claim(now)}
    outcomes = {
        "delivered": Kind.DELIVERED,
        "dead": Kind.REJECTED,
        "retrying": Kind.FAILED,
        "revived": Kind.REJECTED,
    }
    for name, kind in outcomes.items():
        await store.settle_as(kind, claimed[jobs[name].id], now=now)
    await store.release(claimed[lost.id], now=now)
    await store.cancel(jobs["cancelled"], now)
    await store.requeue(jobs["revived"], now)
    expected = {
        Status.SCHEDULED: {"waiting", "lost", "retrying", "revived"},
        Status.CLAIMED: {"claimed"},
        Status.DELIVERED: {"delivered"},
        Status.DEAD: {"dead"},
        Status.CANCELLED: {"cancelled"},
    }
    for status, those in expected.items():
        assert set(await found(store, now, status=status)) == {jobs[name].id for name in those}, (
            status
        )
        assert set(await store.statuses([jobs[name] for name in those], now)) == {status}


async def test_jobs_of_a_cancelled_campaign_leave_the_scheduled_ones_at_once_and_follow_into_the_cancelled(
    store: Store,
) -> None:
    job = message(campaign="spring", due_at=later(60))
    await store.insert(job, message(due_at=later(60)))
    await store.cancel_campaign()
    assert job.id not in await found(store, status=Status.SCHEDULED)
    await store.advance()
    assert await found(store, status=Status.CANCELLED) == [job.id]


async def test_a_claimed_job_is_scheduled_again_when_its_lease_has_run_out(store: Store) -> None:
    job = message()
    await store.insert(job)
    await store.claim()
    assert await found(store, NOW + LEASE - 1, status=Status.CLAIMED) == [job.id]
    assert await found(store, NOW + LEASE, status=Status.CLAIMED) == []
    assert await found(store, NOW + LEASE, status=Status.SCHEDULED) == [job.id]


async def test_a_campaign_of_the_same_name_in_another_workspace_is_another(store: Store) -> None:
    mine, theirs = message(campaign="spring"), message("globex", campaign="spring")
    await store.insert(mine, theirs)
    assert await found(store, campaign="spring", workspace="globex") == [theirs.id]
    assert set(await found(store, campaign="spring")) == {mine.id, theirs.id}


async def test_a_search_finds_whole_jobs(store: Store) -> None:
    job = message(campaign="spring", key="k")
    await store.insert(job)
    await store.settle_as(Kind.FAILED, *await store.claim(), error="HTTP 500")
    [by_search] = await store.search(workspace="acme")
    assert msgspec.structs.asdict(by_search) == msgspec.structs.asdict(await store.job(job))
    assert by_search.error == "HTTP 500"


async def test_nothing_matches_an_unknown_cursor_below_every_job(store: Store) -> None:
    await store.insert(message())
    assert await found(store, before=new_id(NOW - DAY)) == []
