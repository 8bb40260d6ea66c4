"""Turns between lanes: no workspace's backlog, priority, slow endpoint or hold delays another."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec

from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import SECOND, Priority
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

RATE = 50.0
PASS = 50_000
"""Microseconds from one claim to the next: so long takes half of the slots that a claim may
reserve ahead.
"""


async def claims_of(store: Store, passes: int, begin: int = NOW) -> list[ClaimedMessage]:
    """What so many claims at RATE take, in order; nothing is settled."""
    taken: list[ClaimedMessage] = []
    for step in range(passes):
        taken += await store.claim(begin + step * PASS, rate=RATE)
    return taken


async def test_a_lane_with_a_thousand_due_does_not_delay_one_with_one_due(store: Store) -> None:
    await store.insert(*(message("big", due_at=NOW - SECOND) for _ in range(1_000)))
    before = await claims_of(store, 10)
    assert {claimed.workspace for claimed in before} == {"big"}
    at = NOW + 10 * PASS
    small = message("small", due_at=at)
    await store.insert(small, now=at)
    slots = {claimed.id: claimed.slot for claimed in await claims_of(store, 10, at)}
    assert slots[small.id] - at < SECOND // 2


async def test_lanes_that_are_always_due_get_the_same_share(store: Store) -> None:
    for workspace, backlog in (("a", 300), ("b", 60), ("c", 60)):
        await store.insert(*(message(workspace) for _ in range(backlog)))
    taken = Counter(claimed.workspace for claimed in await claims_of(store, 45))
    assert sum(taken.values()) > 90
    assert max(taken.values()) - min(taken.values()) <= 8


async def test_a_lane_of_weight_three_gets_three_times_the_share(store: Store) -> None:
    await store.insert(
        *(message(workspace) for workspace in ("heavy", "light") for _ in range(200))
    )
    await store.change("update lane set weight = 3 where workspace = 'heavy'")
    taken = Counter(claimed.workspace for claimed in await claims_of(store, 60))
    assert 2.4 <= taken["heavy"] / taken["light"] <= 3.6


async def test_messages_of_several_units_take_no_further_turn_for_what_is_left_of_the_last(
    store: Store,
) -> None:
    await store.insert(
        *(msgspec.structs.replace(message("long"), units=3) for _ in range(200)),
        *(message("short") for _ in range(300)),
    )
    taken: Counter[str] = Counter()
    for claimed in await claims_of(store, 80):
        taken[claimed.workspace] += claimed.units
    assert 0.9 <= taken["long"] / taken["short"] <= 1.6


async def test_every_waiting_lane_has_its_turn_within_one_round(store: Store) -> None:
    await store.insert(*(message(f"w{number}") for number in range(40) for _ in range(20)))
    first_40_turns = await claims_of(store, 4 * 40 // 2)
    assert {claimed.workspace for claimed in first_40_turns[: 4 * 40 + 20]} == {
        f"w{number}" for number in range(40)
    }


async def test_every_fourth_slot_goes_to_a_lane_with_due_high_however_many_wait_before_it(
    store: Store,
) -> None:
    await store.insert(
        *(message(f"w{number}", due_at=NOW - SECOND) for number in range(60) for _ in range(10))
    )
    await claims_of(store, 5)
    at = NOW + 5 * PASS
    urgent = [message("urgent", priority=Priority.HIGH, due_at=at) for _ in range(10)]
    await store.insert(*urgent, now=at)
    taken = await claims_of(store, 12, at)
    places = [place for place, claimed in enumerate(taken) if claimed.workspace == "urgent"]
    assert len(places) >= len(taken) // 4
    assert places[0] <= 8
    assert max(late - early for early, late in pairwise(places)) <= 4


async def test_due_high_takes_no_more_than_every_fourth_slot_from_the_other_lanes(
    store: Store,
) -> None:
    await store.insert(*(message("urgent", priority=Priority.HIGH, due_at=NOW) for _ in range(200)))
    await store.insert(
        *(message(f"w{number}", due_at=NOW - SECOND) for number in range(30) for _ in range(10))
    )
    taken = Counter(claimed.workspace for claimed in await claims_of(store, 40))
    others = sum(taken.values()) - taken["urgent"]
    assert others >= 0.68 * sum(taken.values())


async def test_a_workspace_that_holds_as_many_connections_as_are_free_is_left_out(
    store: Store,
) -> None:
    await store.insert(*(message(workspace) for workspace in ("slow", "other") for _ in range(5)))
    taken = await store.pass_(free_connections=8, held={"slow": 8})
    assert Counter(claimed.workspace for claimed in taken.messages) == {"other": 4}
    assert taken.wake_at <= NOW


async def test_one_claim_gives_a_workspace_connections_only_while_it_holds_fewer_than_are_free(
    store: Store,
) -> None:
    await store.insert(*(message("slow") for _ in range(50)))
    assert len(await store.claim(free_connections=20)) == 10
    assert len(await store.claim(free_connections=10, held={"slow": 6})) == 2


async def test_a_claim_takes_no_more_than_there_are_connections(store: Store) -> None:
    await store.insert(*(message(f"w{number}") for number in range(30)))
    assert 0 < len(await store.claim(free_connections=7)) <= 7
    nothing = await store.pass_(free_connections=0)
    assert nothing.messages == []


async def test_a_lane_cut_short_by_missing_slots_goes_first_in_the_next_claim(store: Store) -> None:
    await store.insert(
        *(message("a", due_at=NOW - 2) for _ in range(6)),
        *(message("b", due_at=NOW - 1) for _ in range(6)),
    )
    first = await store.claim(most=2)
    second = await store.claim(NOW + 1, most=2)
    third = await store.claim(NOW + 2, most=2)
    assert [claimed.workspace for claimed in first + second + third] == ["a"] * 4 + ["b"] * 2


async def test_what_a_workspace_has_not_due_of_its_turn_goes_to_the_next_in_the_same_claim(
    store: Store,
) -> None:
    await store.insert(
        *(
            message(f"w{number}", due_at=NOW - SECOND + number)
            for number in range(50)
            for _ in range(6 if number in (3, 30) else 1)
        )
    )
    first, second = await store.claim(most=40), await store.claim(NOW + 1, most=40)
    assert Counter(claimed.workspace for claimed in first) == {
        f"w{number}": 4 if number in (3, 30) else 1 for number in range(34)
    }
    assert Counter(claimed.workspace for claimed in second) == {
        f"w{number}": 2 if number in (3, 30) else 1 for number in (*range(34, 50), 3, 30)
    }


async def test_a_lane_that_falls_due_later_waits_behind_those_that_wait_already(
    store: Store,
) -> None:
    await store.insert(message("second", due_at=NOW - 1), message("first", due_at=NOW - 2))
    await store.insert(message("third", due_at=later(1)))
    taken = await store.claim(later(2))
    assert [claimed.workspace for claimed in taken] == ["first", "second", "third"]
