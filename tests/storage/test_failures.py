"""Failed jobs by their fault, and the answers that are kept of them."""

from __future__ import annotations

from typing import Any

from queue_services.domain.message import Channel, Status
from queue_services.domain.outcome import AnswerBody, Kind
from queue_services.queue import failures, privacy
from queue_services.queue.failures import ErrorFilter, ErrorGroup
from tests.storage.store import Store, later
from tests.support.builders import NOW, WRITER, message, settlement

BODY = AnswerBody(b'{"error":"order 17 is gone"}', "application/json", cut=False)


async def fail(
    store: Store, error: str, count: int = 1, now: int = NOW, **members: Any
) -> list[str]:
    """Schedule messages and let each fail of an error; their ids."""
    await store.insert(*(message("acme", due_at=now, **members) for _ in range(count)))
    claimed = await store.claim(now)
    outcomes = [settlement(one, Kind.REJECTED, error=error) for one in claimed]
    await store.settle(*outcomes, now=now)
    return [one.id for one in claimed]


async def groups(store: Store, **wanted: Any) -> list[ErrorGroup]:
    return await failures.groups.run(store.database, ErrorFilter(**wanted), 50)


async def test_failures_of_one_fault_are_one_group_the_most_frequent_first(store: Store) -> None:
    await fail(store, "order 17 is gone")
    await fail(store, "order 18 is gone", now=later(2))
    await fail(store, "no such number", now=later(4))
    first, second = await groups(store)
    assert (first.fault, first.count, first.status_code) == ("order … is gone", 2, 422)
    assert first.last_at == later(2)
    assert (second.fault, second.count) == ("no such number", 1)
    [job] = await store.search(error_group=second.id)
    assert (job.id, job.status) == (second.example, Status.DEAD)


async def test_groups_are_narrowed_and_paged(store: Store) -> None:
    await fail(store, "a", campaign="spring")
    await fail(store, "b", now=later(2))
    assert [one.fault for one in await groups(store, campaign="spring")] == ["a"]
    assert [one.fault for one in await groups(store, begin=later(1))] == ["b"]
    assert [one.fault for one in await groups(store, end=later(1))] == ["a"]
    assert await groups(store, workspace="globex") == []
    assert await groups(store, channel=Channel.EMAIL) == []
    [page] = await failures.groups.run(store.database, ErrorFilter(), 1)
    after = (page.count, page.id)
    [rest] = await failures.groups.run(store.database, ErrorFilter(), 1, after)
    assert {page.fault, rest.fault} == {"a", "b"}


async def test_a_job_that_is_retried_leaves_its_group(store: Store) -> None:
    [job] = await fail(store, "no")
    await store.requeue(job)
    assert await groups(store) == []


async def test_pruned_jobs_leave_nothing(store: Store) -> None:
    await fail(store, "no")
    assert await store.prune(later(1)) == 1
    assert await groups(store) == []
    assert await store.select("select count(*) from answer") in ([(0,)], [[0]])


async def test_the_answer_to_the_last_failed_attempt_is_kept_with_it(store: Store) -> None:
    await store.insert(sent := message("acme"))
    for number, kind in ((1, Kind.FAILED), (2, Kind.REJECTED)):
        [claimed] = await store.claim(later(number * 5))
        outcome = settlement(claimed, kind, error="no", body=BODY if number == 2 else None)
        await store.settle(outcome, now=later(number * 5))
    first, last = await store.attempts(sent)
    assert (first.answer, first.answer_cut) == (None, False)
    assert (last.answer, last.answer_cut) == ('{"error":"order 17 is gone"}', False)


async def test_an_answer_to_a_delivered_message_is_not_kept(store: Store) -> None:
    await store.insert(sent := message("acme"))
    [claimed] = await store.claim()
    await store.settle(settlement(claimed, Kind.DELIVERED, body=BODY))
    assert [one.answer for one in await store.attempts(sent)] == [None]


async def test_erasing_a_contact_clears_answers_and_faults(store: Store) -> None:
    await store.insert(sent := message("acme", contact="c-1"))
    [claimed] = await store.claim()
    await store.settle(settlement(claimed, Kind.REJECTED, error="no ada@x.org", body=BODY))
    await privacy.erase.run(store.database, "acme", "c-1", NOW, WRITER)
    assert [one.answer for one in await store.attempts(sent)] == [None]
    assert [one.fault for one in await groups(store)] == [""]
