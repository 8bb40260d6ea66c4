"""What expires, and what is old enough to be deleted; each in bites, so that no delivery
waits for one.

Run by `dispatcher.maintenance`, in any number of processes at once.
"""

from __future__ import annotations

from collections import defaultdict

from queue_services.domain.message import Instant, Reason, Status
from queue_services.queue import results
from queue_services.queue.tallies import NO_CAMPAIGN, Subject, levels
from queue_services.queue.transactions import writes
from queue_services.storage.port import Tx

BITE = 500
FIRST_BITE = 25
"""Rows of a first transaction: a message is in many indexes, no delivery may wait long for
it, and nobody knows yet how fast the store is.
"""


@writes
async def expire(tx: Tx, now: Instant, writer: str, most: int = FIRST_BITE) -> int:
    """End a bite (`most`) of what is past its `expires_at` and not claimed; how many. A
    claim does the same for what it meets first.
    """
    ids = [row[0] for row in await tx.fetch("find_expired", now, most)]
    return len(await results.cancel_unclaimed(tx, ids, Reason.EXPIRED, now, writer))


@writes
async def prune(tx: Tx, finished_before: Instant, most: int = FIRST_BITE) -> int:
    """Delete a bite (`most`) of the messages that ended before an instant, with all that
    belongs to them; how many. Totals stay, status counts follow.
    """
    ids = await tx.fetch("find_finished", finished_before, most)
    gone = await tx.each("prune_results", ids)
    pruned = [(row[0],) for row in gone]
    await tx.each("prune_attempts", pruned)
    await tx.each("prune_failures", pruned)
    await tx.each("prune_answers", pruned)
    await tx.each("prune_metadata", pruned)
    keys = [
        (workspace, key, message)
        for workspace, key, message in await tx.each("prune_messages", pruned)
        if key is not None
    ]
    await tx.each("prune_idempotency", keys)
    counts: defaultdict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for _, workspace, channel, campaign, status in gone:
        for subject in levels(Subject(workspace, channel, campaign or NO_CAMPAIGN)):
            counts[subject][[Status.DELIVERED, Status.DEAD, Status.CANCELLED].index(status)] += 1
    await tx.each("count_pruned", [(*subject, *counts[subject]) for subject in sorted(counts)])
    return len(gone)


@writes
async def prune_exceedances(tx: Tx, before: Instant, most: int = BITE) -> int:
    """Delete a bite (`most`) of the exceedances, and of the adjustments of limits, that are
    older than an instant; how many of what there was more of.
    """
    return max(
        [
            len(await tx.fetch(statement, before, most))
            for statement in ("prune_exceedances", "prune_adjustments", "prune_limit_changes")
        ]
    )
