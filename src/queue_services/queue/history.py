"""The history of what was sent, failed and exceeded, in steps: rollups of minutes, hours
and days, and the tallies that are not folded yet.

Read for `queue.metrics`; written and merged by `folding`. Resets do not change it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from queue_services.domain.message import Channel, Instant
from queue_services.queue.tallies import MINUTE
from queue_services.storage.port import Tx


class Point(msgspec.Struct, frozen=True):
    """One step from `at` on. `lateness` is the mean of the first starts in microseconds,
    None where there was none.
    """

    at: Instant
    sent: int = 0
    failed: int = 0
    exceeded: int = 0
    lateness: float | None = None


async def read(
    tx: Tx, workspace: str, channels: Iterable[Channel], begin: int, end: int, step: int
) -> list[Point]:
    """A point for every `step` minutes from the minute `begin`, a whole number of steps
    since 1970, to `end`; of a workspace, or with ALL the service.
    """
    found = {}
    for minute, sent, failed, exceeded, lateness, starts in await tx.fetch(
        "read_history", workspace, begin, end, step, [str(channel) for channel in channels]
    ):
        found[minute] = Point(
            minute * MINUTE, sent, failed, exceeded, lateness / starts if starts else None
        )
    return [found.get(minute) or Point(minute * MINUTE) for minute in range(begin, end, step)]
