"""Many messages of many workspaces: each is claimed and settled exactly once, and a
campaign of any size is cancelled at once.
"""

from __future__ import annotations

import time

import pytest

from queue_services.domain.message import SECOND, Status
from queue_services.domain.outcome import Kind
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

BATCH = 1_000


async def fill(store: Store, messages: int, workspaces: int, **members: object) -> None:
    for first in range(0, messages, BATCH):
        await store.insert(
            *(
                message(f"w{number % workspaces}", **members)  # type: ignore[arg-type]
                for number in range(first, first + BATCH)
            )
        )


@pytest.mark.parametrize(
    ("messages", "workspaces"),
    [(4_000, 400), pytest.param(100_000, 10_000, marks=pytest.mark.long)],
)
async def test_all_messages_of_many_workspaces_are_claimed_and_settled_exactly_once(
    store: Store, messages: int, workspaces: int
) -> None:
    await fill(store, messages, workspaces)
    claimed = 0
    ids: set[str] = set()
    while batch := await store.claim(most=BATCH):
        claimed += len(batch)
        ids.update(each.id for each in batch)
        assert (await store.settle_as(Kind.DELIVERED, *batch)).delivered == len(batch)
    assert (claimed, len(ids)) == (messages, messages)
    assert await store.select(
        "select count(*), count(distinct id) from result where status = 'delivered' and"
        " attempts = 1"
    ) == [(messages, messages)]
    assert await store.select("select count(*) from pending") == [(0,)]
    assert await store.select("select sum(accepted), sum(delivered) from tally") == [
        (messages, messages)
    ]


@pytest.mark.long
async def test_a_campaign_of_a_hundred_thousand_is_cancelled_within_100_ms_and_not_claimed_afterwards(
    store: Store,
) -> None:
    await fill(store, 100_000, 1, campaign="spring")
    await store.insert(message("w0"))
    began = time.perf_counter()
    count = await store.cancel_campaign(workspace="w0")
    took = time.perf_counter() - began
    assert count == 100_000
    assert took < 0.1
    assert (await store.campaign(workspace="w0")).counts[Status.CANCELLED] == 100_000
    claimed = [
        each for step in range(200) for each in await store.claim(NOW + step * SECOND // 100)
    ]
    assert [each.campaign for each in claimed] == [None]
    began = time.perf_counter()
    while await store.advance(later(1)):
        pass
    assert time.perf_counter() - began < 100_000 / 10_000
    assert await store.select("select count(*) from pending where campaign is not null") == [(0,)]
