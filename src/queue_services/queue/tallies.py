"""Counts added to in the transaction that makes them true, so that figures never need a scan.

Used by every flow that changes how many messages are in a state. One row a minute,
workspace, channel, campaign and writer: no two processes write the same row, so none waits
for another. A reset begins new rows (`since`). Minutes that are over are folded by
`folding`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from queue_services.domain.figures import BOUNDS, bucket
from queue_services.domain.message import SECOND, Instant
from queue_services.storage.port import Tx

ALL = ""
"""The workspace under which the whole service's figures are kept; no message can have it,
because a workspace id is not empty.
"""
NO_CAMPAIGN = 0
MINUTE = 60 * SECOND
BUCKETS = len(BOUNDS) + 1


class HistogramKind(StrEnum):
    """What a histogram is of: how late first starts were, how long deliveries took."""

    LATENESS = "lateness"
    DELIVERY = "delivery"


class Subject(NamedTuple):
    """Whose counts: a campaign's id, or NO_CAMPAIGN for the workspace's messages without one."""

    workspace: str
    channel: str
    campaign: int


class Counts(msgspec.Struct):
    """What happened. Times in microseconds; `lateness` is the sum over `starts` first starts.

    `first_at` is the first start, `last_at` the outcome of the last of the messages that ended.
    """

    accepted: int = 0
    revived_dead: int = 0
    revived_cancelled: int = 0
    delivered: int = 0
    dead: int = 0
    cancelled: int = 0
    retried: int = 0
    batches: int = 0
    batch_time: int = 0
    lateness: int = 0
    starts: int = 0
    exceeded: int = 0
    first_at: Instant | None = None
    last_at: Instant | None = None


class Tally:
    """Counts of one transaction, by subject."""

    def __init__(self) -> None:
        self.by_subject: defaultdict[tuple[str, str, int], Counts] = defaultdict(Counts)

    def of(self, workspace: str, channel: str, campaign: int | None) -> Counts:
        return self.by_subject[workspace, channel, campaign or NO_CAMPAIGN]

    async def add(self, tx: Tx, writer: str, now: Instant) -> None:
        """Add the counts to the rows of `now`'s minute that belong to `writer`; sorted, so that
        two transactions of one writer cannot deadlock.
        """
        minute = now // MINUTE
        await tx.each(
            "add_tally",
            [
                (*subject, minute, writer, *msgspec.structs.astuple(counts))
                for subject, counts in sorted(self.by_subject.items())
            ],
        )


class Histograms:
    """How long things took in one transaction, by kind and channel; see `domain.figures.BOUNDS`."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str], list[int]] = defaultdict(
            lambda: [0] * (1 + BUCKETS)
        )

    def count(self, kind: HistogramKind, channel: str, durations: Sequence[int]) -> None:
        """Count durations, microseconds."""
        if durations:
            counts = self._counts[kind, channel]
            counts[0] += sum(durations)
            for into, times in Counter(map(bucket, durations)).items():
                counts[1 + into] += times

    async def add(self, tx: Tx, writer: str, now: Instant) -> None:
        """Add the counts to the rows of `now`'s minute that belong to `writer`, sorted."""
        minute = now // MINUTE
        await tx.each(
            "add_histograms",
            [(*key, minute, writer, *counts) for key, counts in sorted(self._counts.items())],
        )


def levels(subject: Subject) -> list[Subject]:
    """A subject's own totals, its workspace's and the service's. NO_CAMPAIGN's are the
    workspace's: they hold its campaigns too.
    """
    whole = [
        Subject(subject.workspace, subject.channel, NO_CAMPAIGN),
        Subject(ALL, subject.channel, NO_CAMPAIGN),
    ]
    return whole if subject.campaign == NO_CAMPAIGN else [subject, *whole]
