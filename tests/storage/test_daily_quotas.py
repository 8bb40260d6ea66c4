"""What a daily quota counts, and what it gets back: only messages that really came back, on
the day that they were counted for.
"""

from __future__ import annotations

import pytest_asyncio

from queue_services.domain.message import SECOND, Channel
from queue_services.domain.outcome import Kind
from queue_services.domain.tiers import TierChange
from queue_services.queue import tiers
from tests.storage.store import Store, later
from tests.support.builders import LEASE, NOW, message

DAY = 24 * 3600 * SECOND


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def quota(store: Store) -> None:
    change = TierChange(daily_quota={Channel.SMS: 3})
    await store.database.write(tiers.change, "standard", change)


async def counted(store: Store) -> int:
    [[count]] = await store.select("select day_count from lane")
    return int(count)


async def test_a_message_given_back_unsent_is_taken_off_the_day(store: Store) -> None:
    await store.insert(*(message() for _ in range(3)))
    claimed = await store.claim()
    await store.release(*claimed[:2])
    assert await counted(store) == 1
    assert len(await store.claim(later(1))) == 2


async def test_a_message_whose_lease_was_lost_is_not_taken_off_the_day(store: Store) -> None:
    await store.insert(message())
    first = await store.claim()
    again = NOW + LEASE + SECOND
    assert len(await store.claim(again, dispatcher=2)) == 1
    assert await store.release(*first, now=again) == 0
    assert await counted(store) == 1


async def test_a_message_given_back_after_midnight_is_not_taken_off_the_new_day(
    store: Store,
) -> None:
    await store.insert(*(message() for _ in range(5)))
    [kept, *_] = await store.claim(lease=2 * DAY)
    assert len(await store.claim(NOW + DAY)) == 2
    assert await store.release(kept, now=NOW + DAY + SECOND) == 1
    assert await counted(store) == 2


async def test_an_endpoint_that_was_not_reached_gives_the_message_back_to_the_day(
    store: Store,
) -> None:
    await store.insert(message())
    [claimed] = await store.claim()
    await store.settle_as(Kind.UNREACHABLE, claimed)
    assert await counted(store) == 0
