"""What a dispatcher does when the store has committed and only the answer was lost: nothing
is sent over a limit, nothing twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from queue_services.domain.message import Channel
from queue_services.errors import StoreUnavailable
from queue_services.queue import claims, settling
from queue_services.queue.slots import reserve
from tests.dispatcher.world import Link, world
from tests.support.virtual import VirtualLoop, run_virtual


def lose_answers(
    link: Link,
    *flows: Any,
    heard: Callable[..., None] = lambda *_: None,
    when: Callable[..., bool] = lambda *_: True,
) -> list[str]:
    """Let every second answer to one of `flows` be lost after its commit, of those `when` what
    they were called with says so; the names of those that were. `heard` gets the same.
    """
    lost: list[str] = []
    write, asked = link.write, 0

    async def losing(flow: Any, /, *args: Any, **kwargs: Any) -> Any:
        nonlocal asked
        value = await write(flow, *args, **kwargs)
        if flow not in flows or not when(*args):
            return value
        asked += 1
        heard(*args)
        if asked % 2:
            lost.append(flow.__name__)
            raise StoreUnavailable("the answer was lost")
        return value

    link.write = losing  # type: ignore[method-assign]
    return lost


def test_a_slot_whose_return_was_not_answered_is_not_given_back_twice() -> None:
    """The second time it would be another message's: one that starts at the same instant."""

    async def scenario() -> None:
        async with world(email_per_second=250) as w:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            returned: list[int] = []
            lost = lose_answers(
                w.processes[0].link,
                reserve,
                heard=lambda request, _: returned.extend(m.slot for m in request.missed),
                when=lambda request, _: bool(request.missed),
            )
            ids = await w.schedule(300, channel=Channel.EMAIL)
            await w.until(lambda: len(w.receiver.arrivals) > 150)
            loop.elapsed += 0.03
            await w.settled(ids, within=60)
            assert lost
            assert 0 in returned, "none waited for a slot a second time"
            assert max(Counter(slot for slot in returned if slot).values()) == 1

    run_virtual(scenario)


def test_a_slot_of_before_a_step_of_the_clock_is_not_given_back() -> None:
    """What stands there in the log by now is another message's."""

    async def scenario() -> None:
        async with world(email_per_second=250) as w:
            returned: list[int] = []
            write = w.processes[0].link.write

            async def heard(flow: Any, /, *args: Any, **kwargs: Any) -> Any:
                if flow is reserve:
                    returned.extend(missed.slot for missed in args[0].missed)
                return await write(flow, *args, **kwargs)

            w.processes[0].link.write = heard  # type: ignore[method-assign]
            ids = await w.schedule(100, channel=Channel.EMAIL)
            await w.until(lambda: len(w.receiver.arrivals) > 10)
            w.clock.correct(1_000_000)
            await w.settled(ids, within=60)
            assert returned, "none waited at its gate when the clock was stepped"
            assert set(returned) == {0}

    run_virtual(scenario)


def test_outcomes_that_were_committed_but_not_answered_count_once_and_send_nothing_again() -> None:
    async def scenario() -> None:
        async with world() as w:
            lost = lose_answers(w.processes[0].link, settling.settle)
            ids = await w.schedule(100)
            await w.settled(ids, within=60)
            await asyncio.sleep(60)
            assert lost
            assert all(count == 1 for count in w.receiver.ids().values())
            assert len(w.processes[0].dispatching.flights) == 0

    run_virtual(scenario)


def test_a_process_that_claims_its_own_message_again_keeps_no_connection_for_it() -> None:
    """It held the message when its lease ran out, because the store was away for longer."""

    async def scenario() -> None:
        async with world(lease_seconds=2) as w:
            w.receiver.latency = lambda _: 8.0
            ids = await w.schedule(10)
            await w.until(lambda: len(w.receiver.arrivals) == 10)
            [process] = w.processes
            write = process.link.write

            async def not_renewing(flow: Any, /, *args: Any, **kwargs: Any) -> Any:
                if flow is claims.renew:
                    raise StoreUnavailable("it is away")
                return await write(flow, *args, **kwargs)

            process.link.write = not_renewing  # type: ignore[method-assign]
            await w.until(lambda: len(w.receiver.arrivals) > 10)
            process.link.write = write  # type: ignore[method-assign]
            assert len(process.dispatching.flights) > 10
            await w.settled(ids, within=60)
            await asyncio.sleep(30)
            flights = process.dispatching.flights
            assert (len(flights), flights.connected, flights.held()) == (0, 0, {})
            assert flights.miscounted() == []

    run_virtual(scenario)
