"""Starts at slots, and what becomes of a slot whose time never comes or is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from queue_services.clock import Clock
from queue_services.dispatcher.flights import Flight, Flights
from queue_services.dispatcher.pacer import Pacer
from queue_services.domain.limits import LATE
from queue_services.domain.message import SECOND, Channel
from tests.dispatcher.flying import LEASE, Control, Line, flight
from tests.support.virtual import VirtualLoop, run_virtual

AHEAD = 50_000


class Starts:
    """A pacer at work on a virtual clock, and the flights it has."""

    def __init__(self, concurrency: int = 256) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.clock = Clock(loop.time, lambda: 1_800_000_000 + loop.time())
        self.flights = Flights(concurrency)
        self.missed: list[Channel] = []
        self.pacer = Pacer(self.clock, self.flights, LEASE, on_missed=self.missed.append)
        self._task = asyncio.create_task(self.pacer.run())

    def add(self, *waiting: Flight) -> None:
        for one in waiting:
            self.flights.add(one)
            self.flights.connect(one)
        self.pacer.add(waiting)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def scenario(body: Callable[[Starts], object], concurrency: int = 256) -> None:
    async def run() -> None:
        starts = Starts(concurrency)
        await body(starts)  # type: ignore[misc]
        await starts.end()

    run_virtual(run)


def test_requests_are_written_at_their_slots_in_the_order_of_the_slots() -> None:
    async def body(w: Starts) -> None:
        order: list[str] = []

        class Noting(Line):
            def __init__(self, name: str) -> None:
                super().__init__()
                self.name = name

            def start(self) -> bool:
                order.append(self.name)
                return super().start()

        now = w.clock.now()
        late, soon = flight(now + 40_000, line=Noting("late")), flight(now + 10_000)
        twin = flight(now + 10_000, line=Noting("twin"))
        soon.outgoing = Noting("soon")
        w.add(late)
        w.add(soon, twin)
        await asyncio.sleep(0.03)
        assert order == ["soon", "twin"]
        await asyncio.sleep(0.03)
        assert order == ["soon", "twin", "late"]
        for one in (soon, twin, late):
            assert one.started_at is not None
            assert 0 <= one.started_at - one.slot <= 2_000

    scenario(body)


def test_a_start_that_comes_more_than_8_ms_after_its_slot_is_not_made() -> None:
    async def body(w: Starts) -> None:
        now = w.clock.now()
        in_time, too_late = flight(now + 10_000), flight(now + 9_000)
        w.add(in_time, too_late)
        w.loop.elapsed += (9_000 + LATE + 500) / SECOND
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        assert in_time.started_at is not None
        assert too_late.started_at is None
        assert w.pacer.take_missed(Channel.SMS) == [too_late]
        assert w.missed == [Channel.SMS]
        too_late.slot = w.clock.now() + 5_000
        w.pacer.add([too_late])
        await asyncio.sleep(0.02)
        assert too_late.started_at is not None

    scenario(body)


@pytest.mark.parametrize("steps", [0, 1])
def test_a_slot_of_before_a_step_is_not_taken_for_one_of_now(steps: int) -> None:
    async def body(w: Starts) -> None:
        w.clock.correct(200_000)
        waiting = flight(w.clock.now() + 1_000)
        waiting.steps = steps
        w.add(waiting)
        await asyncio.sleep(0.01)
        assert (waiting.started_at is not None) is (steps == w.clock.steps)

    scenario(body)


@pytest.mark.parametrize(
    ("step", "missed"),
    [(0, False), (-1_500_000, True), (-3_600 * SECOND, True), (3_600 * SECOND, True)],
)
def test_a_start_that_was_reserved_before_the_clock_was_stepped_gets_a_new_slot(
    step: int, missed: bool
) -> None:
    async def body(w: Starts) -> None:
        waiting = flight(w.clock.now() + AHEAD)
        waiting.lease_until += max(0, step)
        w.add(waiting)
        await asyncio.sleep(AHEAD / 2 / SECOND)
        if step:
            w.clock.correct(step)
        await asyncio.sleep(1)
        assert (waiting.started_at is not None) is not missed
        assert w.pacer.take_missed(Channel.SMS) == ([waiting] if missed else [])
        if missed:
            waiting.slot, waiting.steps = w.clock.now() + 1_000, w.clock.steps
            w.pacer.add([waiting])
            await asyncio.sleep(0.01)
        assert waiting.started_at is not None
        assert 0 <= waiting.started_at - waiting.slot <= 2_000

    scenario(body)


@pytest.mark.parametrize(
    ("lives_for", "leased_for", "starts"),
    [
        (AHEAD, LEASE, False),
        (2 * AHEAD, LEASE, True),
        (LEASE, AHEAD + LEASE // 4, False),
        (LEASE, AHEAD + LEASE // 2, True),
    ],
    ids=[
        "expires by then",
        "expires later",
        "less than a third of its lease is left",
        "more than a third of its lease is left",
    ],
)
def test_a_start_that_would_be_too_late_at_its_slot_is_given_back(
    lives_for: int, leased_for: int, starts: bool
) -> None:
    async def body(w: Starts) -> None:
        now, control = w.clock.now(), Control()
        waiting = flight(now + AHEAD, expires_at=now + lives_for, control=control)
        waiting.lease_until = now + leased_for
        w.add(waiting)
        await asyncio.sleep(1)
        assert (waiting.started_at is not None) is starts
        assert control.given_back == ([] if starts else [waiting])

    scenario(body)


def test_a_slot_without_a_connection_is_used_when_one_stands_within_8_ms_and_missed_after() -> None:
    async def body(w: Starts) -> None:
        lines = [Line(connected=False), Line(connected=False)]
        soon, late = (flight(w.clock.now() + 5_000, line=line) for line in lines)
        w.add(soon, late)
        await asyncio.sleep(0.008)
        assert (soon.waits, late.waits) == (True, True)
        lines[0].connected = lines[1].connected = True
        soon.ready()
        w.pacer.start(soon)
        await asyncio.sleep(0.01)
        late.ready()
        w.pacer.start(late)
        assert (soon.started_at is not None, late.started_at is not None) == (True, False)
        assert w.pacer.take_missed(Channel.SMS) == [late]

    scenario(body)


def test_no_more_requests_are_out_than_connections_and_a_workspace_leaves_some_to_others() -> None:
    async def body(w: Starts) -> None:
        slot = w.clock.now() + 1_000
        mine = [flight(slot) for _ in range(8)]
        others = [flight(slot, workspace=f"other-{number}") for number in range(8)]
        w.add(*mine, *others)
        await asyncio.sleep(0.01)
        assert sum(one.started_at is not None for one in mine) == 4
        assert sum(one.started_at is not None for one in others) == 4
        assert w.flights.miscounted() == []
        w.flights.remove([*mine, *others])
        assert (w.flights.connected, w.flights.miscounted()) == (0, [])

    scenario(body, concurrency=8)
