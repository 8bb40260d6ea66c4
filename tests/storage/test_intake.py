"""Intake: what is inserted, and what an idempotency key makes of it."""

from __future__ import annotations

import msgspec
import pytest

from queue_services.domain.message import Channel, Message, Priority, Status, new_id
from queue_services.queue.intake import KeyConflicts
from tests.storage.store import Store, later
from tests.support.builders import NOW, message


def again(first: Message, **changes: object) -> Message:
    """The same request a second time: another id, as intake gives it."""
    return msgspec.structs.replace(first, id=new_id(NOW), **changes)


async def count(store: Store, table: str) -> int:
    [[rows]] = await store.select(f"select count(*) from {table}")
    return int(rows)


async def test_an_inserted_message_is_scheduled_with_all_it_was_given(store: Store) -> None:
    new = message(
        channel=Channel.EMAIL,
        due_at=later(90),
        contact="c-1",
        campaign="spring",
        priority=Priority.HIGH,
        expires_at=later(3600),
        key="k",
        payload='{"html":"<b>\\u0000 ünï</b>"}',
    )
    [insertion] = await store.insert(new)
    assert (insertion.id, insertion.due_at, insertion.replayed, insertion.conflict) == (
        new.id,
        later(90),
        False,
        False,
    )
    job = await store.job(new)
    given = (
        job.id,
        job.workspace,
        job.channel,
        job.contact,
        job.campaign,
        job.priority,
        job.created_at,
        job.expires_at,
        job.idempotency_key,
        job.payload,
    )
    assert given == (
        new.id,
        "acme",
        Channel.EMAIL,
        "c-1",
        "spring",
        Priority.HIGH,
        NOW,
        later(3600),
        "k",
        new.payload,
    )
    state = (
        job.status,
        job.due_at,
        job.tries,
        job.attempts,
        job.next_attempt_at,
        job.waiting_for,
        job.finished_at,
        job.error,
    )
    assert state == (Status.SCHEDULED, later(90), 0, 0, later(90), "due", None, None)


async def test_the_same_key_again_answers_the_first_and_inserts_nothing(store: Store) -> None:
    first = message(key="k", due_at=later(60))
    await store.insert(first)
    [replay] = await store.insert(again(first, due_at=later(75)), now=later(1))
    assert (replay.id, replay.due_at, replay.replayed, replay.conflict) == (
        first.id,
        later(60),
        True,
        False,
    )
    assert (await count(store, "message"), await count(store, "pending")) == (1, 1)


async def test_a_key_is_replayed_after_its_message_has_ended(store: Store) -> None:
    first = message(key="k")
    await store.insert(first)
    await store.deliver_all()
    [replay] = await store.insert(again(first), now=later(5))
    assert (replay.id, replay.due_at, replay.replayed) == (first.id, NOW, True)
    assert await store.claim(later(5)) == []


async def test_the_same_key_for_something_else_is_a_conflict_and_inserts_nothing(
    store: Store,
) -> None:
    first = message(key="k")
    await store.insert(first)
    [conflict] = await store.insert(again(first, fingerprint="another"))
    assert (conflict.id, conflict.conflict, conflict.replayed) == (first.id, True, False)
    assert await count(store, "message") == 1


async def test_a_key_belongs_to_its_workspace(store: Store) -> None:
    insertions = await store.insert(
        message("a", key="k"), message("b", key="k", fingerprint="another")
    )
    assert not any(insertion.replayed or insertion.conflict for insertion in insertions)
    assert await count(store, "message") == 2


async def test_within_one_intake_the_first_use_of_a_key_wins(store: Store) -> None:
    first = message(key="k")
    same, other, keyless = again(first), again(first, fingerprint="another"), message()
    insertions = await store.insert(first, same, other, keyless)
    assert [(i.id, i.replayed, i.conflict) for i in insertions] == [
        (first.id, False, False),
        (first.id, True, False),
        (first.id, False, True),
        (keyless.id, False, False),
    ]
    assert await count(store, "message") == 2


async def test_new_and_known_keys_in_one_intake_are_answered_in_order(store: Store) -> None:
    old = message(key="old", due_at=later(9))
    await store.insert(old)
    new = message(key="new")
    insertions = await store.insert(again(old, fingerprint="another"), new, again(old), again(new))
    assert [(i.id, i.replayed, i.conflict) for i in insertions] == [
        (old.id, False, True),
        (new.id, False, False),
        (old.id, True, False),
        (new.id, True, False),
    ]


async def test_all_or_none_inserts_all_where_no_key_is_in_conflict(store: Store) -> None:
    old = message(key="old")
    await store.insert(old)
    insertions = await store.insert_all(message(), again(old), message(key="new"))
    assert [insertion.replayed for insertion in insertions] == [False, True, False]
    assert await count(store, "message") == 3


async def test_all_or_none_inserts_nothing_and_names_every_conflict(store: Store) -> None:
    old = message(key="old")
    await store.insert(old)
    fresh = message("other", key="fresh", campaign="autumn")
    with pytest.raises(KeyConflicts) as refused:
        await store.insert_all(
            fresh, again(old, fingerprint="another"), message(), again(fresh, fingerprint="another")
        )
    assert refused.value.indexes == [1, 3]
    assert [
        await count(store, table)
        for table in ("message", "pending", "idempotency", "lane", "campaign")
    ] == [1, 1, 1, 1, 0]
    [[accepted]] = await store.select("select sum(accepted) from tally")
    assert accepted == 1
    [insertion] = await store.insert(fresh)
    assert not insertion.replayed


async def test_an_intake_of_nothing_but_replays_changes_nothing(store: Store) -> None:
    first = message(key="k")
    await store.insert(first)
    before = await store.select("select * from lane")
    await store.insert(again(first, due_at=NOW), now=later(1))
    assert await store.select("select * from lane") == before


async def test_accepted_messages_are_counted_by_workspace_channel_and_campaign(
    store: Store,
) -> None:
    await store.insert(
        message("a", campaign="x"),
        message("a", campaign="x"),
        message("a"),
        message("a", channel=Channel.EMAIL),
        message("b", campaign="x"),
        message("b"),
    )
    counted = await store.select(
        "select t.workspace, t.channel, c.name, t.accepted from tally t left join campaign c on"
        " c.id = t.campaign order by 1, 2 desc, coalesce(c.name, '')"
    )
    assert [tuple(row) for row in counted] == [
        ("a", "sms", None, 1),
        ("a", "sms", "x", 2),
        ("a", "email", None, 1),
        ("b", "sms", None, 1),
        ("b", "sms", "x", 1),
    ]


async def test_text_is_kept_to_the_letter(store: Store) -> None:
    odd = "Ünï'; drop table message; --\t😀 {} , \\ \""
    new = message(odd, contact=odd, campaign=odd, key=odd, recipient=odd)
    await store.insert(new)
    [claimed] = await store.claim()
    assert (claimed.workspace, claimed.contact) == (odd, odd)
    job = await store.job(new)
    assert (job.workspace, job.contact, job.campaign, job.idempotency_key) == (odd, odd, odd, odd)
    assert [
        found.id
        for found in await store.search(workspace=odd, contact=odd, campaign=odd, recipient=odd)
    ] == [new.id]
