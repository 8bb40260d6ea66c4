"""The database's clock is set by an hour, forward or back, while dispatchers run or none does:
every lane sends again within seconds of the first dispatcher that runs, and no second holds
more than its limit.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from queue_services.clock import Clock
from queue_services.delivery.sender import Delivery
from queue_services.dispatcher.clock_keeping import CLOCK_SECONDS, ClockKeeper, measure
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.outcome import Answer, Kind
from queue_services.domain.workspace import Change
from queue_services.errors import OverQuota, StoreUnavailable
from queue_services.queue import verification
from queue_services.queue.quotas import Quotas
from queue_services.queue.verification import NOTHING_AHEAD
from tests.dispatcher.world import DELIVERED, START, InlineSqlite, World, world
from tests.support.densest import densest
from tests.support.virtual import run_virtual

HOUR = 3600
LANES = {"acme": 5.0, "globex": None, "initech": 2.0, "hooli": 0.5, "failing": None, "told": 20.0}
"""Workspaces and their own limits; two have endpoints that fail or say 429 before the step."""
RATE = 20


async def step(made: World, seconds: float) -> None:
    """The database's clock is set."""
    database = made.database
    assert isinstance(database, InlineSqlite)
    before = database.true_time
    database.true_time = lambda: before() + round(seconds * SECOND)


async def restart(made: World) -> None:
    """A dispatcher starts, on a clock that it sets by the database's."""
    made.clock = Clock(
        monotonic=asyncio.get_running_loop().time,
        wall=lambda: START + asyncio.get_running_loop().time(),
    )
    made.clock.correct(await measure(made.database, made.clock), at_once=True)
    made.receiver.clock = made.clock
    await made.start()


class Tried:
    """A world whose lanes were in every state when the clock was set; arrivals are noted in
    true seconds.
    """

    def __init__(self, made: World) -> None:
        self.world = made
        self.times: list[tuple[float, str]] = []
        self.calm = False

    def answer(self, delivery: Delivery) -> Answer:
        now = asyncio.get_running_loop().time()
        self.times.append((now, delivery.workspace))
        if not self.calm and delivery.workspace == "failing":
            return Answer(Kind.FAILED, 500, "no")
        if not self.calm and delivery.workspace == "told":
            return Answer(Kind.THROTTLED, 429, "slower", self.world.clock.now() + 2 * SECOND)
        return DELIVERED

    async def fill(self) -> None:
        for name, rate in LANES.items():
            if rate is not None:
                await self.world.workspaces.change(name, Change(limits={Channel.SMS: rate}))
        for name in LANES:
            await self.world.schedule(12, workspace=name)
        await asyncio.sleep(4)

    async def sends_again(self, within: float) -> None:
        """Every lane sends something that was accepted after the step, or waited before it."""
        began = asyncio.get_running_loop().time()
        self.calm = True
        for name in LANES:
            await self.world.schedule(1, workspace=name)
        while asyncio.get_running_loop().time() < began + within:
            await asyncio.sleep(0.1)
        seen = {name for at, name in self.times if at >= began}
        assert seen == set(LANES)

    def check_limits(self) -> None:
        assert densest([at for at, _ in self.times]) <= RATE
        for name, rate in LANES.items():
            mine = sorted(at for at, workspace in self.times if workspace == name)
            if rate is not None and rate >= 1:
                assert densest(mine) <= rate
            elif rate is not None:
                gaps = [after - before for before, after in itertools.pairwise(mine)]
                assert min(gaps) >= 1 / rate


async def _tried() -> AsyncIterator[Tried]:
    async with world(
        1, sms_per_second=RATE, email_per_second=RATE, lease_seconds=3, backoff_seconds=2
    ) as made:
        tried = Tried(made)
        made.receiver.answer = tried.answer
        await tried.fill()
        yield tried


@pytest.mark.parametrize("seconds", [-24 * HOUR, -HOUR, HOUR, -90, 24 * HOUR])
def test_every_lane_sends_again_after_a_step_while_a_dispatcher_runs(seconds: int) -> None:
    async def scenario() -> None:
        async for tried in _tried():
            await step(tried.world, seconds)
            await asyncio.sleep(CLOCK_SECONDS + 1)
            await tried.sends_again(within=5)
            tried.check_limits()
            await _nothing_is_ahead(tried.world)

    run_virtual(scenario)


@pytest.mark.parametrize("seconds", [-24 * HOUR, -HOUR, HOUR, -90, 24 * HOUR])
def test_every_lane_sends_again_after_a_step_while_no_dispatcher_ran(seconds: int) -> None:
    async def scenario() -> None:
        async for tried in _tried():
            [process] = tried.world.processes
            await tried.world.kill(process)
            await step(tried.world, seconds)
            await asyncio.sleep(1)
            await restart(tried.world)
            await tried.sends_again(within=5)
            tried.check_limits()
            await _nothing_is_ahead(tried.world)

    run_virtual(scenario)


@pytest.mark.parametrize("seconds", [-HOUR, -1, -0.3, 0.3, 1, HOUR])
def test_no_second_is_over_its_limit_while_processes_follow_a_step_one_after_the_other(
    seconds: float,
) -> None:
    async def scenario() -> None:
        async with world(1, sms_per_second=RATE) as made:
            tried = Tried(made)
            made.receiver.answer = tried.answer
            for name in ("acme", "globex"):
                await made.workspaces.change(name, Change(limits={Channel.SMS: 5.0}))
            await asyncio.sleep(CLOCK_SECONDS / 2)
            await restart(made)  # a second one, that measures its clock at other times
            for name in ("acme", "globex", "initech"):
                await made.schedule(120, workspace=name)
            await asyncio.sleep(CLOCK_SECONDS * 1.6)
            await step(made, seconds)
            await asyncio.sleep(10)
            sent = [at for at, _ in tried.times]
            assert densest(sent) <= RATE
            for name in ("acme", "globex"):
                assert densest([at for at, workspace in tried.times if workspace == name]) <= 5
            assert len(sent) > 6 * RATE

    run_virtual(scenario)


def test_what_was_accepted_for_at_once_by_a_clock_ahead_is_sent_at_once() -> None:
    async def scenario() -> None:
        async for tried in _tried():
            [process] = tried.world.processes
            await tried.world.kill(process)
            waiting = await tried.world.schedule(1, workspace="globex")
            later = await tried.world.schedule(1, workspace="globex", after=60)
            await step(tried.world, -HOUR)
            tried.calm = True
            await restart(tried.world)
            await tried.world.settled(waiting, within=5)
            assert (
                await tried.world.job(later[0])
            ).due_at > tried.world.clock.now() + HOUR * SECOND

    run_virtual(scenario)


def test_a_key_s_quota_is_in_force_again_after_a_step_back() -> None:
    async def scenario() -> None:
        async with world(0) as made:
            key = "018bcfe5-6800-7000-8000-000000000001"
            await Quotas(made.database, made.clock).spend(key, 30, 30)
            clock = Clock(
                monotonic=made.clock._monotonic,
                wall=lambda: START - HOUR + asyncio.get_running_loop().time(),
            )
            quotas = Quotas(made.database, clock)
            with pytest.raises(OverQuota) as refused:  # those 30 are of this minute, for real
                await quotas.spend(key, 30, 1)
            await asyncio.sleep(refused.value.retry_after)
            assert (await quotas.spend(key, 30, 10)).left == 20

    run_virtual(scenario)


async def _nothing_is_ahead(made: World) -> None:
    rates = dict.fromkeys(Channel, float(RATE))
    found = await made.database.read(verification.verify, rates, made.clock.now())
    assert [one for one in found.findings if one.rule == NOTHING_AHEAD] == []


def test_a_check_that_fails_for_whatever_reason_is_followed_by_the_next() -> None:
    async def scenario() -> None:
        async with world(0) as made:
            errors = [RuntimeError("a bug"), StoreUnavailable("away")]

            class Failing:
                """A store whose first reads fail."""

                async def read(self, flow: Any, /, *args: Any) -> Any:
                    if errors:
                        raise errors.pop(0)
                    return await made.database.read(flow, *args)

                def __getattr__(self, name: str) -> Any:
                    return getattr(made.database, name)

            keeper = ClockKeeper(cast("Any", Failing()), made.clock, 30 * SECOND)
            running = asyncio.create_task(keeper.run())
            await step(made, HOUR)
            before = made.clock.now()
            await asyncio.sleep(3 * CLOCK_SECONDS)
            assert made.clock.now() - before > HOUR * SECOND
            running.cancel()

    run_virtual(scenario)
