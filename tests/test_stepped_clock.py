"""The clock of `serve --test-clock`: days pass at once, from wake to wake, and nothing that
falls due on the way is left out or comes out of order.
"""

from __future__ import annotations

import asyncio

import pytest

from queue_services.delivery.sender import Delivery, Gate, Notice, Outgoing
from queue_services.delivery.tasks import TaskSender
from queue_services.domain.message import Channel
from queue_services.domain.outcome import Answer, Kind
from queue_services.testclock.clock import SteppedClock
from queue_services.testclock.stepping import SteppedMessenger, SteppedSender

SECOND = 1_000_000
DAY = 86_400 * SECOND


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


async def some_turns() -> None:
    """Longer than anything of the service takes between two things that it tells the clock of."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_sleepers_wake_in_order_each_at_its_instant(clock: SteppedClock) -> None:
    start, woken = clock.now(), []

    async def sleep(seconds: int) -> None:
        await clock.sleep_until(start + seconds * SECOND)
        woken.append((seconds, (clock.now() - start) / SECOND))

    async with asyncio.TaskGroup() as tasks:
        for seconds in (86_400, 3, 7_200, 10):
            tasks.create_task(sleep(seconds))
        await asyncio.sleep(0)
        assert await clock.advance(2 * DAY) - start == pytest.approx(2 * DAY, abs=SECOND)
    assert woken == [(3, 3), (10, 10), (7_200, 7_200), (86_400, 86_400)]


async def test_who_wakes_may_sleep_again_within_the_same_move(clock: SteppedClock) -> None:
    start, woken = clock.now(), []

    async def repeat() -> None:
        for hour in range(1, 25):
            await clock.sleep_until(start + hour * 3600 * SECOND)
            woken.append((clock.now() - start) // (3600 * SECOND))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(repeat())
        await clock.advance(DAY + SECOND)
    assert woken == list(range(1, 25))


async def test_time_stands_still_while_anything_works(clock: SteppedClock) -> None:
    start, answered = clock.now(), asyncio.Event()
    seen = []

    async def work() -> None:
        await clock.sleep_until(start + 60 * SECOND)
        with clock.working():
            seen.append(clock.now() - start)
            await answered.wait()
            seen.append(clock.now() - start)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work())
        moving = tasks.create_task(clock.advance(DAY))
        while not seen:
            await asyncio.sleep(0)
        await some_turns()
        assert not moving.done()
        answered.set()
    assert seen == [60 * SECOND, 60 * SECOND]


async def test_a_chore_is_done_once_however_long_nothing_happens(clock: SteppedClock) -> None:
    rounds, start = [], clock.now()

    async def chore() -> None:
        while True:
            await clock.pause(1)
            rounds.append((clock.now() - start) // SECOND)

    async with asyncio.TaskGroup() as tasks:
        doing = tasks.create_task(chore())
        sleeping = tasks.create_task(clock.sleep_until(start + 3600 * SECOND))
        await clock.advance(DAY)
        assert sleeping.done()
        doing.cancel()
    assert rounds == [3600, 86_400]


async def test_a_wait_ends_at_the_signal_or_at_its_end_and_polls_with_the_stops_of_others(
    clock: SteppedClock,
) -> None:
    signal, start, woken = asyncio.Event(), clock.now(), []

    async def wait(until: int) -> None:
        await clock.wait(signal, start + until * SECOND, poll=SECOND)
        woken.append((clock.now() - start) // SECOND)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wait(7))
        tasks.create_task(wait(1 << 40))
        await clock.advance(60 * SECOND)
        assert woken == [7, 7]
        tasks.create_task(wait(1 << 40))
        await some_turns()
        signal.set()
    assert woken == [7, 7, 60]


async def test_between_moves_it_goes_at_the_pace_of_real_time(clock: SteppedClock) -> None:
    await clock.advance(DAY)
    before = clock.now()
    await clock.sleep_until(before + 2_000)
    assert 2_000 <= clock.now() - before < SECOND
    assert not clock.correct(5 * SECOND)
    assert clock.now() - before < SECOND


class Watching:
    """Starts a delivery at an instant, and again when a connection stands."""

    def __init__(self) -> None:
        self.outgoing: Outgoing | None = None
        self.answers: list[Kind] = []

    def ready(self) -> None:
        assert self.outgoing is not None
        assert self.outgoing.start()

    def answered(self, answer: Answer) -> None:
        self.answers.append(answer.kind)


async def test_a_delivery_holds_time_but_for_the_wait_for_its_slot(clock: SteppedClock) -> None:
    start, at = clock.now(), []

    class Application:
        async def send(self, _: Delivery, gate: Gate) -> Answer:
            await some_turns()  # it connects
            await gate()
            at.append(clock.now() - start)
            await some_turns()  # it answers
            at.append(clock.now() - start)
            return Answer(Kind.DELIVERED, 200)

        async def close(self) -> None:
            return None

    watching = Watching()

    async def deliver() -> None:
        await clock.sleep_until(start + 10 * SECOND)
        sender = SteppedSender(TaskSender(Application()), clock)
        watching.outgoing = sender.begin(Delivery("1", "acme", Channel.SMS, "c", 1, "{}"), watching)
        await clock.sleep_until(start + 30 * SECOND)
        watching.outgoing.start()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(deliver())
        await clock.advance(DAY)
        assert watching.answers == [Kind.DELIVERED]
    assert at == [30 * SECOND, 30 * SECOND]


async def test_an_abandoned_delivery_holds_time_no_longer(clock: SteppedClock) -> None:
    class Application:
        async def send(self, _: Delivery, __: Gate) -> Answer:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        async def close(self) -> None:
            return None

    sender = SteppedSender(TaskSender(Application()), clock)
    outgoing = sender.begin(Delivery("1", "acme", Channel.SMS, "c", 1, "{}"), Watching())
    assert not outgoing.start()
    outgoing.abandon()
    await clock.advance(DAY)


async def test_telling_of_an_event_holds_time(clock: SteppedClock) -> None:
    start, at = clock.now(), []

    class Application:
        async def send(self, notice: Notice) -> Answer:
            await some_turns()
            at.append((notice.id, clock.now() - start))
            return Answer(Kind.DELIVERED, 200)

        async def close(self) -> None:
            return None

    async def tell() -> None:
        await clock.sleep_until(start + 30 * SECOND)
        await SteppedMessenger(Application(), clock).send(
            Notice("1", "message.completed", None, "acme", None, "{}", start, 1, None, ())
        )

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tell())
        await clock.advance(DAY)
    assert at == [("1", 30 * SECOND)]
