"""Many tenants under one limit, on virtual time: limits, weights, windows, pauses and
scaling as receivers see them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from queue_services.domain.calendar import Window
from queue_services.domain.message import SECOND, Channel, Priority
from queue_services.domain.outcome import Answer, Kind
from queue_services.domain.scaling import AdjustmentReason
from queue_services.domain.tiers import Scale, TierChange
from queue_services.domain.workspace import Change
from queue_services.queue import claims, service_limits, tiers
from queue_services.queue.service_limits import ChannelChange
from tests.dispatcher.world import World, world
from tests.storage.store import change, select
from tests.support.densest import densest
from tests.support.virtual import run_virtual

SMS = Channel.SMS
SECRETS = ("whsec_" + "b2xk" * 8, "whsec_" + "bmV3" * 8)


def limit(a_second: float | None) -> Change:
    return Change(limits={SMS: a_second})


def events(w: World) -> Counter[str]:
    """How many events of each type the application was told."""
    return Counter(w.listener.types() if w.listener else [])


async def in_force(w: World) -> float:
    return (await w.workspaces.terms("acme")).limits[SMS].rate


def between(times: list[float], start: float, end: float) -> list[float]:
    return [at for at in times if start <= at < end]


def test_each_workspace_keeps_its_own_limit_and_together_they_use_the_services() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.workspaces.change("five", limit(5))
            await w.workspaces.change("ten", limit(10))
            for workspace in ("five", "ten", "open"):
                await w.schedule(1200, workspace=workspace)
            await asyncio.sleep(1)
            begin = w.clock.now() / SECOND
            await asyncio.sleep(20)
            assert densest(w.receiver.times("five")) == 5
            assert densest(w.receiver.times("ten")) == 10
            assert densest(w.receiver.times()) == 50
            shares = {
                workspace: len(between(w.receiver.times(workspace), begin, begin + 20)) / 20
                for workspace in ("five", "ten", "open")
            }
            assert sum(shares.values()) >= 48.5
            assert shares["five"] >= 0.95 * 5
            assert shares["ten"] >= 0.95 * 10

    run_virtual(scenario)


def test_a_workspace_at_its_limit_delays_no_other() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.workspaces.change("slow", limit(0.5))
            await w.schedule(200, workspace="slow")
            await asyncio.sleep(2)
            sent_at = w.clock.now() / SECOND
            await w.schedule(40, workspace="quick")
            await w.until(lambda: len(w.receiver.times("quick")) == 40)
            assert w.receiver.times("quick")[-1] - sent_at < 1
            await asyncio.sleep(8)
            assert len(w.receiver.times("slow")) in (5, 6)
            assert densest(w.receiver.times("slow")) == 1

    run_virtual(scenario)


def test_weights_divide_what_is_free_within_five_percent() -> None:
    weights = {"a": 0.5, "b": 1.0, "c": 2.0, "d": 1.25}

    async def scenario() -> None:
        async with world() as w:
            for name, weight in weights.items():
                await tiers.change_and_apply(w.database, w.clock, name, TierChange(weight=weight))
                await w.workspaces.change(name, Change(tier=name))
                await w.schedule(700, workspace=name)
            await asyncio.sleep(2)
            begin = w.clock.now() / SECOND
            await asyncio.sleep(24)
            counts = {
                name: len(between(w.receiver.times(name), begin, begin + 24)) for name in weights
            }
            for name, weight in weights.items():
                assert counts[name] / sum(counts.values()) == pytest.approx(
                    weight / sum(weights.values()), rel=0.05
                )

    run_virtual(scenario)


def test_a_changed_limit_is_in_force_in_every_process_within_a_second() -> None:
    async def scenario() -> None:
        async with world(dispatchers=2) as w:
            await w.schedule(1500, workspace="acme")
            await asyncio.sleep(3)
            await w.workspaces.change("acme", limit(10))
            changed = w.clock.now() / SECOND
            await asyncio.sleep(5)
            assert densest(between(w.receiver.times(), changed + 1, changed + 5)) == 10
            await w.workspaces.change("acme", limit(None))
            lifted = w.clock.now() / SECOND
            await asyncio.sleep(4)
            assert len(between(w.receiver.times(), lifted + 1, lifted + 4)) / 3 >= 48.5
            assert densest(w.receiver.times()) <= 50

    run_virtual(scenario)


def test_a_changed_tier_is_in_force_for_all_its_workspaces() -> None:
    async def scenario() -> None:
        async with world() as w:
            for index in range(3):
                await w.workspaces.change(f"free-{index}", Change(tier="free"))
                await w.schedule(100, workspace=f"free-{index}")
            await asyncio.sleep(3)
            assert densest(w.receiver.times("free-0")) == 5
            await tiers.change_and_apply(w.database, w.clock, "free", TierChange(limits={SMS: 2}))
            changed = w.clock.now() / SECOND
            await asyncio.sleep(6)
            assert [
                densest(between(w.receiver.times(f"free-{index}"), changed + 1, changed + 6))
                for index in range(3)
            ] == [2, 2, 2]

    run_virtual(scenario)


def test_a_change_of_a_tier_that_died_half_way_is_finished_by_maintenance() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.schedule(400, workspace="acme")
            await asyncio.sleep(1)
            await w.database.write(tiers.change, "standard", TierChange(limits={SMS: 3}))
            changed = w.clock.now() / SECOND
            await asyncio.sleep(5)
            assert densest(between(w.receiver.times(), changed + 2, changed + 5)) == 3

    run_virtual(scenario)


def test_a_saturated_workspace_is_scaled_up_halved_by_a_429_and_decays_when_idle() -> None:
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            await tiers.change_and_apply(
                w.database,
                w.clock,
                "premium",
                TierChange(auto_scale={SMS: Scale(max=15, step=1.25)}),
            )
            await w.workspaces.change("acme", Change(tier="premium", limits={SMS: 10}))
            await w.schedule(700, workspace="acme")
            await asyncio.sleep(35)
            assert await in_force(w) == 15
            assert densest(w.receiver.times()) == 15
            w.receiver.answer = lambda _: Answer(
                Kind.THROTTLED, 429, "slower", w.clock.now() + SECOND
            )
            await asyncio.sleep(1)
            w.receiver.answer = lambda _: Answer(Kind.DELIVERED, 200)
            await asyncio.sleep(3)
            assert await in_force(w) == 10
            await asyncio.sleep(15)
            assert await in_force(w) == 12
            await asyncio.sleep(200)
            assert await in_force(w) == 10
            reasons = [
                adjustment.reason for adjustment in await w.workspaces.adjustments("acme", SMS)
            ]
            raised, halved, idle = (
                AdjustmentReason.SATURATED,
                AdjustmentReason.THROTTLED,
                AdjustmentReason.IDLE,
            )
            assert [
                reason
                for reason, later in zip(reasons, [None, *reasons], strict=False)
                if reason is not later
            ] == [idle, raised, halved, raised]
            assert events(w)["ratelimit.adjusted"] == len(reasons)

    run_virtual(scenario)


def test_a_workspace_whose_tier_does_not_scale_keeps_its_limit() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.workspaces.change("acme", limit(10))
            await w.schedule(300, workspace="acme")
            await asyncio.sleep(25)
            assert densest(w.receiver.times()) == 10
            assert await w.workspaces.adjustments("acme", SMS) == []

    run_virtual(scenario)


def test_nearing_a_limit_for_ten_seconds_is_told_once_until_it_has_fallen_under_60_percent() -> (
    None
):
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            await w.workspaces.change("acme", limit(10))
            await w.schedule(90, workspace="acme", after=lambda i: i / 9)
            await asyncio.sleep(9)
            assert events(w)["ratelimit.approaching"] == 0
            await w.schedule(180, workspace="acme", after=lambda i: 1 + i / 9)
            await asyncio.sleep(20)
            assert events(w)["ratelimit.approaching"] == 1
            await asyncio.sleep(5)
            await w.schedule(130, workspace="acme", after=lambda i: i / 9)
            await asyncio.sleep(14)
            assert events(w)["ratelimit.approaching"] == 2

    run_virtual(scenario)


def test_a_workspace_of_the_services_limit_is_told_as_well() -> None:
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            await w.schedule(1000, workspace="acme")
            await w.schedule(20, workspace="other")
            await asyncio.sleep(14)
            assert w.listener is not None
            assert [
                notice.workspace
                for _, notice in w.listener.told
                if notice.type == "ratelimit.approaching"
            ] == ["acme"]

    run_virtual(scenario)


def test_a_lifted_hold_ends_at_once_and_a_new_message_never_ends_one() -> None:
    async def scenario() -> None:
        async with world() as w:
            w.receiver.answer = lambda _: Answer(
                Kind.THROTTLED, 429, "slower", w.clock.now() + 600 * SECOND
            )
            await w.schedule(workspace="acme")
            await asyncio.sleep(1)
            w.receiver.answer = lambda _: Answer(Kind.DELIVERED, 200)
            ids = await w.schedule(5, workspace="acme")
            await asyncio.sleep(5)
            assert len(w.receiver.times()) == 1
            [hold] = await w.workspaces.holds("acme")
            assert (hold.channel, hold.reason) == (SMS, "throttled")
            assert hold.until is not None
            assert 590 < (hold.until - w.clock.now()) / SECOND < 600
            assert (await w.job(ids[0])).waiting_for == "hold"
            assert await w.workspaces.lift("acme", SMS)
            await w.settled(ids, within=1)
            assert await w.workspaces.holds("acme") == []
            assert not await w.workspaces.lift("acme", SMS)

    run_virtual(scenario)


def test_a_paused_workspace_and_a_paused_channel_wait_until_they_are_resumed() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.workspaces.pause("acme", SMS)
            await w.schedule(workspace="acme", priority=Priority.HIGH)
            await w.schedule(workspace="acme", channel=Channel.EMAIL)
            await w.schedule(workspace="other")
            await asyncio.sleep(3)
            assert {
                arrival.delivery.channel: arrival.delivery.workspace
                for arrival in w.receiver.arrivals
            } == {SMS: "other", Channel.EMAIL: "acme"}
            await service_limits.change.run(
                w.database, SMS, ChannelChange(paused=True), w.clock.now()
            )
            await w.workspaces.pause("acme", SMS, paused=False)
            await asyncio.sleep(3)
            assert [hold.reason for hold in await w.workspaces.holds("acme")] == ["pause"]
            assert len(w.receiver.arrivals) == 2
            resumed = w.clock.now() / SECOND
            await service_limits.change.run(
                w.database, SMS, ChannelChange(paused=False), w.clock.now()
            )
            await w.until(lambda: len(w.receiver.arrivals) == 3)
            assert w.receiver.times("acme")[-1] - resumed < 0.1

    run_virtual(scenario)


def test_outside_its_window_a_workspace_sends_high_alone_and_the_rest_at_the_opening() -> None:
    async def scenario() -> None:
        async with world() as w:  # it is 22:13:20
            await w.workspaces.change("acme", Change(window=Window("22:15", "22:16")))
            ids = await w.schedule(20, workspace="acme", priority=lambda i: Priority(i % 3))
            await w.schedule(3, workspace="other")
            await asyncio.sleep(5)
            assert set(w.receiver.ids()) == {*ids[::3]} | {
                a.delivery.id for a in w.receiver.arrivals if a.delivery.workspace == "other"
            }
            assert len(w.receiver.times()) == 7 + 3
            assert (await w.job(ids[1])).waiting_for == "window"
            await w.settled(ids, within=100)
            [first] = w.receiver.times("acme")[7:8]
            assert first % 86_400 == pytest.approx(22 * 3600 + 15 * 60, abs=0.1)

    run_virtual(scenario)


def test_nothing_goes_out_after_the_window_has_closed() -> None:
    async def scenario() -> None:
        async with world(sms_per_second=10) as w:
            await w.workspaces.change("acme", Change(window=Window("08:00", "22:14")))
            await w.schedule(600, workspace="acme")
            await asyncio.sleep(50)
            assert max(w.receiver.times()) % 86_400 <= 22 * 3600 + 14 * 60
            assert len(w.receiver.times()) >= 9.7 * 39

    run_virtual(scenario)


def test_a_changed_window_moves_what_waits() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.workspaces.change("acme", Change(window=Window("08:00", "21:00")))
            ids = await w.schedule(5, workspace="acme")
            await asyncio.sleep(3)
            assert w.receiver.times() == []
            await w.workspaces.change("acme", Change(timezone="America/New_York"))
            await w.settled(ids, within=1)

    run_virtual(scenario)


def test_units_count_as_that_many_slots_of_a_workspaces_limit() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.workspaces.change("acme", limit(6))
            await w.schedule(30, workspace="acme", units=3)
            await asyncio.sleep(12)
            times = w.receiver.times() * 3
            assert densest(times) == 6
            assert len(times) >= 0.97 * 6 * 12 - 3

    run_virtual(scenario)


def test_units_count_as_that_many_slots_of_the_services_limit_and_of_each_turn() -> None:
    async def scenario() -> None:
        async with world(sms_per_second=20) as w:
            for workspace, units in (("four", 4), ("two", 2), ("one", 1)):
                await w.schedule(300 // units, workspace=workspace, units=units)
            await asyncio.sleep(20)
            times = {
                workspace: w.receiver.times(workspace) * units
                for workspace, units in (("four", 4), ("two", 2), ("one", 1))
            }
            assert densest(at for spread in times.values() for at in spread) <= 20
            assert sum(map(len, times.values())) >= 0.9 * 20 * 20
            assert max(map(len, times.values())) <= 1.25 * min(map(len, times.values()))

    run_virtual(scenario)


def test_a_message_of_more_units_than_the_limit_takes_as_many_empty_windows_as_it_needs() -> None:
    async def scenario() -> None:
        async with world(sms_per_second=4) as w:
            await w.schedule(10, workspace="single")
            [long] = await w.schedule(workspace="long", units=10)
            await w.schedule(10, workspace="single")
            await w.settled([long], within=10)
            [at] = w.receiver.times("long")
            await w.until(lambda: len(w.receiver.times("single")) == 20)
            others = w.receiver.times("single")
            assert [other for other in others if at - 1 < other < at + 3] == []

    run_virtual(scenario)


def test_deliveries_go_to_the_workspaces_own_address_signed_with_its_own_secrets() -> None:
    async def scenario() -> None:
        async with world() as w:
            old, new = SECRETS
            await w.workspaces.change(
                "acme", Change(base_urls={SMS: "https://acme.example"}, secret=old)
            )
            await w.workspaces.change("acme", Change(secret=new))
            for channel in (SMS, Channel.EMAIL):
                await w.schedule(workspace="acme", channel=channel)
            await w.schedule(workspace="other")
            await w.until(lambda: len(w.receiver.arrivals) == 3)
            found = {
                (d.workspace, d.channel): (d.base_url, d.secrets)
                for d in (arrival.delivery for arrival in w.receiver.arrivals)
            }
            assert found == {
                ("acme", SMS): ("https://acme.example", (new, old)),
                ("acme", Channel.EMAIL): (None, (new, old)),
                ("other", SMS): (None, ()),
            }

    run_virtual(scenario)


@pytest.mark.long(bounded=True)
def test_ten_thousand_workspaces_with_one_message_each_are_served_beside_one_with_a_hundred_thousand() -> (
    None
):
    async def scenario() -> None:
        async with world(dispatchers=0, sms_per_second=1000, concurrency=1000) as w:
            for _ in range(100):
                await w.schedule(1000, workspace="big")
            for part in range(20):
                await w.schedule(500, workspace=lambda i, part=part: f"small-{part * 500 + i}")  # type: ignore[misc]
            begin = w.clock.now() / SECOND
            await w.start()
            await w.until(
                lambda: (
                    sum(arrival.delivery.workspace != "big" for arrival in w.receiver.arrivals)
                    == 10_000
                )
            )
            last = (
                max(
                    arrival.at
                    for arrival in w.receiver.arrivals
                    if arrival.delivery.workspace != "big"
                )
                / SECOND
            )
            assert last - begin <= 10_001 / (0.97 * 1000)
            assert densest(w.receiver.times()) <= 1000

    run_virtual(scenario)


def test_a_lane_that_cannot_be_claimed_is_held_and_the_others_go_on() -> None:
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            bad = await w.schedule(3, workspace="bad", after=1)
            good = await w.schedule(40, workspace=lambda i: f"good-{i % 8}", after=1)
            await w.processes[0].link.write(change, "update lane set log = '{' where id = 1")
            await w.settled(good, within=30)
            [hold] = await w.workspaces.holds("bad")
            assert (hold.channel, hold.reason) == (SMS, "fault")
            await w.until(lambda: events(w)["endpoint.held"] == 1, within=30)
            await w.processes[0].link.write(change, "update lane set log = null where id = 1")
            await w.settled(bad, within=120)

    run_virtual(scenario)


def test_where_every_lane_fails_none_of_them_is_at_fault() -> None:
    async def scenario() -> None:
        async with world() as w:
            ids = await w.schedule(40, workspace=lambda i: f"w-{i}", after=1)
            write = w.processes[0].link.write

            async def failing(flow: Any, /, *args: Any, **kwargs: Any) -> Any:
                if flow is claims.claim:
                    raise ValueError("a bug in every claim")
                return await write(flow, *args, **kwargs)

            w.processes[0].link.write = failing  # type: ignore[method-assign]
            await asyncio.sleep(60)
            held = await w.database.read(select, "select count(*) from lane where held_until > 0")
            assert held[0][0] <= 3
            w.processes[0].link.write = write  # type: ignore[method-assign]
            await w.settled(ids, within=90)

    run_virtual(scenario)
