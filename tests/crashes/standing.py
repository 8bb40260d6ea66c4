"""A dispatcher that stands still at the worst moment: a gate has opened, and nothing of the
request is on the wire yet. Run as `python -m` in its place.

It stops itself a second of an SMS limit after it was let go on, until it is told (SIGUSR1)
that this was enough.
"""

from __future__ import annotations

import os
import signal

from queue_services.cli import main
from queue_services.dispatcher.flights import Flight
from queue_services.dispatcher.pacer import Pacer
from queue_services.domain.message import Channel

EVERY = 25


def stand_still_at_gates() -> None:
    """Let every so many starts of an SMS be preceded by a standstill."""
    gate, starts, enough = Pacer.gate, 0, False

    def stop_that(*_: object) -> None:
        nonlocal enough
        enough = True

    async def opened(pacer: Pacer, flight: Flight) -> None:
        nonlocal starts
        await gate(pacer, flight)
        if flight.message.channel is Channel.SMS and not enough:
            starts += 1
            if starts % EVERY == 0:
                os.kill(os.getpid(), signal.SIGSTOP)

    signal.signal(signal.SIGUSR1, stop_that)
    Pacer.gate = opened  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    stand_still_at_gates()
    main()
