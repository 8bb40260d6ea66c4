"""What is told to a monitoring system: counts since ever, what waits, and how long things
took. Called by the API; resets do not change it.
"""

from __future__ import annotations

import msgspec

from queue_services.domain.message import Channel, Instant
from queue_services.queue import workspaces
from queue_services.queue.tallies import HistogramKind
from queue_services.queue.transactions import reads
from queue_services.queue.workspaces import Sort
from queue_services.storage.port import Tx

BUSIEST = 50
"""Workspaces that have totals of their own."""


class Totals(msgspec.Struct, frozen=True):
    """Messages of a channel since ever, and those that wait or are in flight now."""

    sent: int = 0
    failed: int = 0
    retried: int = 0
    exceeded: int = 0
    backlog: int = 0


class Exposition(msgspec.Struct, frozen=True):
    """By channel: totals, how long the oldest due message has waited (microseconds), and
    histograms (the sum, then a count a bucket).

    `busiest` are the totals of the workspaces that sent most.
    """

    totals: dict[Channel, Totals]
    oldest_due: dict[Channel, int]
    histograms: dict[HistogramKind, dict[Channel, list[int]]]
    busiest: dict[tuple[str, Channel], Totals]


@reads
async def read(tx: Tx, most: int, now: Instant) -> Exposition:
    """Everything, with the `most` busiest workspaces."""
    totals = {
        Channel(channel): Totals(*counts) for channel, *counts in await tx.fetch("channel_totals")
    }
    waiting = {
        Channel(channel): now - at
        for channel, at in await tx.fetch("oldest_waiting", now)
        if at is not None
    }
    histograms: dict[HistogramKind, dict[Channel, list[int]]] = {kind: {} for kind in HistogramKind}
    for kind, channel, *counts in await tx.fetch("histograms"):
        histograms[HistogramKind(kind)][Channel(channel)] = counts
    busiest = [
        volume.workspace.id
        for volume in await workspaces.busiest(tx, Sort.SENT, most, None)
        if volume.sent or volume.backlog
    ]
    of_busiest = {
        (workspace, Channel(channel)): Totals(*counts)
        for workspace, channel, *counts in await tx.fetch("workspace_totals", busiest)
    }
    return Exposition(
        {channel: totals.get(channel, Totals()) for channel in Channel},
        {channel: max(0, waiting.get(channel, 0)) for channel in Channel},
        histograms,
        dict(sorted(of_busiest.items())),
    )
