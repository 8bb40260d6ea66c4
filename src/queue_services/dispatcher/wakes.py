"""What tells the loops of one dispatching process to look again: a claim is worth while, or a
reservation is.
"""

from __future__ import annotations

import asyncio

from queue_services.domain.message import Channel


class Wakes:
    """The signals of one process, two a channel. A channel is `starved` where claims wait for
    places or connections, `short` where reservations wait for connections: only then is it
    told of each that is free.
    """

    def __init__(self) -> None:
        self.claims = {channel: asyncio.Event() for channel in Channel}
        self.reservations = {channel: asyncio.Event() for channel in Channel}
        self.starved = dict.fromkeys(Channel, False)
        self.short = dict.fromkeys(Channel, False)

    def claim(self, channel: Channel | None = None) -> None:
        """Something may be due, or there is room for it."""
        for one in Channel if channel is None else [channel]:
            self.claims[one].set()

    def reserve(self, channel: Channel) -> None:
        """A message waits for a slot."""
        self.reservations[channel].set()

    def freed(self) -> None:
        """Connections are free again: whoever was left without one looks again."""
        for channel in Channel:
            if self.short[channel]:
                self.reservations[channel].set()
            if self.starved[channel]:
                self.claims[channel].set()

    def settled(self, moved: bool) -> None:
        """Outcomes are settled; where messages or lanes `moved`, something may be due sooner
        than was known.
        """
        for channel, starved in self.starved.items():
            if moved or starved:
                self.claims[channel].set()
