"""How many of its lane go before a waiting message: counted together for many, and near
enough where a lane is too long to be counted.
"""

from __future__ import annotations

import random

import pytest

from queue_services.domain.message import SECOND, Message, Priority, new_id
from queue_services.queue import queue_positions
from tests.storage.store import Store, later
from tests.support.builders import NOW, message


async def ahead(store: Store, *messages: Message, waiting: int = 0) -> list[int]:
    found = await store.database.read(
        queue_positions.places, [each.id for each in messages], {"acme": waiting}
    )
    return [found[each.id] for each in messages]


def in_order(messages: list[Message]) -> list[Message]:
    return sorted(messages, key=lambda one: (one.due_at, one.id))


async def test_those_ahead_of_a_message_are_the_earlier_and_the_more_urgent(store: Store) -> None:
    mine = message(due_at=later(10))
    before = [
        message(due_at=later(5)),
        message(due_at=later(9), priority=Priority.HIGH),
        message(due_at=later(10), created_at=NOW - SECOND),
    ]
    behind = [
        message(due_at=later(11)),
        message(due_at=later(1), priority=Priority.LOW),
        message("other"),
    ]
    await store.insert(*before, mine, *behind)
    assert await ahead(store, mine) == [3]
    assert await ahead(store, *behind) == [4, 0, 0]
    assert await store.database.read(queue_positions.places, [new_id(NOW)], {}) == {}


async def test_many_are_counted_together_as_one_by_one(store: Store) -> None:
    rnd = random.Random(5)
    messages = [
        message(
            rnd.choice(["acme", "other"]),
            due_at=later(rnd.choice([-5, 0, 0, 20, 60])),
            priority=rnd.choice(list(Priority)),
        )
        for _ in range(80)
    ]
    await store.insert(*messages)
    some = rnd.sample(messages, 30)
    alone = [(await ahead(store, one))[0] for one in some]
    assert await ahead(store, *some) == alone
    assert alone == [
        sum(
            o.workspace == m.workspace
            and o.priority <= m.priority
            and (o.due_at, o.id) < (m.due_at, m.id)
            for o in messages
        )
        for m in some
    ]


async def test_what_is_parked_goes_before_nobody(store: Store) -> None:
    parked, free = message(campaign="spring"), message(due_at=later(60))
    await store.insert(parked, free)
    await store.pause_campaign()
    await store.claim()
    assert await ahead(store, free) == [0]


async def test_of_a_long_lane_the_places_near_its_ends_are_exact_and_the_others_near(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_positions, "COUNTED", 50)
    monkeypatch.setattr(queue_positions, "FEWEST", 20)
    messages = in_order([message(due_at=later(number / 10)) for number in range(1000)])
    await store.insert(*messages)
    assert await ahead(store, messages[10], messages[990], waiting=1000) == [10, 990]
    assert await ahead(store, messages[995], waiting=1000) == [995]
    for number in (100, 500, 800):
        assert await ahead(store, messages[number], waiting=1000) == [pytest.approx(number, abs=15)]


async def test_of_a_long_lane_of_one_instant_a_page_of_the_newest_is_exact_and_one_of_its_middle_near(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_positions, "COUNTED", 50)
    monkeypatch.setattr(queue_positions, "FEWEST", 20)
    messages = in_order([message(created_at=NOW + number * SECOND) for number in range(300)])
    await store.insert(*messages)
    assert await ahead(store, *messages[280:], waiting=300) == list(range(280, 300))
    assert await ahead(store, messages[100], waiting=300) == [pytest.approx(100, abs=5)]
