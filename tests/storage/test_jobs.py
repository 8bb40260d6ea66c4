"""What an operator may ask of one job: retry, promote, reschedule, cancel, and what each is
refused for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from queue_services.domain.message import SECOND, Message, Priority, Reason, Status, new_id
from queue_services.domain.outcome import Kind
from queue_services.errors import Conflict, NotFound
from queue_services.queue import jobs
from tests.storage.store import Store, later
from tests.support.builders import LEASE, NOW, message

Call = Callable[[Store, Message], Awaitable[object]]

CALLS: dict[str, Call] = {
    "cancel": lambda store, job: store.cancel(job, workspace="acme"),
    "requeue": lambda store, job: store.requeue(job, workspace="acme"),
    "reschedule": lambda store, job: store.reschedule(job, later(9), workspace="acme"),
    "promote": lambda store, job: store.promote(job, workspace="acme"),
}


async def ended(store: Store, kind: Kind, **members: object) -> Message:
    """A message whose delivery came back as `kind`."""
    job = message(**members)  # type: ignore[arg-type]
    await store.insert(job)
    await store.settle_as(kind, *await store.claim())
    return job


async def test_a_scheduled_job_is_cancelled_and_never_claimed(store: Store) -> None:
    job = message()
    await store.insert(job)
    cancelled = await store.cancel(job, later(1))
    assert (cancelled.status, cancelled.reason, cancelled.finished_at, cancelled.tries) == (
        Status.CANCELLED,
        Reason.CANCELLED,
        later(1),
        0,
    )
    assert await store.claim(later(60)) == []


async def test_a_job_waiting_for_its_next_try_is_cancelled_with_its_attempts_kept(
    store: Store,
) -> None:
    job = await ended(store, Kind.FAILED)
    cancelled = await store.cancel(job)
    assert (cancelled.status, cancelled.tries, cancelled.attempts) == (Status.CANCELLED, 1, 1)
    assert [attempt.number for attempt in await store.attempts(job)] == [1]


async def test_a_job_whose_lease_has_run_out_is_cancelled_and_the_late_outcome_is_lost(
    store: Store,
) -> None:
    job = message()
    await store.insert(job)
    claimed = await store.claim()
    await store.cancel(job, NOW + LEASE)
    assert (await store.settle_as(Kind.DELIVERED, *claimed, now=NOW + LEASE)).lost == 1
    assert (await store.job(job)).status is Status.CANCELLED


@pytest.mark.parametrize("call", ["cancel", "requeue", "reschedule", "promote"])
async def test_a_job_that_is_being_delivered_is_left_alone(store: Store, call: str) -> None:
    job = message()
    await store.insert(job)
    claimed = await store.claim()
    with pytest.raises(Conflict) as refused:
        await CALLS[call](store, job)
    assert refused.value.fields == {"status": Status.CLAIMED}
    assert (await store.settle_as(Kind.DELIVERED, *claimed)).delivered == 1


@pytest.mark.parametrize("call", ["cancel", "requeue", "reschedule", "promote"])
async def test_a_delivered_job_is_left_alone(store: Store, call: str) -> None:
    job = await ended(store, Kind.DELIVERED)
    with pytest.raises(Conflict) as refused:
        await CALLS[call](store, job)
    assert refused.value.fields == {"status": Status.DELIVERED}


@pytest.mark.parametrize("call", ["cancel", "reschedule", "promote"])
async def test_a_failed_job_can_only_be_retried(store: Store, call: str) -> None:
    job = await ended(store, Kind.REJECTED)
    with pytest.raises(Conflict) as refused:
        await CALLS[call](store, job)
    assert refused.value.fields == {"status": Status.DEAD}


async def test_a_scheduled_job_cannot_be_retried(store: Store) -> None:
    job = message()
    await store.insert(job)
    with pytest.raises(Conflict) as refused:
        await store.requeue(job)
    assert refused.value.fields == {"status": Status.SCHEDULED}


@pytest.mark.parametrize("call", ["cancel", "requeue", "reschedule", "promote"])
async def test_a_job_of_another_workspace_is_not_found_and_not_touched(
    store: Store, call: str
) -> None:
    job = message("globex")
    await store.insert(job)
    with pytest.raises(NotFound):
        await CALLS[call](store, job)
    assert (await store.job(job)).status is Status.SCHEDULED


@pytest.mark.parametrize("call", ["cancel", "requeue", "reschedule", "promote"])
async def test_an_unknown_id_is_not_found_whatever_it_looks_like(store: Store, call: str) -> None:
    for identity in (new_id(NOW), "no-uuid", "", "'", "01a3185c", "0" * 32, f"{{{new_id(NOW)}}}"):
        unknown = msgspec.structs.replace(message(), id=identity)
        with pytest.raises(NotFound):
            await CALLS[call](store, unknown)
        assert await store.attempts(unknown) == []


async def test_a_failed_job_is_retried_now_and_its_tries_start_anew(store: Store) -> None:
    job = await ended(store, Kind.REJECTED, due_at=NOW - 60 * SECOND)
    revived = await store.requeue(job, later(100))
    assert (
        revived.status,
        revived.due_at,
        revived.tries,
        revived.attempts,
        revived.reason,
        revived.finished_at,
    ) == (
        Status.SCHEDULED,
        later(100),
        0,
        1,
        None,
        None,
    )
    [claimed] = await store.claim(later(100))
    assert (claimed.id, claimed.tries, claimed.number) == (job.id, 0, 2)


async def test_the_numbers_of_attempts_go_on_over_retries(store: Store) -> None:
    job = await ended(store, Kind.REJECTED)
    for _ in range(2):
        await store.requeue(job)
        await store.settle_as(Kind.REJECTED, *await store.claim())
    await store.requeue(job)
    [claimed] = await store.claim()
    await store.settle_as(Kind.FAILED, claimed)
    await store.settle_as(Kind.DELIVERED, *await store.claim(later(1)))
    assert [(a.number, a.outcome) for a in await store.attempts(job)] == [
        (1, "rejected"),
        (2, "rejected"),
        (3, "rejected"),
        (4, "failed"),
        (5, "delivered"),
    ]
    assert (await store.job(job)).tries == 2


async def test_a_job_that_ended_without_a_post_adds_no_attempt_when_it_is_retried(
    store: Store,
) -> None:
    job = message()
    await store.insert(job)
    await store.cancel(job)
    revived = await store.requeue(job)
    assert (revived.attempts, await store.attempts(job)) == (0, [])
    [claimed] = await store.claim()
    assert claimed.number == 1


async def test_a_retried_job_is_retried_once(store: Store) -> None:
    job = await ended(store, Kind.REJECTED)
    await store.requeue(job)
    with pytest.raises(Conflict):
        await store.requeue(job)


async def test_a_retried_job_is_back_in_the_change_feed_as_scheduled(store: Store) -> None:
    job = await ended(store, Kind.REJECTED)
    other = message()
    await store.insert(other)
    await store.deliver_all()
    await store.requeue(job)
    changes = await store.select("select id, status from result order by seq")
    assert [(str(identity), status) for identity, status in changes] == [
        (other.id, "delivered"),
        (job.id, "scheduled"),
    ]


async def test_a_rescheduled_job_is_due_at_its_new_time_and_not_before(store: Store) -> None:
    job = message(due_at=later(10))
    await store.insert(job)
    moved = await store.reschedule(job, later(100))
    assert (moved.status, moved.due_at, moved.next_attempt_at) == (
        Status.SCHEDULED,
        later(100),
        later(100),
    )
    assert await store.claim(later(99)) == []
    assert len(await store.claim(later(100))) == 1


async def test_a_job_rescheduled_to_an_earlier_time_is_claimed_then(store: Store) -> None:
    job = message(due_at=later(1000))
    await store.insert(job)
    await store.pass_()
    await store.reschedule(job, later(5))
    assert (await store.pass_()).wake_at == later(5)
    assert len(await store.claim(later(5))) == 1


async def test_a_job_rescheduled_to_the_past_is_due_now(store: Store) -> None:
    job = message(due_at=later(1000))
    await store.insert(job)
    assert (await store.reschedule(job, NOW - SECOND, later(1))).due_at == later(1)
    assert len(await store.claim(later(1))) == 1


@pytest.mark.parametrize("priority", list(Priority))
async def test_a_promoted_job_is_due_now(store: Store, priority: Priority) -> None:
    job = message(due_at=later(1000), priority=priority)
    await store.insert(job)
    await store.pass_()
    promoted = await store.promote(job, later(3))
    assert (promoted.due_at, promoted.waiting_for) == (later(3), "service_limit")
    assert len(await store.claim(later(3))) == 1


async def test_a_job_waiting_for_its_next_try_can_be_promoted(store: Store) -> None:
    job = await ended(store, Kind.FAILED)
    await store.promote(job, later(0.1))
    [claimed] = await store.claim(later(0.1))
    assert (claimed.tries, claimed.number) == (1, 2)


async def test_what_a_job_waits_for_is_told(store: Store) -> None:
    future, due, held, own, paused = (
        message(due_at=later(9)),
        message(),
        message("held"),
        message("own"),
        message("paused"),
    )
    await store.insert(future, due, held, own, paused)
    await store.change(f"update lane set held_until = {later(9)} where workspace = 'held'")
    await store.change(f"update lane set rate = 5, slot_at = {later(9)} where workspace = 'own'")
    await store.change("update lane set paused = 1 where workspace = 'paused'")
    waiting = [(await store.job(job)).waiting_for for job in (future, due, held, own, paused)]
    assert waiting == ["due", "service_limit", "hold", "workspace_limit", "pause"]
    await store.change("update limit_state set paused = 1 where channel = 'sms'")
    assert (await store.job(due)).waiting_for == "pause"


async def test_jobs_are_found_in_the_order_asked_for_and_unknown_ones_are_left_out(
    store: Store,
) -> None:
    first, second = message(), message("globex")
    await store.insert(first, second)
    found = await store.database.read(
        jobs.find, [second.id, "nonsense", first.id, second.id, new_id(NOW)], NOW
    )
    assert [job.id for job in found] == [second.id, first.id, second.id]
    found = await store.database.read(jobs.find, [second.id, first.id], NOW, workspace="acme")
    assert [job.id for job in found] == [first.id]
