"""Folding: the tallies of minutes that are over become totals, shown figures and history;
old history is merged into larger rollups; all in bites.

Run by `dispatcher.maintenance`, in any number of processes at once. A figure is always what
is folded plus what is not folded yet, read in one snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from queue_services.domain.figures import DAY, HOUR, KEPT, Figures
from queue_services.domain.figures import MINUTE as A_MINUTE
from queue_services.domain.message import Instant
from queue_services.queue.tallies import ALL, BUCKETS, MINUTE, Counts, Subject, levels
from queue_services.queue.transactions import writes
from queue_services.storage.port import Row, Tx

BITE = 100
"""A row touches about six others: some milliseconds a bite, in which an embedded store
claims nothing.
"""
MERGED = {A_MINUTE: HOUR, HOUR: DAY}
"""Into rollups of how many minutes those of so many are merged."""

Rollup = tuple[str, str, int, int]


class _Folded(msgspec.Struct, frozen=True):
    """A row of a tally."""

    subject: Subject
    minute: int
    since: Instant
    counts: Counts


@writes
async def fold(tx: Tx, now: Instant) -> int:
    """Fold a bite of the tallies of minutes that are over; how many rows.

    A minute is folded two minutes later, so that every transaction that began in it has ended.
    """
    before = now // MINUTE - 2
    rows = [
        _Folded(Subject(workspace, channel, campaign), minute, since, Counts(*counts))
        for workspace, channel, campaign, minute, since, *counts in await tx.fetch(
            "take_finished_tallies", before, BITE
        )
    ]
    if rows:
        await _add_totals(tx, rows)
        await _add_figures(tx, rows)
        await _add_history(tx, rows)
    await _fold_histograms(tx, before)
    return len(rows)


@writes
async def merge(tx: Tx, now: Instant) -> int:
    """Merge a bite of history that is older than its rollups are kept into the next larger
    ones; how many rows.
    """
    merged = 0
    for span, larger in MERGED.items():
        before = (now // MINUTE - KEPT[span]) // larger * larger
        rollups: defaultdict[Rollup, list[int]] = defaultdict(lambda: [0] * 5)
        for workspace, channel, minute, *counts in await tx.fetch(
            "take_old_history", span, before, BITE
        ):
            merged += 1
            _add(rollups[workspace, channel, larger, minute // larger * larger], counts)
        await tx.each("add_history", [(*key, *counts) for key, counts in sorted(rollups.items())])
    return merged


@writes
async def forget(tx: Tx, before: Instant) -> int:
    """Delete a bite of the history of days that ended before an instant; how many rows."""
    return len(await tx.fetch("take_old_history", DAY, before // MINUTE - DAY + 1, BITE))


async def _add_totals(tx: Tx, rows: Iterable[_Folded]) -> None:
    totals: dict[Subject, Counts] = {}
    for row in rows:
        for subject in levels(row.subject):
            totals[subject] = _sum(totals.get(subject, Counts()), row.counts)
    await tx.each(
        "add_totals",
        [
            (*subject, *_numbers(totals[subject]), totals[subject].last_at)
            for subject in sorted(totals)
        ],
    )


async def _add_figures(tx: Tx, rows: Iterable[_Folded]) -> None:
    """Add what belongs to the time since the newest reset; the service's own resets are
    those of a row without a workspace.
    """
    resets: dict[str, Instant] = {
        row[0]: row[1] for row in await tx.fetch("baselines", ALL)
    }  # read after the rows, so never older than they are
    found: dict[tuple[str, str], tuple[Instant, Figures]] = {}
    for row in rows:
        workspace, channel, _ = row.subject
        reset, figures = resets.get(channel, 0), _figures(row)
        for place, since in (
            ((workspace, channel), row.since),
            ((ALL, channel), reset if row.since >= reset else -1),
        ):
            known, sums = found.get(place, (since, Figures()))
            if since >= known:
                sums = sums if since == known else Figures()
                sums.add(figures)
                found[place] = since, sums
    ordered = sorted((*place, *added) for place, added in found.items() if added[0] >= 0)
    await tx.each(
        "add_figures",
        [
            (w, c, since, f.delivered, f.dead, f.exceeded, f.batches, f.batch_time)
            for w, c, since, f in ordered
        ],
    )
    await tx.each(
        "add_newest_minutes",
        [
            (w, c, since, f.minute, f.ended, f.first_at, f.last_at)
            for w, c, since, f in ordered
            if f.ended
        ],
    )


async def _add_history(tx: Tx, rows: Iterable[_Folded]) -> None:
    rollups: defaultdict[Rollup, list[int]] = defaultdict(lambda: [0] * 5)
    for row in rows:
        c = row.counts
        for workspace in (row.subject.workspace, ALL):
            _add(
                rollups[workspace, row.subject.channel, A_MINUTE, row.minute],
                (c.delivered, c.dead, c.exceeded, c.lateness, c.starts),
            )
    await tx.each(
        "add_history", [(*key, *counts) for key, counts in sorted(rollups.items()) if any(counts)]
    )


async def _fold_histograms(tx: Tx, before: int) -> None:
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (1 + BUCKETS))
    for kind, channel, *counts in await tx.fetch("take_finished_histograms", before):
        _add(sums[kind, channel], counts)
    await tx.each(
        "add_histograms",
        [(kind, channel, 0, "", *counts) for (kind, channel), counts in sorted(sums.items())],
    )


def _figures(row: _Folded) -> Figures:
    c = row.counts
    return Figures(
        c.delivered,
        c.dead,
        c.exceeded,
        c.batches,
        c.batch_time,
        row.minute,
        c.delivered + c.dead,
        c.first_at,
        c.last_at,
    )


def _sum(one: Counts, other: Counts) -> Counts:
    summed = Counts(*(a + b for a, b in zip(_numbers(one), _numbers(other), strict=True)))
    summed.last_at = max(
        (at for at in (one.last_at, other.last_at) if at is not None), default=None
    )
    return summed


def _numbers(counts: Counts) -> tuple[int, ...]:
    """All counts but the two instants, in the order of the columns."""
    return msgspec.structs.astuple(counts)[:-2]


def _add(sums: list[int], counts: Iterable[int] | Row) -> None:
    for index, count in enumerate(counts):
        sums[index] += count
