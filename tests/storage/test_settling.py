"""Settling: outcomes become results or next tries, only for who still holds the claim."""

from __future__ import annotations

import msgspec
import pytest

from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import SECOND, Channel, Priority, Reason, Status
from queue_services.domain.outcome import Kind
from queue_services.queue import settling
from queue_services.queue.records import Attempt
from queue_services.queue.settling import FinishedBatch
from tests.storage.store import Store, later
from tests.support.builders import LEASE, NOW, message, settlement, terms

OTHER = 2


async def claimed_one(store: Store) -> ClaimedMessage:
    await store.insert(message())
    [claimed] = await store.claim()
    return claimed


async def everything(store: Store) -> list[object]:
    """What settling could change of messages."""
    rows: list[object] = []
    for table in ("pending", "result", "attempt", "tally"):
        rows += await store.select(f"select * from {table} order by 1, 2")
    return rows


async def test_a_delivered_message_ends_completed_with_its_one_attempt(store: Store) -> None:
    due = message()
    await store.insert(due)
    [claimed] = await store.claim()
    settled = await store.settle(
        settlement(claimed, started_at=NOW + 3_000, duration=20_000), now=later(1)
    )
    assert (settled.delivered, settled.dead, settled.again, settled.lost) == (1, 0, 0, 0)
    job = await store.job(due)
    assert (job.status, job.reason, job.tries, job.attempts, job.finished_at, job.error) == (
        Status.DELIVERED,
        None,
        1,
        1,
        later(1),
        None,
    )
    [attempt] = await store.attempts(due)
    assert attempt == Attempt(1, "delivered", NOW + 3_000, 20_000, 200, None)


async def test_a_rejected_message_ends_failed_and_says_why(store: Store) -> None:
    due = message()
    await store.insert(due)
    await store.settle_as(Kind.REJECTED, *await store.claim(), error="HTTP 422: no such number")
    job = await store.job(due)
    assert (job.status, job.reason, job.tries, job.error) == (
        Status.DEAD,
        Reason.REJECTED,
        1,
        "HTTP 422: no such number",
    )


async def test_a_failed_try_is_made_again_after_its_backoff_and_both_attempts_are_kept(
    store: Store,
) -> None:
    due = message()
    await store.insert(due)
    settled = await store.settle_as(Kind.FAILED, *await store.claim(), error="HTTP 500")
    assert (settled.again, settled.again_at) == (1, later(0.5))
    job = await store.job(due)
    assert (job.status, job.tries, job.next_attempt_at, job.error) == (
        Status.SCHEDULED,
        1,
        later(0.5),
        "HTTP 500",
    )
    assert await store.claim(later(0.5) - 1) == []
    await store.settle_as(Kind.DELIVERED, *await store.claim(later(0.5)))
    assert [(a.number, a.outcome, a.error) for a in await store.attempts(due)] == [
        (1, "failed", "HTTP 500"),
        (2, "delivered", None),
    ]
    assert (await store.job(due)).tries == 2


async def test_a_message_is_dead_when_its_tries_are_used_up(store: Store) -> None:
    due = message()
    await store.insert(due)
    now = NOW
    for _ in range(3):
        [claimed] = await store.claim(now)
        settled = await store.settle(settlement(claimed, Kind.TIMEOUT), now=now)
        now += 10 * SECOND
    assert settled.dead == 1
    job = await store.job(due, now)
    assert (job.status, job.reason, job.tries, job.attempts) == (
        Status.DEAD,
        Reason.EXHAUSTED,
        3,
        3,
    )
    assert await store.claim(later(3600)) == []


async def test_an_unreachable_receiver_costs_neither_a_try_nor_an_attempt(store: Store) -> None:
    due = message()
    await store.insert(due)
    await store.settle_as(Kind.UNREACHABLE, *await store.claim())
    job = await store.job(due)
    assert (job.status, job.tries, job.attempts) == (Status.SCHEDULED, 0, 0)
    assert await store.attempts(due) == []
    [probe] = await store.claim(later(2))
    assert probe.number == 1


async def test_a_throttled_post_is_an_attempt_that_uses_no_try(store: Store) -> None:
    due = message()
    await store.insert(due)
    await store.settle_as(Kind.THROTTLED, *await store.claim(), wait_until=later(5))
    job = await store.job(due)
    assert (job.status, job.tries, job.attempts) == (Status.SCHEDULED, 0, 1)
    [claimed] = await store.claim(later(5))
    assert (claimed.number, claimed.tries) == (2, 0)


@pytest.mark.parametrize(
    ("kind", "reason"), [(Kind.UNREACHABLE, Reason.UNREACHABLE), (Kind.THROTTLED, Reason.THROTTLED)]
)
async def test_what_gets_no_answer_for_a_day_is_given_up(
    store: Store, kind: Kind, reason: Reason
) -> None:
    due = message()
    await store.insert(due)
    await store.settle_as(kind, *await store.claim(), wait_until=NOW)
    tomorrow = later(86_400)
    [claimed] = await store.claim(tomorrow)
    assert claimed.refused_since == NOW
    await store.settle_as(kind, claimed, now=tomorrow, wait_until=tomorrow)
    job = await store.job(due, tomorrow)
    assert (job.status, job.reason, job.tries) == (Status.DEAD, reason, 0)


async def test_a_day_of_refusals_starts_anew_after_any_other_answer(store: Store) -> None:
    await store.insert(message())
    await store.settle_as(Kind.THROTTLED, *await store.claim(), wait_until=NOW)
    [claimed] = await store.claim(later(80_000))
    await store.settle(settlement(claimed, Kind.FAILED), now=later(80_000))
    [claimed] = await store.claim(later(80_001))
    assert claimed.refused_since is None


@pytest.mark.parametrize("kind", [Kind.DELIVERED, Kind.FAILED, Kind.REJECTED])
async def test_an_outcome_with_another_claim_number_is_lost_and_changes_nothing(
    store: Store, kind: Kind
) -> None:
    claimed = await claimed_one(store)
    before = await everything(store)
    settled = await store.settle(settlement(msgspec.structs.replace(claimed, claim=2), kind))
    assert (settled.lost, settled.delivered, settled.dead, settled.again) == (1, 0, 0, 0)
    assert await everything(store) == before


@pytest.mark.parametrize("kind", [Kind.DELIVERED, Kind.FAILED, Kind.REJECTED])
async def test_an_outcome_of_a_dispatcher_that_does_not_hold_the_message_is_lost_and_changes_nothing(
    store: Store, kind: Kind
) -> None:
    claimed = await claimed_one(store)
    before = await everything(store)
    assert (await store.settle(settlement(claimed, kind), dispatcher=OTHER)).lost == 1
    assert await everything(store) == before


@pytest.mark.parametrize("kind", [Kind.DELIVERED, Kind.FAILED, Kind.REJECTED])
async def test_an_outcome_after_the_message_was_claimed_anew_is_lost_and_the_new_claim_settles(
    store: Store, kind: Kind
) -> None:
    claimed = await claimed_one(store)
    [again] = await store.claim(NOW + LEASE, dispatcher=OTHER)
    before = await everything(store)
    assert (await store.settle(settlement(claimed, kind), now=NOW + LEASE)).lost == 1
    assert await everything(store) == before
    assert (await store.settle(settlement(again), now=NOW + LEASE, dispatcher=OTHER)).delivered == 1


async def test_an_outcome_after_its_lease_but_before_anyone_claimed_anew_still_counts(
    store: Store,
) -> None:
    claimed = await claimed_one(store)
    assert (await store.settle(settlement(claimed), now=NOW + LEASE + SECOND)).delivered == 1
    assert await store.claim(NOW + 2 * LEASE) == []


@pytest.mark.parametrize("late", [Kind.DELIVERED, Kind.FAILED])
@pytest.mark.parametrize("kind", [Kind.DELIVERED, Kind.FAILED])
async def test_of_two_outcomes_of_a_message_that_its_dispatcher_claimed_anew_only_the_later_claim_counts(
    store: Store, late: Kind, kind: Kind
) -> None:
    first = await claimed_one(store)
    [second] = await store.claim(NOW + LEASE)
    settled = await store.settle(settlement(first, late), settlement(second, kind), now=NOW + LEASE)
    assert (settled.delivered, settled.again, settled.lost) == (
        kind is Kind.DELIVERED,
        kind is Kind.FAILED,
        1,
    )
    assert (await store.select("select sum(delivered), sum(retried) from tally")) == [
        (settled.delivered, settled.again)
    ]


async def test_an_outcome_of_a_claim_before_a_requeue_does_not_settle_the_claim_after_it(
    store: Store,
) -> None:
    before = await claimed_one(store)
    [other] = await store.claim(NOW + LEASE)
    await store.settle(settlement(other, Kind.REJECTED), now=NOW + LEASE)
    at = NOW + LEASE + SECOND
    await store.requeue(before.id, at)
    [after] = await store.claim(at)
    assert after.claim > other.claim > before.claim
    assert (await store.settle(settlement(before), settlement(other), now=at)).lost == 2
    assert (await store.settle(settlement(after), now=at)).delivered == 1


async def test_an_outcome_settles_once(store: Store) -> None:
    claimed = await claimed_one(store)
    await store.settle(settlement(claimed))
    before = await everything(store)
    assert (await store.settle(settlement(claimed), now=later(1))).lost == 1
    assert await everything(store) == before


async def test_outcomes_of_many_lanes_and_kinds_settle_in_one_go(store: Store) -> None:
    kinds = [
        Kind.DELIVERED,
        Kind.FAILED,
        Kind.REJECTED,
        Kind.DELIVERED,
        Kind.TIMEOUT,
        Kind.UNREACHABLE,
        Kind.DELIVERED,
    ]
    await store.insert(*(message(f"w{number}") for number in range(len(kinds))))
    claimed = sorted(await store.claim(), key=lambda c: c.workspace)
    settled = await store.settle(
        *(settlement(c, kind) for c, kind in zip(claimed, kinds, strict=True))
    )
    assert (settled.delivered, settled.dead, settled.again, settled.lost) == (3, 1, 3, 0)
    assert await store.statuses(claimed) == [
        Status.DELIVERED,
        Status.SCHEDULED,
        Status.DEAD,
        Status.DELIVERED,
        Status.SCHEDULED,
        Status.SCHEDULED,
        Status.DELIVERED,
    ]


async def test_a_retry_keeps_its_place_by_priority(store: Store) -> None:
    urgent = message(priority=Priority.HIGH)
    await store.insert(urgent)
    await store.settle_as(Kind.FAILED, *await store.claim())
    await store.insert(*(message(due_at=NOW - SECOND) for _ in range(3)))
    assert [claimed.id for claimed in await store.claim(later(1), most=1)] == [urgent.id]


async def test_every_final_status_takes_the_next_place_in_the_change_feed(store: Store) -> None:
    await store.insert(*(message() for _ in range(3)))
    first, second, third = await store.claim()
    await store.settle_as(Kind.DELIVERED, second)
    await store.settle_as(Kind.DELIVERED, first, third)
    changes = [row[0] for row in await store.select("select id from result order by seq")]
    assert [str(change) for change in changes] == [second.id, first.id, third.id]


async def test_batches_and_lateness_are_counted(store: Store) -> None:
    await store.insert(message(due_at=NOW - 40_000))
    [claimed] = await store.claim()
    outcome = settlement(claimed, started_at=NOW + 10_000, duration=5_000)
    await store.database.write(
        settling.settle, [outcome], [FinishedBatch("acme", Channel.SMS, 70_000)], terms(), later(1)
    )
    counted = await store.select(
        "select batches, batch_time, starts, lateness, first_at, last_at, delivered from tally"
        " where writer = 'tests' and delivered = 1"
    )
    assert [tuple(row) for row in counted] == [(1, 70_000, 1, 50_000, NOW + 10_000, later(1), 1)]
