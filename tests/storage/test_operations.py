"""Operations on many jobs: done in bites by whoever takes them, resumed by another process
where one died; and the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Message, Status
from queue_services.domain.outcome import Kind
from queue_services.errors import Conflict, InvalidRequest, NotFound
from queue_services.queue import operation_runner, operations
from queue_services.queue.audit import Audit, newest
from queue_services.queue.operation_runner import OperationRunner
from queue_services.queue.operations import Action, Operation, Request
from queue_services.queue.records import JobFilter
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

SPRING = JobFilter(campaign="spring", status=Status.SCHEDULED)


class Process:
    """One process that does operations; its clock is moved by `seconds`."""

    def __init__(self, store: Store, name: str = "one") -> None:
        self.seconds = 0.0
        self.clock = Clock(monotonic=lambda: self.seconds, wall=lambda: NOW / SECOND)
        self.database = store.database
        self.operations = OperationRunner(store.database, self.clock, name)

    async def ask(
        self,
        action: Action,
        wanted: JobFilter = SPRING,
        *,
        jobs: Sequence[str] = (),
        workspace: str | None = None,
        **request: Any,
    ) -> Operation:
        self.seconds += 1  # ids of one millisecond are not told apart
        return await self.operations.start(
            action, "ada", workspace, Request(tuple(jobs), wanted, **request), 3
        )

    async def find(self, identity: str, workspace: str | None = None) -> Operation:
        return await operations.find.run(self.database, identity, workspace)

    async def finish(self) -> None:
        while await self.operations.advance():
            pass


async def spring(store: Store, count: int = 3, **members: Any) -> list[Message]:
    messages = [
        message(campaign="spring", due_at=later(3600), created_at=NOW, **members)
        for _ in range(count)
    ]
    await store.insert(*messages)
    return messages


async def test_all_that_match_are_cancelled_and_nothing_else(store: Store) -> None:
    matching, other = await spring(store), message(due_at=later(3600), created_at=NOW)
    await store.insert(other)
    process = Process(store)
    asked = await process.ask(Action.CANCEL)
    assert (await process.find(asked.id)).state == "waiting"
    await process.finish()
    assert await store.statuses([*matching, other]) == [Status.CANCELLED] * 3 + [Status.SCHEDULED]
    done = await process.find(asked.id)
    assert (done.state, done.done, done.skipped, done.actor) == ("finished", 3, 0, "ada")


async def test_what_is_scheduled_after_it_was_asked_for_is_left_alone(store: Store) -> None:
    before = await spring(store)
    process = Process(store)
    await process.ask(Action.CANCEL)
    late = message(campaign="spring", due_at=later(3600), created_at=later(60))
    await store.insert(late)
    await process.finish()
    assert await store.statuses([*before, late]) == [Status.CANCELLED] * 3 + [Status.SCHEDULED]


async def test_dead_jobs_are_retried(store: Store) -> None:
    await store.insert(*(message(campaign="spring") for _ in range(3)))
    claimed = await store.claim()
    await store.settle_as(Kind.REJECTED, *claimed)
    process = Process(store)
    await process.ask(Action.RETRY, JobFilter(campaign="spring", status=Status.DEAD))
    await process.finish()
    assert await store.statuses(claimed) == [Status.SCHEDULED] * 3


async def test_jobs_are_promoted_and_rescheduled(store: Store) -> None:
    jobs = await spring(store)
    process = Process(store)
    await process.ask(Action.RESCHEDULE, due_at=later(7200))
    await process.finish()
    assert {(await store.job(job)).due_at for job in jobs} == {later(7200)}
    await process.ask(Action.PROMOTE)
    await process.finish()
    assert {(await store.job(job)).due_at for job in jobs} == {later(2)}


async def test_chosen_jobs_whose_state_does_not_allow_it_are_skipped(store: Store) -> None:
    first, second = await spring(store, 2)
    await store.cancel(first)
    process = Process(store)
    asked = await process.ask(Action.PROMOTE, JobFilter(), jobs=[first.id, second.id])
    await process.finish()
    found = await process.find(asked.id)
    assert (found.done, found.skipped) == (1, 1)


async def test_an_operation_of_one_workspace_touches_no_other(store: Store) -> None:
    mine, theirs = await spring(store, 1), await spring(store, 1, workspace="other")
    process = Process(store)
    for wanted in (SPRING, JobFilter()):
        await process.ask(
            Action.CANCEL,
            wanted,
            jobs=[] if wanted is SPRING else [mine[0].id, theirs[0].id],
            workspace="acme",
        )
    await process.finish()
    assert await store.statuses([*mine, *theirs]) == [Status.CANCELLED, Status.SCHEDULED]


async def test_another_process_goes_on_where_one_died(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(operation_runner.BITE, Action.CANCEL, 2)
    jobs = await spring(store, 5)
    died, other = Process(store), Process(store, "two")
    asked = await died.ask(Action.CANCEL)
    await died.operations.advance()
    assert not await other.operations.advance()  # it is held for as long as the lease
    other.seconds = operation_runner.LEASE / SECOND + 2
    await other.finish()
    assert await store.statuses(jobs) == [Status.CANCELLED] * 5
    found = await other.find(asked.id)
    assert (found.state, found.done) == ("finished", 5)


async def test_a_process_that_lost_its_lease_does_not_count(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(operation_runner.BITE, Action.CANCEL, 2)
    await spring(store, 4)
    slow, other = Process(store), Process(store, "two")
    asked = await slow.ask(Action.CANCEL)
    await slow.operations.advance()
    other.seconds = operation_runner.LEASE / SECOND + 2
    await other.operations.advance()
    assert not await slow.operations.advance()
    await other.finish()
    assert (await other.find(asked.id)).done == 4


async def test_an_operation_that_is_stopped_leaves_the_rest(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(operation_runner.BITE, Action.CANCEL, 2)
    await spring(store, 4)
    process = Process(store)
    asked = await process.ask(Action.CANCEL)
    await process.operations.advance()
    await operations.stop.run(store.database, asked.id, None, NOW)
    await process.finish()
    assert (await process.find(asked.id)).state == "stopped"
    assert len(await store.search(status=Status.CANCELLED)) == 2
    with pytest.raises(Conflict):
        await operations.stop.run(store.database, asked.id, None, NOW)


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        (Action.CANCEL, JobFilter(status=Status.SCHEDULED)),
        (Action.CANCEL, JobFilter(campaign="spring")),
        (Action.CANCEL, JobFilter(campaign="spring", status=Status.DEAD)),
        (Action.RETRY, SPRING),
        (Action.RESCHEDULE, SPRING),
    ],
)
async def test_what_names_no_jobs_or_the_wrong_ones_is_refused(
    store: Store, action: Action, wanted: JobFilter
) -> None:
    with pytest.raises(InvalidRequest):
        await Process(store).ask(action, wanted)


async def test_another_workspaces_operation_is_not_found(store: Store) -> None:
    process = Process(store)
    asked = await process.ask(Action.CANCEL, workspace="acme")
    assert [found.id for found in await operations.newest.run(process.database, "acme", 10)] == [
        asked.id
    ]
    assert await operations.newest.run(process.database, "other", 10) == []
    for identity, workspace in ((asked.id, "other"), ("no id", None)):
        with pytest.raises(NotFound):
            await process.find(identity, workspace)


async def test_the_audit_log_keeps_what_was_done_and_what_was_refused(store: Store) -> None:
    process = Process(store)
    audit = Audit(store.database, process.clock)
    async with audit.of("ada", "cancel job", "job-1", workspace="acme", detail="one of them"):
        pass
    with pytest.raises(Conflict):
        async with audit.of("ada", "cancel job", "job-2"):
            raise Conflict("It has ended.")
    with pytest.raises(RuntimeError):
        async with audit.of("ada", "retry job", "job-3"):
            raise RuntimeError
    broken, refused, done = await newest.run(store.database, None, 10)
    assert (broken.outcome, refused.outcome, done.outcome) == (
        None,
        "refused: It has ended.",
        "done",
    )
    assert (done.actor, done.action, done.subject, done.workspace, done.detail, done.at) == (
        "ada",
        "cancel job",
        "job-1",
        "acme",
        "one of them",
        NOW,
    )
    assert await newest.run(store.database, "acme", 10) == [done]
    assert await newest.run(store.database, None, 10, before=refused.id) == [done]
