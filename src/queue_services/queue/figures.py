"""The figures of metrics since the last reset: a channel's, who was over a limit how often,
and what a workspace uses. Called by the API, the dashboard and the CLI.

A reset writes one row and counts nothing: a tally's row says which reset it comes after.
Exceedances are counted like everything else; the ledger itself is only read for its newest
entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from queue_services.domain import limits
from queue_services.domain.figures import Figures
from queue_services.domain.message import Channel, Instant
from queue_services.queue import workspaces
from queue_services.queue.lane_settings import read_log
from queue_services.queue.tallies import ALL
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Row, Tx

USE_SECONDS = 10
MOST_WORKSPACES = 1_000
FEW_DETAILS = 5
MOST_DETAILS = 50


class Entry(msgspec.Struct, frozen=True):
    """An entry of the ledger: how many messages were due, and which limit had no room for them."""

    at: Instant
    due: int
    message: str


class Exceeded(msgspec.Struct, frozen=True):
    """How often a workspace was over a limit of a channel, when last, and the newest
    entries of it, newest first.
    """

    workspace: str
    channel: Channel
    count: int = 0
    last_at: Instant | None = None
    details: list[Entry] = []


class Ranking(msgspec.Struct, frozen=True):
    """The workspaces that were over a limit most often, worst first: of each channel, and
    of both together.
    """

    by_channel: dict[Channel, list[Exceeded]]
    by_workspace: dict[str, dict[Channel, Exceeded]]


class Use(msgspec.Struct, frozen=True):
    """What a workspace has of a channel: `limit` a second, the share of it (0-1) that it
    used in the last ten seconds, and its messages.
    """

    exceeded: Exceeded
    limit: float
    utilization: float = 0.0
    sent: int = 0
    failed: int = 0
    backlog: int = 0


class ServiceFigures(msgspec.Struct, frozen=True):
    """Figures by channel, and the workspaces that were over a limit, worst first."""

    channels: dict[Channel, Figures]
    ranking: Ranking


class WorkspaceUse(msgspec.Struct, frozen=True):
    """A workspace's tier, and what it has of each channel."""

    tier: str
    channels: dict[Channel, Use]


@reads
async def service_figures(tx: Tx, workspace: str | None = None) -> ServiceFigures:
    """The figures since the last reset; those of one workspace rank that workspace alone."""
    if workspace is None:
        return ServiceFigures(await figures(tx), await ranking(tx, MOST_WORKSPACES, FEW_DETAILS))
    counted = await figures(tx, workspace)
    over = {
        channel: one
        for channel, one in (await exceeded(tx, workspace, counted, FEW_DETAILS)).items()
        if one.count
    }
    by_channel = {channel: [over[channel]] if channel in over else [] for channel in Channel}
    return ServiceFigures(counted, Ranking(by_channel, {workspace: over} if over else {}))


@reads
async def workspace_use(
    tx: Tx, workspace: str, service_limits: Mapping[Channel, float], now: Instant
) -> WorkspaceUse:
    """What a workspace uses, and how often it was over its limits since the last reset.
    `service_limits` are the settings', messages a second.
    """
    settings = await workspaces.find(tx, workspace)
    return WorkspaceUse(settings.tier, await uses(tx, workspace, service_limits, MOST_DETAILS, now))


async def figures(tx: Tx, workspace: str = ALL) -> dict[Channel, Figures]:
    """By channel, of the whole service or one workspace."""
    resets = {row[0]: row[1] for row in await tx.fetch("baselines", workspace)}
    tallied = (
        await tx.fetch("tallied_figures")
        if workspace == ALL
        else await tx.fetch("tallied_figures_of", workspace)
    )
    found = {channel: Figures() for channel in Channel}
    for channel, since, *counts in (*await tx.fetch("folded_figures", workspace), *tallied):
        if since >= resets.get(channel, 0):
            found[Channel(channel)].add(Figures(*counts))
    return found


async def ranking(tx: Tx, most: int, details: int) -> Ranking:
    """The `most` worst workspaces of each channel and of both, each with its newest
    `details` entries.
    """
    rows = await tx.fetch("worst_workspaces", most)
    entries = await _entries(
        tx,
        [
            (workspace, channel, since, min(details, count))
            for workspace, channel, count, _, _, _, since in rows
        ],
    )
    by_channel: dict[Channel, list[Exceeded]] = {channel: [] for channel in Channel}
    ranked: list[tuple[int, Exceeded]] = []
    for workspace, name, count, place, rank, last_at, _ in rows:
        exceeded = Exceeded(
            workspace, Channel(name), count, last_at, entries.get((workspace, name), [])
        )
        if place <= most:
            by_channel[exceeded.channel].append(exceeded)
        if rank <= most:
            ranked.append((rank, exceeded))
    by_workspace: dict[str, dict[Channel, Exceeded]] = {}
    for _, exceeded in sorted(ranked, key=lambda pair: pair[0]):
        by_workspace.setdefault(exceeded.workspace, {})[exceeded.channel] = exceeded
    return Ranking(by_channel, by_workspace)


async def exceeded(
    tx: Tx, workspace: str, counted: Mapping[Channel, Figures], details: int
) -> dict[Channel, Exceeded]:
    """How often one workspace was over its limits, by channel; `counted` are its figures."""
    resets = {row[0]: row[1] for row in await tx.fetch("baselines", workspace)}
    last = {channel: at for channel, _, at in await tx.fetch("lane_use", workspace)}
    over = {channel: f.exceeded for channel, f in counted.items() if f.exceeded}
    entries = await _entries(
        tx,
        [
            (workspace, channel.value, resets.get(channel, 0), min(details, count))
            for channel, count in over.items()
        ],
    )
    return {
        channel: Exceeded(
            workspace,
            channel,
            over[channel],
            last.get(channel),
            entries.get((workspace, channel.value), []),
        )
        if channel in over
        else Exceeded(workspace, channel)
        for channel in Channel
    }


async def uses(
    tx: Tx, workspace: str, service_limits: Mapping[Channel, float], details: int, now: Instant
) -> dict[Channel, Use]:
    """What a workspace has of each channel; nothing but its limits for one that nobody knows."""
    counted = await figures(tx, workspace)
    over = await exceeded(tx, workspace, counted, details)
    in_force = await workspaces.limits(tx, workspace, service_limits)
    logs = {channel: log for channel, log, _ in await tx.fetch("lane_use", workspace)}
    backlogs = {row[1]: row[6] for row in await tx.fetch("workspace_totals", [workspace])}
    return {
        channel: Use(
            over[channel],
            in_force[channel].rate,
            limits.utilization(
                read_log(logs.get(channel)), in_force[channel].rate, now, USE_SECONDS
            ),
            counted[channel].delivered,
            counted[channel].dead,
            backlogs.get(channel, 0),
        )
        for channel in Channel
    }


@writes
async def reset(tx: Tx, workspace: str, channels: Iterable[Channel], now: Instant) -> None:
    """Count the figures of a workspace, or with ALL those of the service and of every
    workspace, from now on.
    """
    for channel in channels:
        await tx.fetch("reset_baseline", workspace, channel.value, now)


async def _entries(tx: Tx, wanted: Iterable[Row]) -> dict[tuple[str, str], list[Entry]]:
    """The newest entries of the ledger for each (workspace, channel, after when, how many),
    newest first.
    """
    found: dict[tuple[str, str], list[Entry]] = {}
    for workspace, channel, at, due, message in sorted(
        await tx.each("newest_exceedances", wanted), key=lambda row: -row[2]
    ):
        found.setdefault((workspace, channel), []).append(Entry(at, due, message))
    return found
