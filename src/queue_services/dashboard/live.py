"""The figures that move while one looks: one reading a second and process, however many
look, sent on as server-sent events.

Called by the pages and by the stream at /admin/queues/live.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from queue_services.clock import Clock
from queue_services.dashboard import words
from queue_services.domain.message import SECOND, Channel, Instant, Status
from queue_services.errors import StoreUnavailable
from queue_services.queue.overview import ChannelFigures

EVERY_SECONDS = 1.0
FRESH = round(0.9 * SECOND)
KEPT = 60 * SECOND
LONGEST_STREAM = 600
"""Events until a stream is closed; the browser opens another, and is asked again who it is."""

Figures = dict[Channel, ChannelFigures]
Read = Callable[[str | None], Awaitable[Figures]]
"""Reads the channels of a workspace, or of all, from the store."""


@dataclass
class _Reading:
    """What was read last of a workspace, and the event that tells it to all who look."""

    at: Instant = 0
    figures: Figures = field(default_factory=dict)
    event: bytes = b""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Live:
    """The newest figures by workspace (None = the whole service)."""

    def __init__(self, read: Read, clock: Clock, limits: Mapping[Channel, float]) -> None:
        self._read_channels, self._clock, self._limits = read, clock, limits
        self._readings: dict[str | None, _Reading] = {}
        self._closing = asyncio.Event()

    async def figures(self, workspace: str | None) -> Figures:
        """The channels as they were a second ago at most."""
        return (await self._read(workspace)).figures

    async def events(self, workspace: str | None) -> AsyncIterator[bytes]:
        """Server-sent events: the texts of the figures by their names in the page, one event a
        second, until the process stops.
        """
        for _ in range(LONGEST_STREAM):
            with contextlib.suppress(StoreUnavailable):
                yield (await self._read(workspace)).event
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), EVERY_SECONDS)
            if self._closing.is_set():
                return

    async def _read(self, workspace: str | None) -> _Reading:
        reading = self._readings.setdefault(workspace, _Reading())
        async with reading.lock:
            now = self._clock.now()
            if not 0 <= now - reading.at < FRESH or not reading.figures:
                reading.figures = await self._read_channels(workspace)
                reading.at = now
                reading.event = (
                    b"data: " + msgspec.json.encode(self.texts(reading.figures)) + b"\n\n"
                )
                self._forget(now)
        return reading

    def outdate(self) -> None:
        """Read anew for whoever looks next: something was changed by hand."""
        for reading in self._readings.values():
            reading.at = 0

    def close(self) -> None:
        """End every stream: a server that is told to stop waits for them."""
        self._closing.set()

    def texts(self, figures: Figures) -> dict[str, str]:
        """Each figure as the page shows it, by the name that its element has in `data-live`."""
        now = self._clock.now()
        found: dict[str, str] = {}
        for channel, now_is in figures.items():
            found |= {
                f"{channel.value}.{status.value}": words.number(count)
                for status, count in now_is.counts.items()
            }
            found[f"{channel.value}.due"] = words.due(now_is.due)
            found[f"{channel.value}.oldest"] = (
                "none is due"
                if now_is.oldest_due_at is None
                else words.duration(max(0, now - now_is.oldest_due_at))
            )
            found[f"{channel.value}.rate"] = words.rate(now_is.rate)
            found[f"{channel.value}.used"] = str(
                round(100 * min(1, now_is.rate / self._limits[channel]))
            )
        for status in Status:
            found[f"all.{status.value}"] = words.number(
                sum(now_is.counts[status] for now_is in figures.values())
            )
        return found

    def _forget(self, now: Instant) -> None:
        """Keep no reading that nobody looks at."""
        for workspace in [
            key
            for key, reading in self._readings.items()
            if now - reading.at > KEPT and not reading.lock.locked()
        ]:
            del self._readings[workspace]
