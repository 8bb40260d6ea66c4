"""What forecasts are made from: what each lane has waiting and when it is due; exact while
there is little, near enough and as quick when there is much.
"""

from __future__ import annotations

import json
import time

import msgspec
import pytest

from queue_services.domain.forecast.load import LaneLoad
from queue_services.domain.message import SECOND, Channel, Priority
from queue_services.domain.outcome import Kind
from queue_services.domain.tiers import TierChange
from queue_services.domain.workspace import Change
from queue_services.queue import loads, tiers, workspaces
from queue_services.queue.loads import LoadSnapshot
from queue_services.storage.port import Tx
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

Waves = tuple[tuple[int, int], ...]


async def snapshot(store: Store, now: int = NOW) -> LoadSnapshot:
    return await store.database.read(loads.snapshot, Channel.SMS, now)


async def lane(store: Store, workspace: str = "acme", now: int = NOW) -> LaneLoad:
    return (await store.database.read(loads.lanes, [workspace], Channel.SMS, now))[workspace]


async def test_a_lane_has_what_is_due_now_and_what_falls_due_later_in_waves(store: Store) -> None:
    dues = [0, 0, -5, 10, 10.2, 600, 601]
    await store.insert(
        *(message(due_at=later(due)) for due in dues),
        message("other", due_at=later(3)),
        message(channel=Channel.EMAIL),
    )
    mine = await lane(store)
    assert (mine.due, mine.waves) == (3, ((later(10.2), 2), (later(600), 2)))
    assert (await snapshot(store)).lanes == {
        "acme": mine,
        "other": LaneLoad(waves=((later(3), 1),)),
    }


async def test_a_lane_brings_its_limit_weight_window_hold_and_pause(store: Store) -> None:
    change = Change(tier="free", timezone="Europe/Berlin", paused={Channel.SMS: True})
    await store.database.write(workspaces.change, "acme", change, NOW)
    assert await lane(store) == LaneLoad(limit=5, weight=0.5, zone="Europe/Berlin", paused=True)
    await store.insert(message("held"))
    await store.settle_as(Kind.THROTTLED, *await store.claim(), wait_until=later(60))
    held = await lane(store, "held")
    assert (held.held_until, held.due + sum(count for _, count in held.waves)) == (later(60), 1)


async def test_a_lane_brings_its_daily_quota_and_what_is_left_of_it_today(store: Store) -> None:
    await store.database.write(tiers.change, "standard", TierChange(daily_quota={Channel.SMS: 3}))
    await store.insert(*(message() for _ in range(5)))
    assert len(await store.claim()) == 3
    used_up, tomorrow = await lane(store), await lane(store, now=later(86_400))
    assert (used_up.quota, used_up.left_today) == (3, 0)
    assert (tomorrow.quota, tomorrow.left_today) == (3, 3)
    nobody = await lane(store, "nobody")
    assert (nobody.quota, nobody.left_today) == (3, 3)


async def test_a_lane_brings_the_units_of_its_next_messages_where_they_are_counted(
    store: Store,
) -> None:
    some = [
        (0, 2, Priority.NORMAL),
        (60, 4, Priority.NORMAL),
        (-5, 3, Priority.NORMAL),
        (30, 5, Priority.HIGH),
    ]
    await store.insert(
        *(
            msgspec.structs.replace(message(due_at=later(due), priority=priority), units=units)
            for due, units, priority in some
        )
    )
    await store.insert(message("other"), message("other"))
    counted = await store.database.read(
        loads.lanes, ["acme", "other", "nobody"], Channel.SMS, NOW, counts_units=True
    )
    assert [sorted(counted[name].units) for name in ("acme", "other", "nobody")] == [
        [2, 3, 4, 5],
        [1],
        [1],
    ]
    assert (
        await store.database.read(loads.snapshot, Channel.SMS, NOW, counts_units=True)
    ).lanes == {name: counted[name] for name in ("acme", "other")}
    assert (await lane(store)).units == (1,)


async def test_of_a_long_lane_the_next_messages_alone_are_looked_at_for_their_units(
    store: Store,
) -> None:
    await store.insert(
        *(
            msgspec.structs.replace(message(due_at=later(number)), units=1 + (number >= 200))
            for number in range(300)
        )
    )
    assert (await store.database.read(loads.lanes, ["acme"], Channel.SMS, NOW, counts_units=True))[
        "acme"
    ].units == (1,)


async def test_a_workspace_that_never_sent_has_the_default_tiers_lane_and_nothing_waiting(
    store: Store,
) -> None:
    assert await lane(store, "nobody") == LaneLoad()
    assert (await snapshot(store)).lanes == {}


async def test_what_ended_or_is_in_flight_or_parked_waits_for_nothing(store: Store) -> None:
    await store.insert(
        message(), message(campaign="spring"), message(due_at=later(60), campaign="spring")
    )
    await store.pause_campaign()
    await store.claim()  # takes the one without a campaign, and parks the other that is due
    assert (await lane(store)).waves == ((later(60), 1),)
    assert (await lane(store)).due == 0


async def test_answers_of_late_are_how_long_an_endpoint_takes(store: Store) -> None:
    await store.insert(message(), message("slow"))
    for claimed in await store.claim():
        await store.settle_as(
            Kind.DELIVERED, claimed, duration=2_000_000 if claimed.workspace == "slow" else 20_000
        )
    assert ((await lane(store)).answer, (await lane(store, "slow")).answer) == (20_000, 2_000_000)


async def test_of_much_the_spans_are_counted_to_a_bound_and_filled_up_from_tallies(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loads, "EXACT", 100)
    monkeypatch.setattr(loads, "COUNTED_OF_ONE", 30)
    await store.insert(*(message(due_at=later(due)) for due in [*[-1] * 500, *range(20, 40), 3000]))
    mine = await lane(store)
    assert (mine.due, [count for _, count in mine.waves]) == (500, [20, 1])


async def test_of_many_lanes_some_stand_for_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("EXACT_LANES", 10), ("ONE_BY_ONE", 3), ("STAND_INS", 5)):
        monkeypatch.setattr(loads, name, value)
    await store.insert(*(message(f"w{number}") for number in range(20) for _ in range(number + 1)))
    found = (await snapshot(store)).lanes
    assert len(found) == 8
    assert [found[name].due for name in ("w19", "w18", "w17")] == [20, 19, 18]
    assert sum(one.lanes for one in found.values()) == 20
    assert sum(one.lanes * one.due for one in found.values()) == pytest.approx(210, rel=0.05)


@pytest.mark.long
@pytest.mark.parametrize("tenants", [1, 1_000])
async def test_a_million_waiting_messages_are_read_within_a_tenth_of_a_second(
    store: Store, tenants: int
) -> None:
    await store.insert(*(message(f"w{number}") for number in range(tenants)))
    await store.database.write(_fill, 1_000_000, tenants)
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        found = await snapshot(store)
        mine = await lane(store, "w0")
        took.append(time.perf_counter() - begun)
    print(
        json.dumps(
            {
                "backend": store.backend,
                "tenants": tenants,
                "ms": [round(one * 1000) for one in took],
            }
        )
    )
    waiting = sum(
        one.lanes * (one.due + sum(count for _, count in one.waves)) for one in found.lanes.values()
    )
    assert waiting == pytest.approx(1_000_000 + tenants, rel=0.02)
    assert mine.due + sum(count for _, count in mine.waves) == pytest.approx(
        1_000_000 / tenants, rel=0.02
    )
    assert min(took) < 0.1


async def _fill(tx: Tx, count: int, tenants: int) -> None:
    """Messages of many lanes, a third of them due, the others over the next ten days, as
    intake would have left them.
    """
    connection = tx._connection  # type: ignore[attr-defined]
    if type(tx).__name__ == "SqliteTx":
        numbers = (
            f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) "
        )
        connection.execute(
            f"{numbers} insert into pending (id, lane, priority, due_at, visible_at) select"
            f" printf('00000000-0000-7000-8000-%012x', i), 1 + i % {tenants}, 1, {NOW}, {NOW} + (i"
            " % 3 > 0) * (i * 7919 % 864000) * 1000000 from n"
        )
    else:
        await connection.execute(
            "insert into pending (id, lane, priority, due_at, visible_at) select"
            " ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, (select min(id) from"
            f" lane) + i % {tenants}, 1, {NOW}, {NOW} + (i % 3 > 0)::int * (i * 7919::bigint %"
            f" 864000) * 1000000 from generate_series(1, {count}) i"
        )
        await connection.execute("analyze")
    rows = [
        (
            f"w{number}",
            "sms",
            0,
            NOW // (60 * SECOND),
            "filled",
            count // tenants,
            *[0] * 11,
            None,
            None,
        )
        for number in range(tenants)
    ]
    await tx.each("add_tally", rows)
