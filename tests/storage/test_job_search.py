"""Jobs found by what an operator has at hand, few or many that they are."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from queue_services.domain.message import Status
from queue_services.domain.outcome import Kind
from queue_services.queue import job_search, operations
from queue_services.queue.operations import Action, Request
from queue_services.queue.records import JobFilter, MetadataFilter
from tests.storage.store import Store, later
from tests.support.builders import NOW, message


async def found(store: Store, text: str, **wanted: Any) -> list[str]:
    return [job.id for job in await store.search(text=text, **wanted)]


@pytest_asyncio.fixture(loop_scope="session")
async def jobs(store: Store) -> list[str]:
    """Three jobs that differ in everything."""
    sent = [
        message("acme", contact="Ada-1", campaign="Spring", recipient="15550100", key="order-7"),
        message("acme", contact="ada-2", campaign="summer", recipient="15550199", key="ORDER-8"),
        message("globex", contact="bob", recipient="ada@example.com"),
    ]
    await store.insert(*sent)
    return [one.id for one in sent]


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("+1 (555) 01", [0, 1]),
        ("155501", [0, 1]),
        ("ADA", [0, 1, 2]),
        ("ada-1", [0]),
        ("spr", [0]),
        ("order-7", [0]),
        ("order", []),
        ("ORDER-8", [1]),
        ("nothing", []),
        ("%", []),
        ("_da", []),
    ],
)
async def test_beginnings_in_any_letter_case_and_whole_keys_are_found(
    store: Store, jobs: list[str], text: str, matches: list[int]
) -> None:
    expected = sorted((jobs[number] for number in matches), reverse=True)
    assert await found(store, text) == expected


async def test_a_job_is_found_by_the_beginning_of_its_id(store: Store, jobs: list[str]) -> None:
    for length in (9, 20, 36):
        assert jobs[0] in await found(store, jobs[0][:length].upper())
    assert await found(store, "ffff") == []
    assert await found(store, jobs[0] + "0") == []


async def test_a_search_stays_within_its_workspace_and_other_filters(
    store: Store, jobs: list[str]
) -> None:
    assert await found(store, "ada", workspace="globex") == [jobs[2]]
    assert await found(store, "ada", campaign="summer") == [jobs[1]]
    await store.cancel(jobs[0])
    cancelled = await store.search(text="ada", status=Status.CANCELLED)
    assert [job.id for job in cancelled] == [jobs[0]]


@pytest.mark.usefixtures("jobs")
async def test_a_beginning_of_very_many_jobs_gives_the_newest_page_by_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_search, "FEW", 1)
    first = await store.search(text="ada", limit=2)
    rest = await store.search(text="ada", limit=2, before=first[-1].id)
    ids = [job.id for job in (*first, *rest)]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)
    assert len(await found(store, "1555")) == 2


async def test_metadata_is_found_by_its_index_and_without(store: Store) -> None:
    payload = '{"to":"+1","text":"x","metadata":{"order":{"id":17,"paid":true},"note":"a.b"}}'
    sent = message("acme", payload=payload, indexed=(("order.id", "17"), ("note", "a.b")))
    await store.insert(sent, message("acme"))
    for path, value, indexed, expected in (
        ("order.id", "17", True, 1),
        ("order.id", "18", True, 0),
        ("order.id", "17", False, 1),
        ("order.paid", "true", False, 1),
        ("note", "a.b", False, 1),
        ("note", "A.B", False, 0),
        ("nothing", "x", False, 0),
    ):
        wanted = MetadataFilter(path, value, indexed)
        assert len(await store.search(metadata=wanted)) == expected, (path, value, indexed)
    [claimed] = [one for one in await store.claim() if one.id == sent.id]
    await store.settle_as(Kind.DELIVERED, claimed)
    await store.prune(later(100))
    rows = await store.select("select count(*) from message_metadata")
    assert rows[0][0] == 0


@pytest.mark.usefixtures("jobs")
async def test_an_operation_acts_on_what_a_search_finds(store: Store) -> None:
    request = Request(wanted=JobFilter(text="ada-", status=Status.SCHEDULED))
    started = await operations.start.run(
        store.database, Action.CANCEL, "ada", None, request, later(1)
    )
    assert started.matched == 2
    assert started.created_at > NOW
