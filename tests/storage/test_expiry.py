"""What is past its `expires_at` is not sent, whether a claim or the sweep meets it first."""

from __future__ import annotations

from queue_services.domain.message import SECOND, Priority, Reason, Status
from queue_services.domain.outcome import Kind
from tests.storage.store import Store, later
from tests.support.builders import LEASE, NOW, message


async def test_a_claim_ends_what_it_meets_expired(store: Store) -> None:
    expired, good = message(expires_at=later(10)), message(expires_at=later(60))
    await store.insert(expired, good)
    assert [claimed.id for claimed in await store.claim(later(10))] == [good.id]
    job = await store.job(expired, later(10))
    assert (job.status, job.reason, job.finished_at, job.tries) == (
        Status.CANCELLED,
        Reason.EXPIRED,
        later(10),
        0,
    )


async def test_a_message_is_sent_until_the_instant_at_which_it_expires(store: Store) -> None:
    await store.insert(message(expires_at=later(10)))
    [claimed] = await store.claim(later(10) - 1)
    assert claimed.expires_at == later(10)


async def test_what_would_expire_before_its_slot_is_not_claimed(store: Store) -> None:
    job = message(expires_at=NOW + 500)
    await store.insert(job)
    assert await store.claim(NOW, lead=1_000) == []


async def test_the_sweep_ends_what_expired_before_it_was_due(store: Store) -> None:
    job = message(due_at=later(100), expires_at=later(10))
    await store.insert(job)
    assert await store.expire(later(10) - 1) == 0
    assert await store.expire(later(10)) == 1
    assert (await store.job(job, later(10))).reason == Reason.EXPIRED
    assert await store.claim(later(200)) == []


async def test_the_sweep_goes_in_bites(store: Store) -> None:
    await store.insert(
        *(message(due_at=later(100), expires_at=later(10)) for _ in range(7)),
        message(due_at=later(100)),
    )
    assert [await store.expire(later(11), most=3) for _ in range(4)] == [3, 3, 1, 0]


async def test_what_is_being_delivered_does_not_expire_until_its_lease_is_lost(
    store: Store,
) -> None:
    await store.insert(message(expires_at=later(10)))
    await store.claim()
    assert await store.expire(later(20)) == 0
    assert await store.expire(NOW + LEASE) == 1


async def test_what_waits_for_its_next_try_expires(store: Store) -> None:
    job = message(expires_at=NOW + SECOND // 4)
    await store.insert(job)
    await store.settle_as(Kind.FAILED, *await store.claim())
    assert await store.claim(later(0.5)) == []
    ended = await store.job(job, later(0.5))
    assert (ended.reason, ended.tries, ended.attempts) == (Reason.EXPIRED, 1, 1)


async def test_an_expired_high_message_takes_no_slot_from_others(store: Store) -> None:
    expired = [message(priority=Priority.HIGH, expires_at=later(1)) for _ in range(30)]
    good = message()
    await store.insert(*expired, good)
    taken = [
        claimed.id
        for step in range(4)
        for claimed in await store.claim(later(2 + step / 100), rate=50.0)
    ]
    assert taken == [good.id]
