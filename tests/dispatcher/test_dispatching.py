"""The dispatcher on virtual time: limits, fairness, retries, holds, leases, stops; the same
code that production runs.
"""

from __future__ import annotations

import asyncio

import pytest

from queue_services.domain.message import SECOND, Channel, Priority, Status
from queue_services.domain.outcome import Answer, Kind
from queue_services.queue import campaigns
from tests.dispatcher.world import DELIVERED, World, world
from tests.support.densest import densest
from tests.support.virtual import VirtualLoop, run_virtual


def failing(kind: Kind, status: int | None = None) -> Answer:
    return Answer(kind, status, "no")


def test_no_second_holds_more_than_the_limit_and_nearly_all_of_it_is_used() -> None:
    async def scenario() -> None:
        async with world() as w:
            ids = await w.schedule(400, workspace=lambda i: f"workspace-{i % 5}")
            await w.until(lambda: len(w.receiver.arrivals) == 400)
            times = w.receiver.times()
            assert densest(times) <= 50
            assert 399 / (max(times) - min(times)) >= 48.5
            assert set(w.receiver.ids()) == set(ids)

    run_virtual(scenario)


def test_two_dispatchers_share_one_limit() -> None:
    async def scenario() -> None:
        async with world(dispatchers=2) as w:
            await w.schedule(400, workspace=lambda i: f"workspace-{i % 5}")
            await w.until(lambda: len(w.receiver.arrivals) == 400)
            times = w.receiver.times()
            assert densest(times) <= 50
            assert 399 / (max(times) - min(times)) >= 48.5

    run_virtual(scenario)


def test_a_message_starts_at_its_due_time_to_the_millisecond_when_nothing_else_is_due() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.schedule(after=7.3)
            await w.until(lambda: len(w.receiver.arrivals) == 1)
            [at] = w.receiver.times()
            due = (await w.job(w.receiver.arrivals[0].delivery.id)).due_at / SECOND
            assert 0 <= at - due <= 0.002

    run_virtual(scenario)


def test_a_backlog_of_one_workspace_does_not_delay_another() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.schedule(3000, workspace="big", channel=Channel.EMAIL)
            await asyncio.sleep(5)
            sent_at = w.clock.now() / SECOND
            await w.schedule(workspace="small", channel=Channel.EMAIL)
            await w.until(lambda: bool(w.receiver.times("small")))
            assert w.receiver.times("small")[0] - sent_at < 0.5

    run_virtual(scenario)


def test_high_goes_before_normal_before_low_within_a_workspace() -> None:
    async def scenario() -> None:
        async with world() as w:
            order = [Priority.LOW, Priority.NORMAL, Priority.HIGH]
            ids = await w.schedule(90, after=1.0, priority=lambda i: order[i // 30])
            await w.until(lambda: len(w.receiver.arrivals) == 90)
            sent = [arrival.delivery.id for arrival in w.receiver.arrivals]
            assert (set(sent[:30]), set(sent[30:60]), set(sent[60:])) == (
                set(ids[60:]),
                set(ids[30:60]),
                set(ids[:30]),
            )

    run_virtual(scenario)


def test_every_fourth_slot_goes_to_a_workspace_with_high_messages_however_many_wait() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.schedule(2000, workspace=lambda i: f"workspace-{i % 1000}")
            await asyncio.sleep(2)
            begun = w.clock.now() / SECOND
            await w.schedule(10, workspace="urgent", priority=Priority.HIGH)
            await w.until(lambda: len(w.receiver.times("urgent")) == 10)
            assert w.receiver.times("urgent")[-1] - begun < 1.5

    run_virtual(scenario)


def test_a_failed_try_is_repeated_after_a_backoff_and_dead_after_the_last() -> None:
    async def scenario() -> None:
        async with world() as w:
            w.receiver.answer = lambda _: failing(Kind.FAILED, 500)
            [message] = await w.schedule()
            await w.settled([message], Status.DEAD)
            job = await w.job(message)
            assert (job.tries, job.attempts, job.reason) == (3, 3, "exhausted")
            assert [arrival.delivery.attempt for arrival in w.receiver.arrivals] == [1, 2, 3]
            assert w.receiver.times()[-1] - w.receiver.times()[0] <= 3.2

    run_virtual(scenario)


def test_an_unreachable_receiver_uses_no_try_and_everything_is_delivered_when_it_is_back() -> None:
    async def scenario() -> None:
        async with world() as w:
            w.receiver.reachable = lambda _: False
            ids = await w.schedule(100)
            await asyncio.sleep(60)
            assert (await w.job(ids[0])).status is Status.SCHEDULED
            w.receiver.reachable = lambda _: True
            back = w.clock.now() / SECOND
            await w.settled(ids, within=120)
            assert w.receiver.times()[0] - back <= 60
            assert all(count == 1 for count in w.receiver.ids().values())
            assert {(await w.job(message)).tries for message in ids[:5]} == {1}

    run_virtual(scenario)


def test_one_unreachable_workspace_holds_no_other() -> None:
    async def scenario() -> None:
        async with world() as w:
            w.receiver.reachable = lambda delivery: delivery.workspace != "down"
            await w.schedule(500, workspace="down")
            ids = await w.schedule(100, workspace="up")
            await w.settled(ids, within=5)

    run_virtual(scenario)


def test_endpoints_that_hang_leave_connections_for_the_others() -> None:
    async def scenario() -> None:
        async with world(sms_per_second=1000) as w:
            w.receiver.latency = lambda delivery: (
                10.0 if delivery.workspace.startswith("hangs") else 0.005
            )
            await w.schedule(2000, workspace=lambda i: f"hangs-{i % 4}")
            await asyncio.sleep(3)
            assert sum(w.receiver.open.values()) < 256
            begun = w.clock.now() / SECOND
            await w.schedule(100, workspace="quick")
            await w.until(lambda: len(w.receiver.times("quick")) == 100)
            assert w.receiver.times("quick")[-1] - begun < 3

    run_virtual(scenario)


def test_429_makes_the_workspace_wait_as_told_and_uses_no_try() -> None:
    async def scenario() -> None:
        async with world() as w:
            told: list[int] = []

            def answer(_: object) -> Answer:
                if not told:
                    told.append(w.clock.now() + 5 * SECOND)
                    return Answer(Kind.THROTTLED, 429, "slow down", told[0])
                return DELIVERED

            w.receiver.answer = answer
            [first] = await w.schedule()
            await w.until(lambda: bool(told))
            rest = await w.schedule(3)
            await w.settled([first, *rest])
            assert all(at >= told[0] / SECOND for at in w.receiver.times()[1:])
            job = await w.job(first)
            assert (job.tries, job.attempts) == (1, 2)

    run_virtual(scenario)


def test_twenty_refusals_in_a_row_hold_the_workspace_instead_of_ending_its_messages() -> None:
    async def scenario() -> None:
        async with world() as w:
            w.receiver.answer = lambda _: failing(Kind.REFUSED, 404)
            ids = await w.schedule(500)
            await asyncio.sleep(300)
            dead = sum([(await w.job(message)).status is Status.DEAD for message in ids])
            assert 20 <= dead <= 40
            w.receiver.answer = lambda _: DELIVERED
            await asyncio.sleep(60)
            assert (
                sum([(await w.job(message)).status is Status.DELIVERED for message in ids])
                == 500 - dead
            )

    run_virtual(scenario)


def test_what_a_killed_dispatcher_held_is_delivered_by_another_when_its_lease_ends() -> None:
    async def scenario() -> None:
        async with world(lease_seconds=5) as w:
            w.receiver.latency = lambda _: 1.0
            ids = await w.schedule(200)
            await asyncio.sleep(1.5)
            await w.kill(w.processes[0])
            await w.start()
            await w.settled(ids, within=30)
            twice = [count for count in w.receiver.ids().values() if count > 1]
            assert len(twice) <= 60
            assert max(twice, default=1) == 2

    run_virtual(scenario)


def test_a_stop_finishes_what_is_in_flight_and_gives_the_rest_back() -> None:
    async def scenario() -> None:
        async with world() as w:
            w.receiver.latency = lambda _: 2.0
            ids = await w.schedule(300)
            await asyncio.sleep(1.0)
            await w.stop()
            arrived = len(w.receiver.arrivals)
            states = [(await w.job(message)).status for message in ids]
            assert states.count(Status.DELIVERED) == arrived
            assert states.count(Status.SCHEDULED) == 300 - arrived
            await w.start()
            await w.settled(ids)
            assert all(count == 1 for count in w.receiver.ids().values())

    run_virtual(scenario)


def test_outcomes_in_hand_are_settled_when_the_store_is_back() -> None:
    async def scenario() -> None:
        async with world() as w:
            w.receiver.latency = lambda _: 1.0
            ids = await w.schedule(30)
            await w.until(lambda: len(w.receiver.arrivals) >= 10)
            w.processes[0].link.away = True
            await asyncio.sleep(5)
            w.processes[0].link.away = False
            await w.settled(ids)
            assert all(count == 1 for count in w.receiver.ids().values())

    run_virtual(scenario)


def test_a_long_delivery_keeps_its_lease() -> None:
    async def scenario() -> None:
        async with world(dispatchers=2, lease_seconds=1) as w:
            w.receiver.latency = lambda _: 9.0
            ids = await w.schedule(20)
            await w.settled(ids)
            assert all(count == 1 for count in w.receiver.ids().values())

    run_virtual(scenario)


def test_a_message_past_its_expiry_is_not_sent() -> None:
    async def scenario() -> None:
        async with world() as w:
            w.receiver.reachable = lambda _: False
            await w.schedule()
            await asyncio.sleep(0.5)
            [message] = await w.schedule(expires_after=3.0)
            await asyncio.sleep(6)
            w.receiver.reachable = lambda _: True
            await asyncio.sleep(60)
            job = await w.job(message)
            assert (job.status, job.reason) == (Status.CANCELLED, "expired")
            assert message not in w.receiver.ids()

    run_virtual(scenario)


def test_a_cancelled_campaign_sends_nothing_after_the_answer() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.schedule(2000, campaign="spring")
            await asyncio.sleep(2)
            await w.database.write(campaigns.cancel, "acme", "spring", w.clock.now())
            in_flight = {flight.message.id for flight in w.processes[0].dispatching.flights.all()}
            sent = set(w.receiver.ids())
            await asyncio.sleep(30)
            assert set(w.receiver.ids()) - sent <= in_flight
            counts = (
                await w.database.read(campaigns.summary, "acme", "spring", w.clock.now())
            ).counts
            assert counts[Status.SCHEDULED] == counts[Status.CLAIMED] == 0
            assert counts[Status.DELIVERED] + counts[Status.CANCELLED] == 2000

    run_virtual(scenario)


def test_a_paused_campaign_waits_and_resumes_at_its_own_place() -> None:
    async def scenario() -> None:
        async with world() as w:
            await w.schedule(300, campaign="spring", after=0.5)
            await w.database.write(campaigns.pause, "acme", "spring", w.clock.now())
            others = await w.schedule(100)
            await w.settled(others, within=10)
            assert len(w.receiver.arrivals) == 100
            await w.database.write(campaigns.resume, "acme", "spring", w.clock.now())
            await w.until(lambda: len(w.receiver.arrivals) == 400, within=15)

    run_virtual(scenario)


async def _slow_commits(w: World) -> None:
    w.database.commit = 0.02  # type: ignore[attr-defined]


def test_commits_of_20_ms_leave_the_limit_exact_and_used() -> None:
    async def scenario() -> None:
        async with world() as w:
            await _slow_commits(w)
            await w.schedule(1000, channel=Channel.EMAIL)
            await w.until(lambda: len(w.receiver.arrivals) == 1000)
            times = w.receiver.times()
            assert densest(times) <= 100
            assert 999 / (max(times) - min(times)) >= 97

    run_virtual(scenario)


def test_a_sender_that_breaks_costs_a_try_and_keeps_no_message() -> None:
    async def scenario() -> None:
        async with world() as w:
            broken = iter([True])

            def latency(_: object) -> float:
                if next(broken, False):
                    raise ValueError("a bug in the sender")
                return 0.005

            w.receiver.latency = latency
            [message] = await w.schedule()
            await w.settled([message], within=60)
            job = await w.job(message)
            assert (job.tries, job.attempts) == (2, 2)
            assert len(w.processes[0].dispatching.flights) == 0

    run_virtual(scenario)


def test_an_outcome_that_the_store_refuses_keeps_no_other_from_being_settled() -> None:
    async def scenario() -> None:
        async with world(lease_seconds=5) as w:
            ids = await w.schedule(20)
            refused = ids[7]
            w.processes[0].link.refuses = lambda settlements: any(
                one.message.id == refused for one in settlements
            )
            await w.settled([message for message in ids if message != refused], within=30)
            w.processes[0].link.refuses = lambda _: False
            await w.settled(ids, within=60)
            assert w.receiver.ids()[refused] >= 2

    run_virtual(scenario)


def test_a_stop_while_the_store_is_away_ends_within_its_patience() -> None:
    async def scenario() -> None:
        async with world(shutdown_seconds=5) as w:
            await w.schedule(30)
            await w.until(lambda: len(w.receiver.arrivals) >= 5)
            w.processes[0].link.away = True
            async with asyncio.timeout(10):
                await w.stop()

    run_virtual(scenario)


async def _stall(seconds: float, every: float) -> None:
    """Block the event loop again and again, as a slow slice of work does: time passes and
    nothing runs.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    while True:
        await asyncio.sleep(every)
        loop.elapsed += seconds


@pytest.mark.parametrize(
    "messages", [400, pytest.param(1_200, marks=pytest.mark.long(bounded=True))]
)
@pytest.mark.parametrize(("stall", "every", "used"), [(0.06, 0.94, 97), (0.15, 0.25, 0)])
def test_starts_that_a_stalled_loop_missed_get_new_slots_and_no_second_holds_more(
    messages: int, stall: float, every: float, used: float
) -> None:
    async def scenario() -> None:
        async with world() as w:
            stalling = asyncio.create_task(_stall(stall, every))
            ids = await w.schedule(messages, channel=Channel.EMAIL)
            await w.settled(ids, within=60)
            stalling.cancel()
            times = w.receiver.times()
            assert densest(times) <= 100
            assert (messages - 1) / (max(times) - min(times)) >= used
            assert all(count == 1 for count in w.receiver.ids().values())

    run_virtual(scenario)
