"""The gate that a delivery waits at until its slot, and what becomes of a slot whose time
never comes or is over.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from queue_services.clock import Clock
from queue_services.dispatcher.flights import Batch, Flight
from queue_services.dispatcher.pacer import GivenUp, Pacer
from queue_services.domain.message import SECOND, Channel
from queue_services.queue.claims import ClaimedMessage
from tests.support.virtual import VirtualLoop, run_virtual

AHEAD = 50_000
LEASE = 30 * SECOND


def flight(slot: int, expires_at: int | None = None) -> Flight:
    """One SMS that is to start at `slot`."""
    message = ClaimedMessage(
        id="job",
        lane=1,
        workspace="acme",
        channel=Channel.SMS,
        contact="c",
        campaign=None,
        epoch=0,
        claim=1,
        number=1,
        tries=0,
        refused_since=None,
        due_at=slot,
        visible_at=slot,
        expires_at=expires_at,
        slot=slot,
        payload="{}",
    )
    return Flight(
        message, Batch("acme", Channel.SMS, 1), slot, lease_until=slot + 60 * SECOND, begun_at=slot
    )


@pytest.mark.parametrize("steps", [0, 1])
def test_a_slot_of_before_a_step_is_not_taken_for_one_of_now(steps: int) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        clock = Clock(loop.time, lambda: 1_800_000_000 + loop.time())
        pacer = Pacer(clock, LEASE)
        clock.correct(200_000)
        waiting = flight(clock.now() + 1_000)
        waiting.steps = steps
        task = asyncio.create_task(pacer.gate(waiting))
        await asyncio.sleep(0.01)
        assert task.done() is (steps == clock.steps)
        task.cancel()

    run_virtual(scenario)


@pytest.mark.parametrize(
    ("step", "missed"),
    [(0, False), (-1_500_000, True), (-3_600 * SECOND, True), (3_600 * SECOND, True)],
)
def test_a_start_that_was_reserved_before_the_clock_was_stepped_gets_a_new_slot(
    step: int, missed: bool
) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        clock = Clock(loop.time, lambda: 1_800_000_000 + loop.time())
        pacer = Pacer(clock, LEASE)
        waiting = flight(clock.now() + AHEAD)
        waiting.lease_until += max(0, step)
        task = asyncio.create_task(pacer.gate(waiting))
        await asyncio.sleep(AHEAD / 2 / 1_000_000)
        if step:
            clock.correct(step)
        await asyncio.sleep(AHEAD / 1_000_000)
        assert task.done() is not missed
        assert pacer.take_missed(Channel.SMS) == ([waiting] if missed else [])
        pacer.give(waiting, clock.now() + 1_000, clock.steps)
        await task
        assert waiting.started_at is not None
        assert 0 <= waiting.started_at - waiting.slot <= 2_000

    run_virtual(scenario)


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
def test_a_start_that_would_be_too_late_at_its_slot_is_given_up(
    lives_for: int, leased_for: int, starts: bool
) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        clock = Clock(loop.time, lambda: 1_800_000_000 + loop.time())
        waiting = flight(clock.now() + AHEAD, expires_at=clock.now() + lives_for)
        waiting.lease_until = clock.now() + leased_for
        with contextlib.nullcontext() if starts else pytest.raises(GivenUp):
            await Pacer(clock, LEASE).gate(waiting)
        assert (waiting.started_at is not None) is starts

    run_virtual(scenario)
