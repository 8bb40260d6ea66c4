"""A dispatcher that stands still at the worst moment: a start was found to be in time, and
nothing of the request is on the wire yet. Run as `python -m` in its place.

It stops itself a second of an SMS limit after it was let go on, until it is told (SIGUSR1)
that this was enough.
"""

from __future__ import annotations

import os
import signal

from queue_services.cli import main
from queue_services.dispatcher.flights import Flight, Flights
from queue_services.domain.message import Channel

EVERY = 25


def stand_still_at_starts() -> None:
    """Let every so many starts of an SMS be preceded by a standstill."""
    may_start, starts, enough = Flights.may_start, 0, False

    def stop_that(*_: object) -> None:
        nonlocal enough
        enough = True

    def standing_still(flights: Flights, flight: Flight) -> bool:
        nonlocal starts
        allowed = may_start(flights, flight)
        if allowed and flight.message.channel is Channel.SMS and not enough:
            starts += 1
            if starts % EVERY == 0:
                os.kill(os.getpid(), signal.SIGSTOP)
        return allowed

    signal.signal(signal.SIGUSR1, stop_that)
    Flights.may_start = standing_still  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    stand_still_at_starts()
    main()
