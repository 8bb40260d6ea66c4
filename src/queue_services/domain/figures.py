"""What the figures of metrics mean: their formulas, the bounds of histograms, and the steps
of a history. Pure; see docs/metrics.md.

Used by the flows, which add the counts up, and by what shows them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import partial

import msgspec

from queue_services.domain.message import SECOND, Instant

BOUNDS = tuple(
    round(seconds * SECOND)
    for seconds in (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
)
"""Upper bounds, inclusive, of a histogram's buckets in microseconds; one more bucket has
what is above.
"""

bucket: Callable[[int], int] = partial(bisect_left, BOUNDS)
"""Which bucket of a histogram counts a duration of so many microseconds."""

LONGEST_LATENESS = 86_400 * SECOND
"""A message counts as no later than this: a campaign that was paused for months must not
bring the sums of years to the end of 64 bits.
"""

MINUTE, HOUR, DAY = 1, 60, 1_440
KEPT = {MINUTE: 2 * DAY, HOUR: 90 * DAY}
"""How long, in minutes, a history keeps its rollups of so many minutes, before they are
merged into the next larger ones.
"""
MOST_POINTS = 10_000
FEW_POINTS = 500
STEPS = tuple(60 * minutes for minutes in (1, 5, 15, HOUR, 6 * HOUR, DAY))
"""Seconds that a history's step has where none is asked for: the first that makes few
points, else so many days.
"""


class Figures(msgspec.Struct):
    """Counts of one channel since a reset. Times are microseconds; `minute` (since 1970) is
    the newest in which messages ended.

    `ended` are those that did, the first of them started at `first_at`, the last ended at
    `last_at`.
    """

    delivered: int = 0
    dead: int = 0
    exceeded: int = 0
    batches: int = 0
    batch_time: int = 0
    minute: int = 0
    ended: int = 0
    first_at: Instant | None = None
    last_at: Instant | None = None

    @property
    def processed(self) -> int:
        """Messages that ended delivered or dead."""
        return self.delivered + self.dead

    @property
    def success_rate(self) -> float:
        """The share of the delivered in what was processed, in percent; 0 before the first."""
        return 100 * self.delivered / self.processed if self.processed else 0.0

    @property
    def processing_time(self) -> float:
        """Milliseconds a batch, from its first start to its last outcome; 0 before the first."""
        return self.batch_time / self.batches / 1_000 if self.batches else 0.0

    @property
    def throughput(self) -> float:
        """Messages a second of the newest minute in which any ended, over the time from the
        first start to the last outcome, or a second if that is less.
        """
        if self.first_at is None or self.last_at is None:
            return 0.0
        return self.ended / max(1.0, (self.last_at - self.first_at) / SECOND)

    def add(self, other: Figures) -> None:
        """Add the counts of another part of the same time."""
        self.delivered += other.delivered
        self.dead += other.dead
        self.exceeded += other.exceeded
        self.batches += other.batches
        self.batch_time += other.batch_time
        if other.minute > self.minute and other.ended:
            self.minute, self.ended, self.first_at, self.last_at = (
                other.minute,
                other.ended,
                other.first_at,
                other.last_at,
            )
        elif other.minute == self.minute and other.ended:
            self.ended += other.ended
            self.first_at = min(at for at in (self.first_at, other.first_at) if at is not None)
            self.last_at = max(at for at in (self.last_at, other.last_at) if at is not None)


def finest(begin: int, now: int) -> int:
    """The finest rollups, in minutes, that a history still has of the minute `begin`."""
    return next((span for span, kept in KEPT.items() if begin >= now - kept), DAY)


def step(begin: int, end: int, now: int, wanted: int | None) -> int:
    """The seconds between the points of a history from the minute `begin` to `end`: what is
    `wanted`, or else what makes few points.

    Raised to a multiple of the rollups that are left of `begin`.
    """
    span = 60 * finest(begin, now)
    if wanted is None:
        few = -(-(end - begin) * 60 // FEW_POINTS)
        wanted = next(
            (seconds for seconds in STEPS if seconds >= few), -(-few // STEPS[-1]) * STEPS[-1]
        )
    return -(-wanted // span) * span
