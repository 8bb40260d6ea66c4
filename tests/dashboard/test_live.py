"""Figures that move: one reading for all who look, and streams that end when the process does."""

from __future__ import annotations

import asyncio
import json

import pytest

from queue_services.clock import Clock
from queue_services.dashboard import live
from queue_services.domain.message import Channel, Status
from queue_services.queue.overview import ChannelFigures
from tests.dashboard.site import LIMITS


class Counting:
    """Counts how often the channels are read; each reading finds one job more."""

    def __init__(self) -> None:
        self.readings = 0

    async def channels(self, workspace: str | None = None) -> dict[Channel, ChannelFigures]:
        self.readings += 1
        await asyncio.sleep(0)
        counts = dict.fromkeys(Status, 0) | {Status.SCHEDULED: self.readings}
        return {
            channel: ChannelFigures(counts, 1, 1_000_000, 25.0, paused=False) for channel in Channel
        }


class World:
    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.overview = Counting()
        self.live = live.Live(
            self.overview.channels, Clock(monotonic=lambda: self.seconds, wall=lambda: 0.0), LIMITS
        )


async def test_all_who_look_within_a_second_share_one_reading() -> None:
    world = World()
    await asyncio.gather(*(world.live.figures(None) for _ in range(100)))
    assert world.overview.readings == 1
    await world.live.figures("acme")
    assert world.overview.readings == 2
    world.seconds += 1
    await asyncio.gather(*(world.live.figures(None) for _ in range(100)))
    assert world.overview.readings == 3


async def test_a_stream_tells_the_figures_by_their_names_in_the_page() -> None:
    world = World()
    stream = world.live.events(None)
    event = (await anext(stream)).decode()
    texts = json.loads(event.removeprefix("data: "))
    assert event.endswith("\n\n")
    assert (
        texts["sms.scheduled"],
        texts["sms.rate"],
        texts["sms.used"],
        texts["email.used"],
        texts["all.scheduled"],
    ) == ("1", "25", "50", "25", "2")
    await stream.aclose()  # type: ignore[attr-defined] # it is a generator


async def test_a_stream_ends_when_the_process_is_told_to_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    stream = world.live.events(None)
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    world.live.close()
    async with asyncio.timeout(live.EVERY_SECONDS / 2):
        with pytest.raises(StopAsyncIteration):
            await waiting
