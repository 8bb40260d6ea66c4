"""The history of what was sent, failed and exceeded, in steps: rollups of minutes, hours
and days, and the tallies that are not folded yet.

Called by the API and the dashboard; written and merged by `folding`. Resets do not change it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from queue_services.domain.figures import DAY, MOST_POINTS, step
from queue_services.domain.message import Channel, Instant
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue.tallies import ALL, MINUTE
from queue_services.queue.transactions import reads
from queue_services.storage.port import Tx
from queue_services.wire.metrics import STEP_SECONDS


class Point(msgspec.Struct, frozen=True):
    """One step from `at` on. `lateness` is the mean of the first starts in microseconds,
    None where there was none.
    """

    at: Instant
    sent: int = 0
    failed: int = 0
    exceeded: int = 0
    lateness: float | None = None


class History(msgspec.Struct, frozen=True):
    """Points, one every `step` seconds."""

    step: int
    points: list[Point]


@reads
async def between(
    tx: Tx,
    workspace: str | None,
    channels: Iterable[Channel],
    now: Instant,
    *,
    begin: Instant | None = None,
    end: Instant | None = None,
    seconds: int | None = None,
) -> History:
    """What was sent, failed and exceeded between two instants (by default the last day), in
    steps of `seconds` or of what is left of that time; of a workspace or, with None, of the
    service. Raises InvalidRequest.
    """
    end = now if end is None else end
    begin = end - DAY * MINUTE if begin is None else begin
    if begin > end:
        raise InvalidRequest(Fault("from", "must not be after `to`"))
    first, behind = begin // MINUTE, -(-end // MINUTE)
    every = step(first, behind, now // MINUTE, seconds) // 60
    first = first // every * every
    if behind - first > MOST_POINTS * every:
        raise InvalidRequest(
            Fault(
                STEP_SECONDS,
                f"would make more than {MOST_POINTS:,} points; make it larger, or the time shorter",
            )
        )
    points = await read(tx, ALL if workspace is None else workspace, channels, first, behind, every)
    return History(every * 60, points)


async def read(
    tx: Tx, workspace: str, channels: Iterable[Channel], begin: int, end: int, every: int
) -> list[Point]:
    """A point for every `every` minutes from the minute `begin`, a whole number of steps
    since 1970, to `end`; of a workspace, or with ALL the service.
    """
    found = {}
    for minute, sent, failed, exceeded, lateness, starts in await tx.fetch(
        "read_history", workspace, begin, end, every, [str(channel) for channel in channels]
    ):
        found[minute] = Point(
            minute * MINUTE, sent, failed, exceeded, lateness / starts if starts else None
        )
    return [found.get(minute) or Point(minute * MINUTE) for minute in range(begin, end, every)]
