"""Forgetting: a contact's content is gone from every row, the bodies of what was delivered
go after a while, and nothing else changes.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from queue_services.domain.message import Channel, Status
from queue_services.domain.outcome import Kind
from queue_services.errors import Conflict
from queue_services.queue import operations, privacy, retention, verification
from queue_services.queue.operations import Action, Request
from queue_services.queue.privacy import Erased
from queue_services.queue.records import JobFilter
from tests.storage.store import Store, later
from tests.support.builders import NOW, WRITER, message

SECRET = "+1 555 0199"
PAYLOAD = json.dumps(
    {"to": SECRET, "text": f"hello {SECRET}", "metadata": {"name": SECRET}, "endpoint": "/in"}
)


def secret(**members: Any) -> Any:
    return message(recipient=SECRET, payload=PAYLOAD, contact="ada", **members)


async def erase(
    store: Store, contact: str = "ada", workspace: str = "acme", now: int = NOW
) -> Erased:
    return await store.database.write(privacy.erase, workspace, contact, now, WRITER)


async def everything(store: Store) -> str:
    """Every column of every table that there is."""
    tables = {
        "sqlite": "select name from sqlite_schema where type = 'table'",
        "postgres": "select table_name from information_schema.tables where table_schema = 'public'",
    }[store.database.backend]
    names = [str(row[0]) for row in await store.select(tables)]
    assert {"message", "operation", "idempotency"} <= set(names)
    return str([[name, await store.select(f"select * from {name}")] for name in names])


async def test_nothing_of_an_erased_contact_is_left_in_any_state(store: Store) -> None:
    await store.insert(
        *(
            secret(campaign="spring", key=f"k{number}", channel=channel)
            for number in range(4)
            for channel in [Channel.SMS]
        )
    )
    claimed = await store.claim(most=3)
    await store.settle_as(Kind.DELIVERED, claimed[0])
    await store.settle_as(Kind.FAILED, claimed[1], error=f"no {SECRET}")
    await store.settle_as(Kind.REJECTED, claimed[2], error=f"not {SECRET}")
    assert SECRET in await everything(store)
    assert await erase(store) == Erased(jobs=4, cancelled=2, in_flight=0)
    assert SECRET not in await everything(store)
    assert await store.statuses(claimed) == [Status.DELIVERED, Status.CANCELLED, Status.DEAD]
    assert (
        await store.database.read(verification.verify, dict.fromkeys(Channel, 1000000.0), NOW)
    ).findings == []
    assert await erase(store) == Erased(0, 0, 0)


async def test_another_contact_and_another_workspace_are_left_alone(store: Store) -> None:
    theirs = [secret(workspace="globex"), message(contact="bob", recipient=SECRET, payload=PAYLOAD)]
    await store.insert(secret(), *theirs)
    assert (await erase(store)).jobs == 1
    assert {job.payload for job in [await store.job(one) for one in theirs]} == {PAYLOAD}
    assert await store.statuses(theirs) == [Status.SCHEDULED] * 2


async def test_what_is_in_flight_is_told_of_and_not_sent_again(store: Store) -> None:
    await store.insert(secret())
    [claimed] = await store.claim()
    assert await erase(store) == Erased(jobs=1, cancelled=0, in_flight=1)
    await store.settle_as(Kind.FAILED, claimed)
    assert await store.claim(later(60)) == []
    assert (await store.job(claimed.id)).status is Status.CANCELLED


async def test_an_erased_job_cannot_be_retried(store: Store) -> None:
    await store.insert(secret())
    [claimed] = await store.claim()
    await store.settle_as(Kind.REJECTED, claimed)
    await erase(store)
    with pytest.raises(Conflict, match="erased"):
        await store.requeue(claimed.id)


async def test_many_are_erased_in_bites(store: Store) -> None:
    await store.insert(*(secret() for _ in range(retention.BITE + 7)))
    assert [(await erase(store)).jobs for _ in range(3)] == [retention.BITE, 7, 0]


async def test_bodies_of_what_was_delivered_before_an_instant_are_dropped_and_nothing_else(
    store: Store,
) -> None:
    early, late, failed, waiting = (
        secret(due_at=NOW),
        secret(due_at=NOW),
        secret(due_at=NOW),
        secret(due_at=later(9_999)),
    )
    await store.insert(early, late, failed, waiting)
    by_id = {one.id: one for one in await store.claim()}
    await store.settle_as(Kind.DELIVERED, by_id[early.id])
    await store.settle_as(Kind.REJECTED, by_id[failed.id])
    await store.settle_as(Kind.DELIVERED, by_id[late.id], now=later(100))
    assert await store.database.write(privacy.drop_bodies, later(50)) == 2
    dropped = json.loads((await store.job(early)).payload)
    assert dropped == {"to": SECRET, "metadata": {"name": SECRET}, "endpoint": "/in"}
    assert [(await store.job(one)).payload for one in (late, failed, waiting)] == [PAYLOAD] * 3


async def test_dropping_goes_on_where_it_was_even_among_those_that_ended_at_the_same_instant(
    store: Store,
) -> None:
    await store.insert(*(secret() for _ in range(7)))
    await store.settle_as(Kind.DELIVERED, *await store.claim())
    assert [await store.database.write(privacy.drop_bodies, later(1), 3) for _ in range(4)] == [
        3,
        3,
        1,
        0,
    ]
    assert "hello" not in await everything(store)
    await store.insert(secret(due_at=later(2)))
    await store.settle_as(Kind.DELIVERED, *await store.claim(later(2)), now=later(2))
    assert await store.database.write(privacy.drop_bodies, later(3)) == 1
    assert "hello" not in await everything(store)


async def test_nothing_of_an_erased_contact_comes_back_from_flight(store: Store) -> None:
    await store.insert(*(secret() for _ in range(2)))
    claimed = await store.claim()
    await erase(store)
    await store.settle_as(Kind.FAILED, claimed[0], error=f"no {SECRET}")
    await store.settle_as(Kind.REJECTED, claimed[1], error=f"not {SECRET}")
    assert SECRET not in await everything(store)


async def test_an_erased_contacts_idempotency_keys_and_fingerprints_are_gone(store: Store) -> None:
    first = secret(key=f"key of {SECRET}", fingerprint="print-of-ada")
    await store.insert(first)
    await erase(store)
    kept = await everything(store)
    assert SECRET not in kept
    assert "print-of-ada" not in kept


async def test_a_replay_after_the_body_was_dropped_answers_the_first_job_unchecked(
    store: Store,
) -> None:
    first = secret(key="k", fingerprint="print-of-ada", due_at=NOW)
    await store.insert(first)
    await store.settle_as(Kind.DELIVERED, *await store.claim())
    await store.database.write(privacy.drop_bodies, later(50))
    assert "print-of-ada" not in await everything(store)
    [again] = await store.insert_all(secret(key="k", fingerprint="another"))
    assert (again.id, again.replayed, again.conflict) == (first.id, True, False)


async def test_operations_that_searched_for_an_erased_contact_are_stopped_and_forget_it(
    store: Store,
) -> None:
    await store.insert(secret())
    for named in (
        JobFilter(contact="ada"),
        JobFilter(recipient=SECRET),
        JobFilter(text="Ada"),
        JobFilter(contact="bob"),
    ):
        wanted = msgspec.structs.replace(named, workspace="acme", status=Status.SCHEDULED)
        operation = operations.new_operation(
            Action.CANCEL, "me", "acme", Request(wanted=wanted), 1, NOW
        )
        await operations.add.run(store.database, operation)
    await erase(store)
    assert SECRET not in await everything(store)
    requests = await store.select("select state, request from operation order by id")
    assert [state for state, _ in requests] == ["stopped", "stopped", "stopped", "waiting"]
    assert "ada" not in str(requests)
    assert "bob" in str(requests)
