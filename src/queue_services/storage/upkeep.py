"""The upkeep flows: what expires, what is old enough to go, and counts that are folded; each in bites, so that no delivery waits for one.

Run by `dispatcher.maintenance`, in any number of processes at once.
"""

from __future__ import annotations

from collections import defaultdict

import msgspec

from queue_services.domain.message import Instant, Reason, Status
from queue_services.storage import endings
from queue_services.storage.port import Tx
from queue_services.storage.tallies import MINUTE, NO_CAMPAIGN, Counts, Subject

BITE = 500
ALL = ""
"""The workspace under which the whole service's totals are kept; no message can have it, because a workspace id is not empty."""


async def expire(tx: Tx, now: Instant, writer: str) -> int:
    """End what is past its `expires_at` and not claimed; how many. A claim does the same for what it meets first."""
    ids = [row[0] for row in await tx.fetch("find_expired", now, BITE)]
    return len(await endings.cancel_unclaimed(tx, ids, Reason.EXPIRED, now, writer))


async def prune(tx: Tx, finished_before: Instant) -> int:
    """Delete a bite of the messages that ended before an instant, with all that belongs to them; how many. Totals stay, status counts follow."""
    ids = await tx.fetch("find_finished", finished_before, BITE)
    gone = await tx.each("prune_results", ids)
    pruned = [(row[0],) for row in gone]
    await tx.each("prune_attempts", pruned)
    keys = [(workspace, key, message) for workspace, key, message in await tx.each("prune_messages", pruned) if key is not None]
    await tx.each("prune_idempotency", keys)
    counts: defaultdict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for _, workspace, channel, campaign, status in gone:
        for subject in _levels(Subject(workspace, channel, campaign or NO_CAMPAIGN)):
            counts[subject][[Status.DELIVERED, Status.DEAD, Status.CANCELLED].index(status)] += 1
    await tx.each("count_pruned", [(*subject, *counts[subject]) for subject in sorted(counts)])
    for statement in ("prune_exceedances", "prune_adjustments"):
        await tx.fetch(statement, finished_before, BITE)
    return len(gone)


async def fold(tx: Tx, now: Instant) -> int:
    """Add a bite of the tallies of minutes that are over to the totals; how many rows.

    A minute is folded two minutes later, so that every transaction that began in it has ended.
    """
    rows = await tx.fetch("take_finished_tallies", now // MINUTE - 2, BITE)
    totals: dict[Subject, Counts] = {}
    for workspace, channel, campaign, _, *counts in rows:
        added = Counts(*counts)
        for subject in _levels(Subject(workspace, channel, campaign)):
            totals[subject] = _sum(totals.get(subject, Counts()), added)
    await tx.each("add_totals", [(*subject, *_row(totals[subject])) for subject in sorted(totals)])
    return len(rows)


def _levels(subject: Subject) -> list[Subject]:
    """A subject's own totals, its workspace's and the service's. NO_CAMPAIGN's are the workspace's: they hold its campaigns too."""
    whole = [Subject(subject.workspace, subject.channel, NO_CAMPAIGN), Subject(ALL, subject.channel, NO_CAMPAIGN)]
    return whole if subject.campaign == NO_CAMPAIGN else [subject, *whole]


def _sum(one: Counts, other: Counts) -> Counts:
    summed = Counts(*(a + b for a, b in zip(_numbers(one), _numbers(other), strict=True)))
    summed.last_at = max((at for at in (one.last_at, other.last_at) if at is not None), default=None)
    return summed


def _numbers(counts: Counts) -> tuple[int, ...]:
    """All counts but the two instants, in the order of the columns."""
    return msgspec.structs.astuple(counts)[:-2]


def _row(counts: Counts) -> tuple[int | None, ...]:
    return (*_numbers(counts), counts.last_at)


async def read_clock(tx: Tx) -> Instant:
    """The database's own time: the one place where it is asked."""
    [[now]] = await tx.fetch("read_clock")
    return int(now)


async def register(tx: Tx, name: str, now: Instant) -> int:
    """The id of a new dispatcher; `name` says where it runs."""
    [[identity]] = await tx.fetch("register_dispatcher", name, now)
    return int(identity)


async def see(tx: Tx, dispatcher: int, now: Instant, claimed: int, lag: int, dead_before: Instant) -> None:
    """Note that a dispatcher is alive, and forget those last seen before `dead_before`."""
    await tx.fetch("see_dispatcher", dispatcher, now, claimed, lag)
    await tx.fetch("forget_dispatchers", dead_before)


async def forget(tx: Tx, dispatcher: int) -> None:
    """A dispatcher has stopped."""
    await tx.fetch("forget_dispatcher", dispatcher)


async def check_writable(tx: Tx) -> None:
    """Write without changing anything, so that a store that cannot be written says so."""
    await tx.fetch("check_writable")
