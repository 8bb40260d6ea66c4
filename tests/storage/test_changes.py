"""The change feed: every end and every return by a requeue, the newest of a message, in an
order in which a late commit is never skipped.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from queue_services.domain.message import Message, Status
from queue_services.domain.outcome import Kind
from queue_services.queue import changes, settling
from queue_services.queue.changes import Change, Changes, Position
from queue_services.storage import statements
from queue_services.storage.port import Tx
from tests.storage.interleaving import Stopped
from tests.storage.store import Store, change, later, select
from tests.support.builders import NOW, message, settlement, terms

POSTGRES = pytest.mark.parametrize(
    "shared_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
WRITERS = 50


async def read(
    store: Store, after: Position | None = None, most: int = 100, workspace: str | None = None
) -> Changes:
    return await store.database.read(changes.read, after or Position(), most, workspace=workspace)


async def end(store: Store, kind: Kind = Kind.DELIVERED, **members: str) -> Message:
    """A message that has ended."""
    ended = message(**members)  # type: ignore[arg-type]  # a workspace's name, as a rule
    await store.insert(ended)
    await store.settle_as(kind, *await store.claim())
    return ended


async def test_ends_come_in_the_order_in_which_they_were_written_and_a_cursor_goes_on_behind_them(
    store: Store,
) -> None:
    first = await read(store)
    assert first.changes == []
    delivered, rejected = await end(store), await end(store, Kind.REJECTED)
    waiting = message(due_at=later(60))
    await store.insert(waiting)
    await store.cancel(waiting, later(1))
    expected = [
        Change(delivered.id, Status.DELIVERED, NOW),
        Change(rejected.id, Status.DEAD, NOW),
        Change(waiting.id, Status.CANCELLED, later(1)),
    ]
    seen = await read(store, first.position)
    assert seen.changes == expected
    assert (await read(store, seen.position)).changes == []


async def test_pages_of_any_size_come_to_the_same_feed(store: Store) -> None:
    ended = [(await end(store)).id for _ in range(7)]
    for most in (1, 2, 7, 8):
        seen, position = [], Position()
        while (page := await read(store, position, most)).changes:
            seen += [change.id for change in page.changes]
            position = page.position
        assert seen == ended


async def test_a_requeue_is_a_change_and_only_the_newest_of_a_message_is_told(store: Store) -> None:
    failed, other = await end(store, Kind.REJECTED), await end(store)
    await store.requeue(failed, later(5))
    seen = await read(store)
    assert seen.changes == [
        Change(other.id, Status.DELIVERED, NOW),
        Change(failed.id, Status.SCHEDULED, later(5)),
    ]
    await store.deliver_all(later(6))
    assert (await read(store, seen.position)).changes == [
        Change(failed.id, Status.DELIVERED, later(6))
    ]


async def test_a_workspace_sees_its_own_and_moves_past_the_others(store: Store) -> None:
    mine = await end(store, workspace="mine")
    for _ in range(3):
        await end(store, workspace="other")
    seen = await read(store, workspace="mine")
    assert [change.id for change in seen.changes] == [mine.id]
    last = (await read(store)).position
    assert seen.position >= last
    again = await end(store, workspace="mine")
    assert [
        change.id for change in (await read(store, seen.position, workspace="mine")).changes
    ] == [again.id]


@pytest.mark.parametrize("few", [0, 6, 1000])
async def test_a_workspace_sees_the_same_whether_its_messages_are_looked_up_or_everybodys_changes_gone_through(
    store: Store, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "FEW", few)
    rnd = random.Random(3)
    ended = [await end(store, workspace=rnd.choice(["mine", "other", "other"])) for _ in range(30)]
    failed = await end(store, Kind.REJECTED, workspace="mine")
    await store.requeue(failed, later(5))
    await store.deliver_all(later(6))
    expected = [message.id for message in ended if message.workspace == "mine"] + [failed.id]
    for most in (1, 3, 100):
        seen, position = [], Position()
        while (page := await read(store, position, most, workspace="mine")).changes:
            seen += [change.id for change in page.changes]
            position = page.position
            assert len(seen) <= len(expected)
        assert seen == expected


@POSTGRES
async def test_the_feed_is_read_in_the_order_of_its_index_without_sorting_it(store: Store) -> None:
    text = statements.load("postgres")["changes_after"]
    for number, value in enumerate(("0", "0", "'mine'", "100"), start=1):
        text = text.replace(f"${number}", value)

    async def plan(tx: Tx) -> str:
        await change(
            tx, "set local enable_sort = off"
        )  # it sorts all the same where no index has the order
        return "\n".join(row[0] for row in await select(tx, f"explain {text}"))

    found = await store.database.read(plan)
    assert "Index Scan using result_change" in found
    assert "Sort" not in found


async def test_a_cursor_of_a_store_that_was_replaced_by_an_older_copy_begins_anew(
    store: Store,
) -> None:
    ended = await end(store)
    last = (await read(store)).position
    beyond = Position(last.transaction + 10**6, last.number + 10**6)
    assert [change.id for change in (await read(store, beyond)).changes] == [ended.id]
    assert (await read(store, last)).changes == []


@POSTGRES
async def test_changes_that_came_in_a_dump_of_another_server_are_read_once_they_are_adopted(
    store: Store,
) -> None:
    first, second = await end(store), await end(store)
    await store.change("update result set xid = '99000000000'::xid8")
    assert (await read(store)).changes == []
    await store.database.write(changes.adopt)
    own = await end(store)
    seen = await read(store)
    assert [change.id for change in seen.changes] == [first.id, second.id, own.id]
    await store.database.write(changes.adopt)
    assert (await read(store, seen.position)).changes == []


@POSTGRES
async def test_what_commits_late_is_told_whichever_statement_it_was_at(store: Store) -> None:
    stop, length = 0, 1
    while stop < length:
        stop += 1
        slow, quick = message("slow"), message("quick")
        await store.insert(slow, quick)
        claimed = {each.workspace: each for each in await store.claim()}

        async def settle(tx: Tx, workspace: str = "slow", claimed: dict = claimed) -> None:  # type: ignore[type-arg]
            await settling.settle(
                tx, [settlement(claimed[workspace])], [], terms(writer=workspace), NOW
            )

        position = (await read(store)).position
        stopped = Stopped(settle, stop)
        writing = asyncio.create_task(store.database.write(stopped))
        await stopped.reached.wait()
        await store.database.write(settle, "quick")
        seen = await read(store, position)
        stopped.go_on.set()
        await writing
        length = stopped.length
        rest = await read(store, seen.position)
        assert {change.id for change in seen.changes + rest.changes} == {
            slow.id,
            quick.id,
        }, f"it was at statement {stop}"
        assert len(seen.changes + rest.changes) == 2
    assert length > 3


@POSTGRES
async def test_a_follower_of_fifty_writers_misses_nothing_and_sees_nothing_twice(
    store: Store,
) -> None:
    rnd = random.Random(7)
    messages = {number: [message(f"w{number}") for _ in range(4)] for number in range(WRITERS)}
    await store.insert(*(each for some in messages.values() for each in some))
    claimed = {each.id: each for each in await store.claim(most=10_000)}
    writers = [store.beside() for _ in range(WRITERS)]
    begun = asyncio.Barrier(WRITERS)

    async def settle_slowly(tx: Tx, number: int, one: str, turns: int) -> None:
        await settling.settle(tx, [settlement(claimed[one])], [], terms(writer=f"d{number}"), NOW)
        for _ in range(turns):  # so that it commits long after it took its number
            await asyncio.sleep(0)

    async def write(number: int) -> None:
        await begun.wait()
        for each in messages[number]:
            await writers[number].database.write(
                settle_slowly, number, each.id, rnd.choice([0, 3, 30, 300])
            )

    writing = asyncio.gather(*map(write, range(WRITERS)))
    seen: list[str] = []
    position, pages = Position(), 0
    while len(seen) < len(claimed):
        over = writing.done()
        page = await read(store, position, 20)
        assert page.changes or not over, "all have committed, and some are missing"
        pages += bool(page.changes)
        seen += [change.id for change in page.changes]
        position = page.position
    await writing
    assert sorted(seen) == sorted(claimed)
    assert pages > 3
