"""The history of what was sent: minutes that become hours after two days and days after
ninety, with nothing lost and nothing counted twice.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from queue_services.domain.figures import DAY, HOUR
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.domain.outcome import Kind
from queue_services.queue import folding, history
from queue_services.queue.history import Point
from queue_services.queue.tallies import ALL, MINUTE, Counts, Tally
from queue_services.storage.port import Tx
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

BOTH = list(Channel)
START = NOW // MINUTE
A_DAY = DAY * MINUTE


async def points(
    store: Store,
    workspace: str = ALL,
    begin: int = START,
    end: int = START + HOUR,
    step: int = 1,
    channels: Any = BOTH,
) -> list[Point]:
    """The points that are not empty."""
    found = await store.database.read(history.read, workspace, channels, begin, end, step)
    assert [point.at for point in found] == [minute * MINUTE for minute in range(begin, end, step)]
    return [point for point in found if point != Point(point.at)]


async def count(
    store: Store,
    at: Instant,
    workspace: str = "acme",
    channel: Channel = Channel.SMS,
    **counts: int,
) -> None:
    """Count something as a transaction at `at` would."""
    tally = Tally()
    tally.by_subject[workspace, channel, 0] = Counts(**counts)
    await store.database.write(tally.add, "tests", at)


async def keep(store: Store, now: Instant) -> None:
    """What maintenance does until there is nothing to do."""
    for flow in (folding.fold, folding.merge):
        while await store.database.write(flow, now):
            pass


async def test_each_minute_has_what_ended_started_and_exceeded_in_it(store: Store) -> None:
    await store.insert(*(message(due_at=NOW) for _ in range(3)), message("globex"))
    claimed = await store.claim(later(2))
    await store.settle_as(Kind.DELIVERED, *claimed[:2], now=later(2))
    await store.settle_as(Kind.REJECTED, *claimed[2:3], now=later(59))
    await store.settle_as(Kind.DELIVERED, *claimed[3:], now=later(61))
    await count(store, later(130), exceeded=2)
    first, second, third = (
        Point(NOW, 2, 1, 0, 2e6),
        Point(NOW + MINUTE, 1, 0, 0, 2e6),
        Point(NOW + 2 * MINUTE, 0, 0, 2, None),
    )
    for _ in range(2):
        assert await points(store) == [first, second, third]
        assert await points(store, "globex") == [second]
        assert await points(store, step=2) == [Point(NOW, 3, 1, 0, 2e6), third]
        assert await points(store, channels=[Channel.EMAIL]) == []
        assert await points(store, begin=START + 1, end=START + 2) == [second]
        await keep(store, later(600))


async def test_nothing_is_kept_of_minutes_in_which_nothing_happened(store: Store) -> None:
    await store.insert(message(due_at=later(3_600)))
    await keep(store, later(600))
    assert await store.select("select * from history") == []


@pytest.mark.parametrize("seed", [0])
async def test_rollups_grow_with_age_and_every_sum_stays(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "BITE", 20)
    rnd = random.Random(seed)
    happened: list[tuple[int, str, dict[str, int]]] = []

    async def flow(tx: Tx) -> None:
        for _ in range(120):
            at = NOW + rnd.randrange(150 * A_DAY)
            counts = {
                "delivered": rnd.randrange(9),
                "dead": rnd.randrange(3),
                "exceeded": rnd.randrange(2),
                "starts": 2,
                "lateness": 2 * SECOND,
            }
            workspace = rnd.choice(["acme", "globex"])
            happened.append((at // MINUTE, workspace, counts))
            tally = Tally()
            tally.by_subject[workspace, rnd.choice(BOTH), 0] = Counts(**counts)
            await tally.add(tx, "tests", at)

    await store.database.write(flow)
    for day in (1, 50, 100, 151, 300):
        now = NOW + day * A_DAY
        await store.database.write(
            folding.merge, now
        )  # a bite alone: in the midst of merging nothing is missing either
        await keep(store, now)
        for workspace in (ALL, "acme", "globex"):
            mine = [
                (minute, counts) for minute, whose, counts in happened if workspace in (ALL, whose)
            ]
            days = await points(store, workspace, START // DAY * DAY, START + 152 * DAY, DAY)
            for point in days:
                inside = [
                    counts for minute, counts in mine if minute // DAY == point.at // MINUTE // DAY
                ]
                assert (point.sent, point.failed, point.exceeded) == tuple(
                    sum(c[name] for c in inside) for name in ("delivered", "dead", "exceeded")
                )
                assert point.lateness == SECOND
            assert sum(point.sent for point in days) == sum(
                counts["delivered"] for _, counts in mine
            )
        minute = now // MINUTE
        rows = await store.select("select span, minute from history")
        assert all(
            minute - at <= {1: 2 * DAY + HOUR, HOUR: 91 * DAY, DAY: 1_000 * DAY}[span]
            for span, at in rows
        )
        assert all(at % span == 0 for span, at in rows)


async def test_days_that_ended_before_an_instant_are_forgotten_and_no_later_ones(
    store: Store,
) -> None:
    first = START // DAY * DAY
    for day in range(3):
        await count(store, (first + day * DAY) * MINUTE, delivered=day + 1)
    await keep(store, (first + 300 * DAY) * MINUTE)
    while await store.database.write(folding.forget, (first + 2 * DAY) * MINUTE):
        pass
    assert [
        point.sent for point in await points(store, begin=first, end=first + 3 * DAY, step=DAY)
    ] == [3]
    assert [
        point.sent
        for point in await points(store, "acme", begin=first, end=first + 3 * DAY, step=DAY)
    ] == [3]


async def test_merging_goes_in_bites(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "BITE", 4)
    for minute in range(10):
        await count(store, later(60 * minute), delivered=1)
    now = NOW + 3 * A_DAY
    while await store.fold(now):
        pass
    taken = [await store.database.write(folding.merge, now) for _ in range(6)]
    assert sum(taken) == 20  # of the workspace, and of the service
    assert max(taken) <= 4
    assert await points(store, step=HOUR, begin=START // HOUR * HOUR, end=START + HOUR) == [
        Point(START // HOUR * HOUR * MINUTE, 10)
    ]
