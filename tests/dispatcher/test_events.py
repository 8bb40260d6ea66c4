"""Events on virtual time: told at once, told again until they are taken, in order for each
job, and in no message's way.
"""

from __future__ import annotations

import asyncio

from queue_services.delivery.sender import Notice
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.outcome import Answer, Kind
from queue_services.domain.workspace import Change
from queue_services.queue import jobs
from tests.dispatcher.world import DELIVERED, Listener, World, world
from tests.support.virtual import run_virtual

URL = "https://app.example/events"


def listener(w: World) -> Listener:
    assert w.listener is not None
    return w.listener


async def all_told(w: World, count: int, within: float = 3600.0) -> None:
    """Let time pass until so many different events were taken."""
    await w.until(lambda: len({notice.id for _, notice in listener(w).told}) >= count, within)


def test_every_end_is_told_once_and_at_once() -> None:
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            ids = await w.schedule(60, workspace=lambda i: f"workspace-{i % 3}")
            await all_told(w, 60)
            await asyncio.sleep(5)
            assert listener(w).types() == ["message.completed"] * 60
            assert {notice.job for _, notice in listener(w).told} == set(ids)
            arrived = {arrival.delivery.id: arrival.at for arrival in w.receiver.arrivals}
            assert (
                max(at - arrived[notice.job or ""] for at, notice in listener(w).told)
                < 0.2 * SECOND
            )

    run_virtual(scenario)


def test_without_anybody_who_listens_nothing_is_told() -> None:
    async def scenario() -> None:
        async with world(listens=True) as w:
            await w.settled(await w.schedule(5))
            await asyncio.sleep(5)
            assert listener(w).told == []

    run_virtual(scenario)


def test_an_event_that_is_not_taken_is_told_again_with_the_same_id_until_it_is() -> None:
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            answers = iter(
                [
                    Answer(Kind.FAILED, 500),
                    Answer(Kind.REJECTED, 400),
                    Answer(Kind.UNREACHABLE),
                    Answer(Kind.TIMEOUT),
                ]
            )
            listener(w).answer = lambda _: next(answers, DELIVERED)
            await w.schedule()
            await w.until(lambda: len(listener(w).told) == 5)
            await asyncio.sleep(120)
            assert len(listener(w).told) == 5
            assert len({notice.id for _, notice in listener(w).told}) == 1
            assert [notice.attempt for _, notice in listener(w).told] == [1, 2, 3, 4, 5]

    run_virtual(scenario)


def test_events_about_one_job_are_told_in_order_though_the_first_is_not_taken_at_once() -> None:
    async def scenario() -> None:
        async with world(
            listens=True, events_url="http://application.example", max_attempts=1
        ) as w:
            refusals = iter([Answer(Kind.FAILED, 500)] * 3)
            listener(w).answer = lambda _: next(refusals, DELIVERED)
            deliveries = iter([Answer(Kind.REJECTED, 422, "no")])
            w.receiver.answer = lambda _: next(deliveries, DELIVERED)
            [job] = await w.schedule()
            await w.until(lambda: len(listener(w).told) == 1)
            await jobs.requeue.run(w.database, job, w.clock.now(), "api")
            await w.until(lambda: listener(w).types(job)[-1] == "message.completed")
            assert listener(w).types(job) == ["message.failed"] * 4 + ["message.completed"]

    run_virtual(scenario)


def test_an_endpoint_for_events_that_hangs_delays_no_message_and_no_other_workspace_s_events() -> (
    None
):
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            await w.workspaces.change("slow", Change(events_url=URL))
            listener(w).latency = lambda notice: 3600 if notice.workspace == "slow" else 0.005
            await w.schedule(200, workspace="slow")
            await w.schedule(50, workspace="quick", channel=Channel.EMAIL)
            await w.until(lambda: len(w.receiver.arrivals) == 250)
            times = w.receiver.times("slow")
            assert 199 / (max(times) - min(times)) >= 48.5
            await w.until(
                lambda: sum(notice.workspace == "quick" for _, notice in listener(w).told) == 50,
                within=2,
            )

    run_virtual(scenario)


def test_gone_turns_a_workspace_s_events_off_until_its_url_is_set_again() -> None:
    async def scenario() -> None:
        async with world(listens=True) as w:
            await w.workspaces.change("acme", Change(events_url=URL))
            listener(w).answer = lambda _: Answer(Kind.REJECTED, 410)
            await w.settled(await w.schedule())
            await w.until(lambda: len(listener(w).told) == 1)
            await asyncio.sleep(1)
            assert (await w.workspaces.terms("acme")).workspace.events_off
            await w.settled(await w.schedule(3))
            await asyncio.sleep(60)
            assert len(listener(w).told) == 1
            listener(w).answer = lambda _: DELIVERED
            await w.workspaces.change("acme", Change(events_url=URL))
            await w.schedule(2)
            await all_told(w, 3)
            assert not (await w.workspaces.terms("acme")).workspace.events_off

    run_virtual(scenario)


def test_410_from_the_service_s_own_url_is_a_failure_like_any_other() -> None:
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            answers = iter([Answer(Kind.REJECTED, 410)] * 3)
            listener(w).answer = lambda _: next(answers, DELIVERED)
            await w.schedule()
            await w.until(lambda: len(listener(w).told) == 4)

    run_virtual(scenario)


def test_two_dispatchers_tell_each_event_once() -> None:
    async def scenario() -> None:
        async with world(dispatchers=2, listens=True, events_url="http://application.example") as w:
            await w.schedule(100, workspace=lambda i: f"workspace-{i % 5}")
            await all_told(w, 100)
            await asyncio.sleep(5)
            assert len(listener(w).told) == 100

    run_virtual(scenario)


def test_what_a_killed_dispatcher_was_telling_is_told_by_another_with_the_same_id() -> None:
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            listener(w).latency = lambda _: 5.0
            await w.schedule()
            await w.until(lambda: len(listener(w).told) == 1)
            await w.kill(w.processes[0])
            listener(w).latency = lambda _: 0.005
            await w.start()
            await w.until(lambda: len(listener(w).told) == 2)
            (first, one), (second, other) = listener(w).told
            assert (one.id, other.attempt) == (other.id, 1)
            assert 40 * SECOND < second - first < 60 * SECOND

    run_virtual(scenario)


def test_a_stop_tells_what_its_last_messages_came_to() -> None:
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            w.receiver.latency = lambda _: 2.0
            await w.schedule(10)
            await w.until(lambda: len(w.receiver.arrivals) == 10)
            await w.stop()
            assert listener(w).types() == ["message.completed"] * 10

    run_virtual(scenario)


def test_while_the_store_is_away_what_came_back_is_kept_and_told_no_second_time() -> None:
    async def scenario() -> None:
        async with world(listens=True, events_url="http://application.example") as w:
            [process] = w.processes

            def cut(_: Notice) -> Answer:
                process.link.away = True
                return DELIVERED

            listener(w).answer = cut
            await w.schedule()
            await w.until(lambda: process.link.away)
            await asyncio.sleep(10)
            process.link.away = False
            await asyncio.sleep(120)
            assert len(listener(w).told) == 1

    run_virtual(scenario)
