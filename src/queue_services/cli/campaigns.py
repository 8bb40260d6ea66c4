"""The command `campaigns`: lists them, and cancels, pauses, resumes or shifts one."""

from __future__ import annotations

from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter
from rich.table import Table

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_audit, with_core
from queue_services.cli.terminal import Terminal, print_table
from queue_services.cli.timing import Reason, Until, timed_change
from queue_services.domain.message import SECOND
from queue_services.queue import campaigns, overview
from queue_services.queue.overview import CampaignLine
from queue_services.wire.answers import STATUS_NAMES

Workspace = Annotated[str, Parameter(help="whose campaign")]

app = cyclopts.App(name="campaigns", help="List campaigns, and cancel, pause, resume or shift one.")


@app.command(name="list")
def list_campaigns(
    *,
    workspace: Annotated[str | None, Parameter(help="of this workspace alone")] = None,
    state: Literal["active", "paused", "shifting", "cancelled"] | None = None,
    limit: Annotated[int, Parameter(validator=cyclopts.validators.Number(gte=1, lte=10_000))] = 50,
    database_url: DatabaseUrl = None,
) -> None:
    """List campaigns, newest first, with their jobs by status."""

    async def work(core: bootstrap.Core) -> list[CampaignLine]:
        return await overview.campaigns.run(
            core.database, workspace, None, None, limit, core.clock.now(), state=state
        )

    names = [name.lower() for name in STATUS_NAMES.values()]
    table = Table("campaign", "workspace", "state", *names, box=None, pad_edge=False)
    for one in with_core(database_url, work):
        counts = [f"{one.counts.get(status, 0):,}" for status in STATUS_NAMES]
        table.add_row(one.name, one.workspace, one.state, *counts)
    print_table(table)


@app.command
def cancel(campaign: str, *, workspace: Workspace, database_url: DatabaseUrl = None) -> None:
    """End every job of CAMPAIGN that exists now and is not in flight."""
    count = with_audit(
        database_url,
        lambda core: campaigns.cancel.run(core.database, workspace, campaign, core.clock.now()),
        "cancel campaign",
        campaign,
        workspace,
    )
    _say(f"{campaign}: {count:,} jobs are cancelled")


@app.command
def pause(
    campaign: str,
    *,
    workspace: Workspace,
    until: Until = None,
    reason: Reason = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Hold the jobs of CAMPAIGN, those scheduled later too, until it is resumed."""
    timed = timed_change(until, reason)
    count = with_audit(
        database_url,
        lambda core: campaigns.pause.run(
            core.database, workspace, campaign, core.clock.now(), timed
        ),
        "pause campaign",
        campaign,
        workspace,
    )
    _say(f"{campaign}: {count:,} jobs wait")


@app.command
def resume(campaign: str, *, workspace: Workspace, database_url: DatabaseUrl = None) -> None:
    """Let the jobs of a paused CAMPAIGN go."""
    count = with_audit(
        database_url,
        lambda core: campaigns.resume.run(core.database, workspace, campaign, core.clock.now()),
        "resume campaign",
        campaign,
        workspace,
    )
    _say(f"{campaign}: {count:,} jobs go on")


@app.command
def shift(
    campaign: str, seconds: float, *, workspace: Workspace, database_url: DatabaseUrl = None
) -> None:
    """Move the due times of the jobs of CAMPAIGN by SECONDS, which may be negative."""
    delta = round(seconds * SECOND)
    count = with_audit(
        database_url,
        lambda core: campaigns.shift.run(
            core.database, workspace, campaign, delta, core.clock.now()
        ),
        "shift campaign",
        campaign,
        workspace,
    )
    _say(f"{campaign}: {count:,} jobs move by {seconds:g} s")


def _say(text: str) -> None:
    Terminal(soft_wrap=True).print(text)
