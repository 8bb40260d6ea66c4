"""The ledger of exceedances: who was over a limit, when, by how much; one a second at most,
and none for any other reason to wait.
"""

from __future__ import annotations

from typing import Any

from queue_services.domain.message import SECOND, Channel
from queue_services.domain.outcome import Kind
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

PASS = 50_000


async def ledger(store: Store) -> list[tuple[Any, ...]]:
    """Every exceedance, oldest first: workspace, channel, at, batch size, message, kind."""
    return [
        tuple(row)
        for row in await store.select(
            "select workspace, channel, at, batch_size, message, kind from exceedance order by at,"
            " workspace"
        )
    ]


async def counted(store: Store) -> int:
    [[times]] = await store.select("select sum(exceeded) from tally")
    return int(times)


async def claim_for(store: Store, seconds: float, rate: float = 50.0, **changes: Any) -> int:
    """Claim twenty times a second and deliver at once; how many."""
    count = 0
    for step in range(round(seconds * SECOND / PASS)):
        now = NOW + step * PASS
        claimed = await store.claim(now, rate=rate, **changes)
        await store.settle_as(Kind.DELIVERED, *claimed, now=now)
        count += len(claimed)
    return count


async def test_more_due_than_the_limit_sends_in_a_second_is_an_exceedance(store: Store) -> None:
    await store.insert(*(message() for _ in range(75)))
    await store.claim(rate=50.0)
    assert await ledger(store) == [
        ("acme", "sms", NOW, 75, "Rate limit exceeded: 50 per second", "service")
    ]
    assert await counted(store) == 1


async def test_a_workspace_gets_one_exceedance_a_second_at_most(store: Store) -> None:
    await store.insert(*(message() for _ in range(250)))
    await claim_for(store, 2.5)
    first, second, third = (row[2] for row in await ledger(store))
    assert min(second - first, third - second) >= SECOND


async def test_the_batch_size_is_how_many_were_due_then_counting_what_was_taken(
    store: Store,
) -> None:
    await store.insert(
        *(message() for _ in range(200)), *(message(due_at=later(60)) for _ in range(30))
    )
    taken = await claim_for(store, 1)
    await store.claim(later(1), rate=50.0)
    assert [row[3] for row in await ledger(store)] == [200, 200 - taken]


async def test_fifty_due_under_a_limit_of_fifty_are_no_exceedance(store: Store) -> None:
    await store.insert(*(message() for _ in range(50)))
    await claim_for(store, 1.5)
    assert await ledger(store) == []


async def test_each_workspace_is_judged_by_its_own_backlog(store: Store) -> None:
    await store.insert(*(message("big") for _ in range(80)), *(message("small") for _ in range(30)))
    await claim_for(store, 0.9)
    assert {row[0] for row in await ledger(store)} == {"big"}


async def test_a_workspace_over_its_own_limit_exceeds_that(store: Store) -> None:
    await store.insert(*(message() for _ in range(20)))
    await store.change("update lane set rate = 5")
    await claim_for(store, 0.5)
    assert await ledger(store) == [
        ("acme", "sms", NOW, 20, "Rate limit exceeded: 5 per second", "workspace")
    ]


async def test_waiting_for_connections_is_no_exceedance(store: Store) -> None:
    await store.insert(*(message() for _ in range(200)))
    await claim_for(store, 0.3, rate=1_000.0, free_connections=2)
    assert await ledger(store) == []


async def test_waiting_behind_a_hold_is_no_exceedance(store: Store) -> None:
    await store.insert(*(message() for _ in range(200)))
    await store.settle_as(Kind.UNREACHABLE, *await store.claim(most=1))
    for step in range(60):
        await store.claim(NOW + step * PASS, rate=50.0)
    assert await ledger(store) == []


async def test_what_is_not_due_is_no_exceedance(store: Store) -> None:
    await store.insert(*(message(due_at=later(5)) for _ in range(200)))
    await claim_for(store, 1)
    assert await ledger(store) == []


async def test_a_429_of_the_endpoint_is_an_exceedance_of_the_workspace_once_a_second(
    store: Store,
) -> None:
    await store.insert(*(message() for _ in range(10)))
    claimed = await store.claim(most=3)
    await store.settle_as(Kind.THROTTLED, *claimed, wait_until=later(0.1))
    assert await ledger(store) == [
        ("acme", "sms", NOW, 10, "Rate limit exceeded: 50 per second", "endpoint")
    ]
    await store.settle_as(
        Kind.THROTTLED,
        *await store.claim(later(0.2), most=1),
        now=later(0.2),
        wait_until=later(0.3),
    )
    assert len(await ledger(store)) == 1
    await store.settle_as(
        Kind.THROTTLED,
        *await store.claim(later(1.2), most=1),
        now=later(1.2),
        wait_until=later(1.3),
    )
    assert [row[2] for row in await ledger(store)] == [NOW, later(1.2)]
    assert await counted(store) == 2


async def test_exceedances_of_email_name_its_limit(store: Store) -> None:
    await store.insert(*(message(channel=Channel.EMAIL) for _ in range(150)))
    await store.claim(channel=Channel.EMAIL, rate=100.0)
    assert await ledger(store) == [
        ("acme", "email", NOW, 150, "Rate limit exceeded: 100 per second", "service")
    ]


async def test_a_limit_below_one_a_second_is_worded_in_seconds(store: Store) -> None:
    await store.insert(*(message() for _ in range(3)))
    await store.change("update lane set rate = 0.2")
    await store.claim()
    assert [row[4] for row in await ledger(store)] == ["Rate limit exceeded: 1 per 5 seconds"]
