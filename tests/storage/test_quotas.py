"""The quota of a key over several processes: never more than it says, and nobody is refused
while there is some left.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from queue_services.clock import Clock
from queue_services.domain.key import QUOTA_WINDOW
from queue_services.domain.message import SECOND, new_id
from queue_services.errors import OverQuota
from queue_services.queue import quotas
from queue_services.queue.quotas import Quotas
from tests.storage.store import Store
from tests.support.builders import NOW

LIMIT = 100


class Hands:
    """A clock that a test sets."""

    def __init__(self, at: int = NOW) -> None:
        self.seconds = at / SECOND
        self.clock = Clock(monotonic=lambda: self.seconds, wall=lambda: self.seconds)


@pytest.fixture
def key() -> str:
    return new_id(NOW)


async def spend_all(process: Quotas, key: str) -> int:
    """Hand in one message after another until the key is over its quota; how many went."""
    for count in range(10 * LIMIT):
        try:
            await process.spend(key, LIMIT, 1)
        except OverQuota:
            return count
    raise AssertionError("the quota has no end")


async def test_processes_that_hand_in_little_leave_the_rest_to_others(
    store: Store, key: str
) -> None:
    processes = [Quotas(store.database, Hands().clock) for _ in range(11)]
    for process in processes[:10]:
        await process.spend(key, LIMIT, 1)
    assert await spend_all(processes[10], key) == LIMIT - 10


async def test_all_processes_together_hand_in_no_more_than_the_quota(
    store: Store, key: str
) -> None:
    processes = [Quotas(store.database, Hands().clock) for _ in range(4)]
    spent = await asyncio.gather(*(spend_all(process, key) for process in processes))
    assert 0.9 * LIMIT <= sum(spent) <= LIMIT


async def test_a_request_is_not_refused_because_another_used_the_rest_of_a_part(
    store: Store, key: str
) -> None:
    process = Quotas(store.database, Hands().clock)
    taking, taken = asyncio.Event(), asyncio.Event()

    class Slow:
        """The store, with every part handed out late."""

        backend = store.backend

        async def write(self, flow: Any, /, *args: Any) -> Any:
            value = await store.database.write(flow, *args)
            taking.set()
            await taken.wait()
            return value

        read = store.database.read

    process._parts[key] = quotas._Part(NOW // QUOTA_WINDOW, left=3, used=3)
    process._database = Slow()  # type: ignore[assignment]
    large = asyncio.create_task(process.spend(key, LIMIT, 10))
    await taking.wait()
    await process.spend(key, LIMIT, 3)
    taken.set()
    await large


async def test_a_process_whose_clock_is_behind_uses_the_minute_that_has_begun(
    store: Store, key: str
) -> None:
    ahead, behind = Hands(), Hands(NOW - 1_000)
    await Quotas(store.database, ahead.clock).spend(key, LIMIT, 60)
    late = Quotas(store.database, behind.clock)
    await late.spend(key, LIMIT, 40)
    with pytest.raises(OverQuota):
        await late.spend(key, LIMIT, 1)


async def test_a_quota_used_by_a_clock_that_was_ahead_counts_for_the_minute_it_was_set_to(
    store: Store, key: str
) -> None:
    hands = Hands(NOW - 3600 * SECOND)
    await Quotas(store.database, Hands().clock).spend(key, LIMIT, LIMIT)
    right = Quotas(store.database, hands.clock)
    with pytest.raises(OverQuota):
        await right.spend(key, LIMIT, 1)
    hands.seconds += 60
    assert (await right.spend(key, LIMIT, 1)).left == LIMIT - 1
