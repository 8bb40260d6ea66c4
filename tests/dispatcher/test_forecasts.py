"""A forecast read from the store, against what the dispatcher then does: within 5% of the
time at which the last of the messages is answered.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from queue_services.delivery.sender import Delivery
from queue_services.domain.forecast.estimate import forecast
from queue_services.domain.forecast.load import Load
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.outcome import Answer
from queue_services.domain.workspace import Change
from queue_services.queue import loads
from queue_services.storage.port import Tx
from tests.dispatcher.world import DELIVERED, World, world
from tests.support.virtual import run_virtual

LIMIT = 50
MINE = "mine"


@dataclass
class RandomLoad:
    """Tenants of several tiers and limits with messages due now and later, and how many
    more are asked about for when.
    """

    rnd: random.Random
    counts_units: bool = False
    count: int = 0
    after: float = 0.0
    latencies: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, list[int]] = field(default_factory=dict)

    async def schedule(self, one: World) -> None:
        rnd, seconds = self.rnd, self.rnd.randint(20, 40)
        others = [f"w{number}" for number in range(rnd.choice([1, 3, 8]))]
        most = max(2, LIMIT * seconds // (len(others) + 1))
        limits: dict[str, float | None] = {}
        for name in (MINE, *others):
            limits[name] = rnd.choice([None, None, None, 10.0, 5.0])
            self.latencies[name] = rnd.choice([0.005, 0.05, 0.2])
            if self.counts_units:
                self.sizes[name] = rnd.choice([[1], [1, 1, 1, 2], [1, 2, 3], [2], [3], [1, 4]])
            tier = rnd.choice(
                ["standard", "standard", "free" if limits[name] else "premium"]
            )  # a limit that is scaled meanwhile is not foreseen
            await one.workspaces.change(name, Change(tier=tier, limits={Channel.SMS: limits[name]}))
        for name in others:
            await one.schedule(
                rnd.choice([1, rnd.randint(1, most)]), workspace=name, units=self.units(name)
            )
            await one.schedule(
                rnd.randint(1, most // 3 + 1),
                workspace=name,
                after=rnd.uniform(1, seconds),
                units=self.units(name),
            )
        await one.schedule(rnd.randint(1, most // 4 + 1), workspace=MINE, units=self.units(MINE))
        self.count = max(20, int(min(limits[MINE] or LIMIT, LIMIT) * seconds / rnd.choice([1, 2])))
        self.after = rnd.choice([0.0, rnd.uniform(1, seconds)])

    def units(self, workspace: str) -> Callable[[int], int]:
        """How much the messages of a workspace take of a limit: those asked about are of the
        kinds that it has waiting.
        """
        sizes = self.sizes.get(workspace, [1])
        mixed = [size for _ in range(500) for size in self.rnd.sample(sizes, len(sizes))]
        return lambda index: mixed[index % len(mixed)]

    def latency(self, delivery: Delivery) -> float:
        return self.latencies[delivery.workspace]


async def read_load(one: World, now: int) -> Load:
    async def flow(tx: Tx) -> Load:
        snapshot = await loads.snapshot(tx, Channel.SMS, now, counts_units=True)
        mine = (await loads.lanes(tx, [MINE], Channel.SMS, now, counts_units=True))[MINE]
        return Load(
            now,
            LIMIT,
            mine,
            [lane for name, lane in snapshot.lanes.items() if name != MINE],
            snapshot.paused,
        )

    return await one.database.read(flow)


async def foreseen_and_seen(seed: int, *, counts_units: bool = False) -> tuple[float, float]:
    """When the last of the messages is answered, in seconds from now: as foreseen, and as
    it then was.
    """
    async with world(dispatchers=0, seed=seed, sms_per_second=LIMIT) as one:
        load = RandomLoad(one.rnd, counts_units)
        await load.schedule(one)
        one.receiver.latency = load.latency
        now = one.clock.now()
        expected = forecast(
            await read_load(one, now), load.count, now + round(load.after * SECOND)
        ).end_at
        assert expected is not None
        await one.start()
        left = set(
            await one.schedule(load.count, workspace=MINE, after=load.after, units=load.units(MINE))
        )

        def answer(delivery: Delivery) -> Answer:
            left.discard(delivery.id)
            return DELIVERED

        one.receiver.answer = answer
        await one.until(lambda: not left)
        return (expected - now) / SECOND, (one.clock.now() - now) / SECOND


@pytest.mark.parametrize(
    "seed", [1, 18, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(20, 40))]
)
def test_a_forecast_is_within_five_percent_of_what_the_dispatcher_does(seed: int) -> None:
    expected, seen = run_virtual(lambda: foreseen_and_seen(seed))
    assert expected == pytest.approx(seen, rel=0.05), (
        f"foreseen after {expected:.2f} s, seen after {seen:.2f} s"
    )


@pytest.mark.parametrize(
    "seed", [41, 45, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(50, 70))]
)
def test_a_forecast_of_messages_of_several_units_is_within_five_percent_of_what_the_dispatcher_does(
    seed: int,
) -> None:
    expected, seen = run_virtual(lambda: foreseen_and_seen(seed, counts_units=True))
    assert expected == pytest.approx(seen, rel=0.05), (
        f"foreseen after {expected:.2f} s, seen after {seen:.2f} s"
    )
