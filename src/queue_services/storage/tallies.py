"""Counts added to in the transaction that makes them true, so that figures never need a scan.

Used by every flow that changes how many messages are in a state. One row a minute, workspace, channel, campaign and writer: no two processes
write the same row, so none waits for another.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import msgspec

from queue_services.domain.message import SECOND, Instant
from queue_services.storage.port import Tx

NO_CAMPAIGN = 0
MINUTE = 60 * SECOND


class Subject(NamedTuple):
    """Whose counts: a campaign's id, or NO_CAMPAIGN for the workspace's messages without one."""

    workspace: str
    channel: str
    campaign: int


class Counts(msgspec.Struct):
    """What happened. Times in microseconds; `lateness` is the sum over `starts` first starts; `first_at` and `last_at` bound the outcomes."""

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
    first_at: Instant | None = None
    last_at: Instant | None = None


class Tally:
    """Counts of one transaction, by subject."""

    def __init__(self) -> None:
        self.by_subject: defaultdict[tuple[str, str, int], Counts] = defaultdict(Counts)

    def of(self, workspace: str, channel: str, campaign: int | None) -> Counts:
        return self.by_subject[workspace, channel, campaign or NO_CAMPAIGN]

    async def add(self, tx: Tx, writer: str, now: Instant) -> None:
        """Add the counts to the rows of `now`'s minute that belong to `writer`; sorted, so that two transactions of one writer cannot deadlock."""
        minute = now // MINUTE
        await tx.each("add_tally", [(*subject, minute, writer, *msgspec.structs.astuple(counts)) for subject, counts in sorted(self.by_subject.items())])
