"""The command `metrics`: the figures since the last reset, once or again and again. It
opens the store itself, so it works where the API does not run.

Used by `cli.app`. The figures are those of GET /api/metrics.
"""

from __future__ import annotations

from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Group
from rich.live import Live
from rich.table import Table

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_core
from queue_services.cli.terminal import Terminal, print_table
from queue_services.domain.figures import Figures
from queue_services.domain.message import SECOND, Channel
from queue_services.queue.figures import (
    ServiceFigures,
    WorkspaceUse,
    service_figures,
    workspace_use,
)
from queue_services.wire.times import optional_rfc3339

MOST_SHOWN = 10
"""Workspaces over their limits that are shown, of each channel."""


def metrics(
    *,
    workspace: Annotated[
        str | None, Parameter(help="one workspace's, with its limits and their use")
    ] = None,
    watch: Annotated[
        bool, Parameter(negative="", help="show them again every --seconds until interrupted")
    ] = False,
    seconds: Annotated[float, Parameter(validator=cyclopts.validators.Number(gte=0.1))] = 1,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the figures since the last reset, and which workspaces were over their limits."""

    async def work(core: bootstrap.Core) -> None:
        if watch:
            await _watch(core, workspace, seconds)
        else:
            for table in await _tables(core, workspace):
                print_table(table)

    with_core(database_url, work)


async def _watch(core: bootstrap.Core, workspace: str | None, seconds: float) -> None:
    """Draw the tables in place until interrupted."""
    with Live(console=Terminal(), auto_refresh=False) as live:
        while True:
            live.update(Group(*await _tables(core, workspace)), refresh=True)
            await core.clock.sleep_until(core.clock.now() + round(seconds * SECOND))


async def _tables(core: bootstrap.Core, workspace: str | None) -> list[Table]:
    if workspace is not None:
        limits = core.limits
        use = await workspace_use.run(core.database, workspace, limits, core.clock.now())
        return [_of_workspace(use)]
    found = await service_figures.run(core.database)
    over = _over(found)
    return [_of_service(found.channels), *([over] if over.rows else [])]


def _of_service(channels: dict[Channel, Figures]) -> Table:
    columns = (
        "channel",
        "processed",
        "batches",
        "success",
        "ms a batch",
        "a second",
        "exceeded",
        "last processed",
    )
    table = Table(*columns, box=None, pad_edge=False)
    for channel, f in channels.items():
        rates = (f"{f.success_rate:.2f}%", f"{f.processing_time:,.0f}", f"{f.throughput:,.1f}")
        table.add_row(
            channel.value,
            f"{f.processed:,}",
            f"{f.batches:,}",
            *rates,
            f"{f.exceeded:,}",
            optional_rfc3339(f.last_at) or "never",
        )
    return table


def _over(found: ServiceFigures) -> Table:
    table = Table(
        "over its limit", "channel", "times", "last", "due", "why", box=None, pad_edge=False
    )
    for channel, worst in found.ranking.by_channel.items():
        for one in worst[:MOST_SHOWN]:
            newest = one.details[0] if one.details else None
            due, why = ("", "") if newest is None else (f"{newest.due:,}", newest.message)
            table.add_row(
                one.workspace,
                channel.value,
                f"{one.count:,}",
                optional_rfc3339(one.last_at),
                due,
                why,
            )
    return table


def _of_workspace(found: WorkspaceUse) -> Table:
    columns = (
        "channel",
        "tier",
        "limit",
        "used",
        "sent",
        "failed",
        "backlog",
        "exceeded",
        "last exceeded",
    )
    table = Table(*columns, box=None, pad_edge=False)
    for channel, use in found.channels.items():
        counts = (f"{use.sent:,}", f"{use.failed:,}", f"{use.backlog:,}", f"{use.exceeded.count:,}")
        last = optional_rfc3339(use.exceeded.last_at) or "never"
        table.add_row(
            channel.value, found.tier, f"{use.limit:g}/s", f"{use.utilization:.0%}", *counts, last
        )
    return table
