"""Many at once: every message is claimed by one, every key is used by one, and of a cancel
and a claim one wins.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec

from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import Status, new_id
from queue_services.errors import Conflict
from tests.storage.store import Store
from tests.support.builders import LEASE, NOW, message, settlement

CLAIMERS = 8


async def claim_until_nothing_is_left(
    store: Store, dispatcher: int, now: int
) -> list[ClaimedMessage]:
    taken: list[ClaimedMessage] = []
    empty = 0
    while (
        empty < 3
    ):  # a claim passes over lanes that another one holds, so that one empty claim proves nothing
        claimed = await store.claim(now, dispatcher=dispatcher, most=7)
        empty = 0 if claimed else empty + 1
        taken += claimed
    return taken


async def test_eight_dispatchers_claim_every_message_exactly_once_round_after_round(
    store: Store,
) -> None:
    messages = [message(f"w{number % 10}") for number in range(200)]
    await store.insert(*messages)
    dispatchers = [store.beside() for _ in range(CLAIMERS)]
    for round_number in range(1, 5):
        now = NOW + round_number * LEASE  # the leases of the round before have run out
        taken = await asyncio.gather(
            *(
                claim_until_nothing_is_left(one, number, now)
                for number, one in enumerate(dispatchers, start=1)
            )
        )
        taken.append(await store.claim(now))
        claims = Counter((claimed.id, claimed.claim) for some in taken for claimed in some)
        assert claims == Counter((m.id, round_number) for m in messages)


async def test_what_eight_dispatchers_claim_and_settle_ends_exactly_once(store: Store) -> None:
    messages = [message(f"w{number % 7}") for number in range(120)]
    await store.insert(*messages)
    delivered = 0

    async def work(one: Store, dispatcher: int) -> None:
        nonlocal delivered
        while claimed := await one.claim(dispatcher=dispatcher, most=5):
            settled = await one.settle(*map(settlement, claimed), dispatcher=dispatcher)
            delivered += settled.delivered

    await asyncio.gather(*(work(store.beside(), number) for number in range(1, CLAIMERS + 1)))
    delivered += len(await store.deliver_all())
    assert delivered == len(messages)
    assert await store.statuses(messages) == [Status.DELIVERED] * len(messages)
    assert await store.select("select sum(delivered) from tally") == [(len(messages),)]


async def test_eight_dispatchers_together_keep_the_limit(store: Store) -> None:
    await store.insert(*(message(f"w{number % 10}") for number in range(200)))
    dispatchers = [store.beside() for _ in range(CLAIMERS)]
    slots: list[int] = []
    for step in range(25):
        now = NOW + step * 100_000
        for claimed in await asyncio.gather(
            *(
                one.claim(now, rate=50.0, dispatcher=number)
                for number, one in enumerate(dispatchers, start=1)
            )
        ):
            slots += [each.slot for each in claimed]
    slots.sort()
    assert len(slots) >= 100
    assert all(late - early >= 1_000_000 for early, late in zip(slots, slots[50:], strict=False))


async def test_of_a_cancel_and_a_claim_exactly_one_wins(store: Store) -> None:
    messages = [message(f"w{number % 5}") for number in range(60)]
    await store.insert(*messages)
    cancelling, claiming = store.beside(), store.beside()
    cancelled: set[str] = set()
    claimed: set[str] = set()

    async def cancel_all() -> None:
        for job in reversed(messages):
            try:
                await cancelling.cancel(job)
            except Conflict:
                continue
            cancelled.add(job.id)

    async def claim_all() -> None:
        while taken := await claiming.claim(most=3):
            claimed.update(each.id for each in taken)

    await asyncio.gather(cancel_all(), claim_all())
    claimed.update(each.id for each in await store.claim())
    assert cancelled.isdisjoint(claimed)
    assert cancelled | claimed == {job.id for job in messages}
    expected = [Status.CANCELLED if job.id in cancelled else Status.CLAIMED for job in messages]
    assert await store.statuses(messages) == expected


async def test_of_eight_writers_with_the_same_keys_one_inserts_each_message(store: Store) -> None:
    writers = [store.beside() for _ in range(CLAIMERS)]
    first = [message(key=f"k{number}") for number in range(10)]
    copies = [[msgspec.structs.replace(one, id=new_id(NOW)) for one in first] for _ in writers]
    for number, batch in enumerate(copies):
        batch[:] = batch[number:] + batch[:number]
    answers = await asyncio.gather(
        *(writer.insert(*batch) for writer, batch in zip(writers, copies, strict=True))
    )
    used: dict[str, set[str]] = {}
    for batch, insertions in zip(copies, answers, strict=True):
        for one, insertion in zip(batch, insertions, strict=True):
            used.setdefault(one.idempotency_key or "", set()).add(insertion.id)
            assert insertion.replayed == (insertion.id != one.id)
    assert [len(ids) for ids in used.values()] == [1] * 10
    assert await store.select("select count(*) from message") == [(10,)]


async def test_new_lanes_and_campaigns_are_made_once_by_eight_writers(store: Store) -> None:
    writers = [store.beside() for _ in range(CLAIMERS)]
    await asyncio.gather(
        *(
            writer.insert(*(message(f"w{number}", campaign="spring") for number in range(5)))
            for writer in writers
        )
    )
    assert await store.select("select count(*) from lane") == [(5,)]
    assert await store.select("select count(*) from campaign") == [(5,)]
    assert len(await store.claim()) == 5 * CLAIMERS


async def test_a_cancelled_campaign_is_claimed_by_nobody_once_the_cancel_has_answered(
    store: Store,
) -> None:
    workspaces = [f"w{number}" for number in range(5)]
    await store.insert(
        *(message(workspace, campaign="spring") for workspace in workspaces for _ in range(20))
    )
    answered: dict[str, bool] = {}
    late: list[str] = []

    async def claim_all(one: Store, dispatcher: int) -> None:
        for _ in range(12):
            before = set(answered)
            late.extend(
                each.workspace
                for each in await one.claim(dispatcher=dispatcher, most=2)
                if each.workspace in before
            )

    async def cancel_all(one: Store) -> None:
        for workspace in workspaces:
            await one.cancel_campaign(workspace=workspace)
            answered[workspace] = True

    await asyncio.gather(
        *(claim_all(store.beside(), number) for number in range(1, 4)), cancel_all(store.beside())
    )
    assert set(answered) == set(workspaces)
    assert late == []
