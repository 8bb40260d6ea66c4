"""The commands `workspace` and `tiers`: what is set, what is in force, what holds messages
up, and changing it. Used by `cli.app`.

What they accept is what a PUT of the API accepts: the same decoder reads it. `none` clears
a member.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import cyclopts
import msgspec
from cyclopts import Parameter
from msgspec import UNSET
from rich.table import Table

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_audit, with_core
from queue_services.cli.terminal import Terminal, print_table
from queue_services.domain.message import Channel
from queue_services.domain.scaling import Adjustment
from queue_services.domain.tiers import Source, Tier
from queue_services.domain.workspace import Change, Workspace
from queue_services.queue import tiers as tier_queue
from queue_services.queue import workspaces as queue
from queue_services.queue.autoscaling import adjustments
from queue_services.queue.workspaces import EffectiveSettings, LaneHold, Sort
from queue_services.settings.types import masked_url
from queue_services.wire import changes
from queue_services.wire import tiers as tier_wire
from queue_services.wire import workspaces as wire
from queue_services.wire.times import rfc3339

NONE = "none"
ADJUSTMENTS = 5
ChannelName = Literal["sms", "email"]
Limit = Annotated[
    str | None,
    Parameter(
        help="messages a second: a whole number, or below 1 (0.2: one every 5 s); `none` falls back"
    ),
]
Quota = Annotated[str | None, Parameter(help="messages a day of the workspace; `none`: any number")]
Url = Annotated[
    str | None, Parameter(help="a base URL in place of the service's own; `none` falls back")
]
OfChannel = Annotated[ChannelName | None, Parameter(help="of this channel alone")]

app = cyclopts.App(
    name="workspace", help="Look at a workspace and its holds, and change what is set for it."
)
tiers = cyclopts.App(name="tiers", help="Look at the tiers of workspaces, and change them.")


@app.command
def show(workspace: str, *, database_url: DatabaseUrl = None) -> None:
    """Show what is set for a workspace, its limits in force, and why its messages wait."""

    async def work(
        core: bootstrap.Core,
    ) -> tuple[EffectiveSettings, list[LaneHold], list[Adjustment]]:
        adjusted = [
            one
            for channel in Channel
            for one in await adjustments.run(core.database, workspace, channel, ADJUSTMENTS)
        ]
        return *await _effective(core, workspace), adjusted

    _print_workspace(*with_core(database_url, work))


@app.command(name="set")
def set_workspace(
    workspace: str,
    *,
    tier: Annotated[str | None, Parameter(help="a tier's name; `none`: the default")] = None,
    timezone: Annotated[
        str | None, Parameter(help="an IANA zone, such as Europe/Berlin; `none`: UTC")
    ] = None,
    sms: Limit = None,
    email: Limit = None,
    window: Annotated[
        str | None,
        Parameter(help="from when to when it sends in its zone: 08:00-21:00; `none`: always"),
    ] = None,
    days: Annotated[
        str, Parameter(help="the days on which the window opens, 1 = Monday")
    ] = "1,2,3,4,5,6,7",
    sms_url: Url = None,
    email_url: Url = None,
    events_url: Annotated[
        str | None, Parameter(help="where events are POSTed; `none`: the service's")
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Change what is set for a workspace; what is not given stays. Every dispatcher goes by
    it from its next claim on.
    """
    body = wire.WorkspaceBody(
        tier=_given(tier),
        timezone=_given(timezone),
        limits=_by_channel(wire.LimitsBody, sms, email),
        callback_base_urls=_by_channel(wire.BaseUrlsBody, sms_url, email_url),
        events_url=_given(events_url),
        send_window=_window(window, days),
    )
    change = changes.workspace_change(msgspec.json.encode(body))

    async def work(core: bootstrap.Core) -> tuple[EffectiveSettings, list[LaneHold]]:
        await queue.change.run(core.database, workspace, change, core.clock.now())
        return await _effective(core, workspace)

    done = with_audit(database_url, work, "change workspace", workspace, workspace)
    _print_workspace(*done)


@app.command
def pause(workspace: str, *, channel: OfChannel = None, database_url: DatabaseUrl = None) -> None:
    """Hold a workspace's messages until it is resumed."""
    _pause(workspace, channel, database_url, paused=True)


@app.command
def resume(workspace: str, *, channel: OfChannel = None, database_url: DatabaseUrl = None) -> None:
    """Let a paused workspace's messages go."""
    _pause(workspace, channel, database_url, paused=False)


@app.command
def lift(workspace: str, *, channel: OfChannel = None, database_url: DatabaseUrl = None) -> None:
    """End the holds that the endpoint's answers have put on a workspace (429, unreachable,
    refused).
    """

    async def work(core: bootstrap.Core) -> list[Channel]:
        return [
            one
            for one in _channels(channel)
            if await queue.lift.run(core.database, workspace, one, core.clock.now())
        ]

    lifted = with_audit(database_url, work, "lift hold", workspace, workspace)
    _say(
        f"{workspace}: lifted the hold of {' and '.join(lifted)}"
        if lifted
        else f"{workspace}: there was no hold to lift"
    )


@app.command(name="list")
def list_workspaces(
    *,
    sort: Annotated[Sort, Parameter(help="most first")] = Sort.SENT,
    limit: Annotated[int, Parameter(validator=cyclopts.validators.Number(gte=1, lte=10_000))] = 50,
    database_url: DatabaseUrl = None,
) -> None:
    """List workspaces by what they sent, have waiting, or were over their limits."""
    table = Table(
        "workspace", "tier", "sent", "backlog", "exceeded", "paused", box=None, pad_edge=False
    )
    for one in with_core(database_url, lambda core: queue.busiest.run(core.database, sort, limit)):
        table.add_row(
            one.workspace.id,
            one.workspace.tier,
            f"{one.sent:,}",
            f"{one.backlog:,}",
            f"{one.exceeded:,}",
            ", ".join(sorted(one.workspace.paused)),
        )
    print_table(table)


@tiers.default
def list_tiers(*, database_url: DatabaseUrl = None) -> None:
    """List the tiers, and what the workspaces of each get."""
    _print_tiers(with_core(database_url, lambda core: tier_queue.every.run(core.database)))


@tiers.command(name="set")
def set_tier(
    name: str,
    *,
    sms: Limit = None,
    email: Limit = None,
    sms_per_day: Quota = None,
    email_per_day: Quota = None,
    weight: Annotated[
        str | None,
        Parameter(help="its share of what is free beside others: 0.25 to 100; `none`: 1"),
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Change a tier, or make it; what is not given stays. In force for all its workspaces
    when this returns.
    """
    body = tier_wire.TierBody(
        limits=_by_channel(wire.LimitsBody, sms, email),
        weight=_number(weight),
        daily_quota=_by_channel(tier_wire.QuotasBody, sms_per_day, email_per_day),
    )
    change = changes.tier_change(msgspec.json.encode(body))
    changed = with_audit(
        database_url,
        lambda core: tier_queue.change_and_apply(core.database, core.clock, name, change),
        "change tier",
        name,
    )
    _print_tiers([changed])


async def _effective(
    core: bootstrap.Core, workspace: str
) -> tuple[EffectiveSettings, list[LaneHold]]:
    limits = core.limits
    return (
        await queue.effective_settings.run(core.database, workspace, limits),
        await queue.holds.run(core.database, workspace, core.clock.now()),
    )


def _pause(
    workspace: str, channel: ChannelName | None, database_url: str | None, *, paused: bool
) -> None:
    async def work(core: bootstrap.Core) -> None:
        for one in _channels(channel):
            await queue.change.run(
                core.database, workspace, Change(paused={one: paused}), core.clock.now()
            )

    verb = "pause" if paused else "resume"
    with_audit(database_url, work, f"{verb} workspace", workspace, workspace)
    _say(f"{workspace}: {' and '.join(_channels(channel))} {'paused' if paused else 'resumed'}")


def _channels(channel: ChannelName | None) -> list[Channel]:
    return [Channel(channel)] if channel else list(Channel)


def _given(text: str | None) -> Any:
    """An option as a body's member: not given stays, `none` clears."""
    return UNSET if text is None else None if text == NONE else text


def _number(text: str | None) -> Any:
    """A number as a body's member; what is none is passed on, for the decoder to say what
    is wrong with it.
    """
    given = _given(text)
    if not isinstance(given, str):
        return given
    try:
        number = float(given)
    except ValueError:
        return given
    return given if not math.isfinite(number) else int(number) if number.is_integer() else number


def _by_channel(shape: type[msgspec.Struct], sms: str | None, email: str | None) -> Any:
    return UNSET if sms is None and email is None else shape(sms=_number(sms), email=_number(email))


def _window(window: str | None, days: str) -> Any:
    given = _given(window)
    if not isinstance(given, str):
        return given
    start, _, end = given.partition("-")
    return wire.WindowBody(
        start=start, end=end, days=[_number(day.strip()) for day in days.split(",")]
    )


def _print_workspace(
    settings: EffectiveSettings, holds: Sequence[LaneHold], adjustments: Sequence[Adjustment] = ()
) -> None:
    found = settings.workspace
    _say(f"{found.id}: tier {found.tier}, zone {found.timezone}, sends {_shown_window(found)}")
    table = Table(
        "channel", "limit a second", "from", "callbacks go to", "state", box=None, pad_edge=False
    )
    for channel, limit in settings.limits.items():
        waits = [
            f"{hold.reason} until"
            f" {rfc3339(hold.until) if hold.until is not None else 'it is ended'}"
            for hold in holds
            if hold.channel is channel
        ]
        url = found.base_urls.get(channel)
        table.add_row(
            channel.value,
            f"{limit.rate:g}",
            _source(limit.source),
            masked_url(url) if url else "the service's",
            "; ".join(waits) or "sends",
        )
    print_table(table)
    for one in adjustments:
        _say(
            f"{rfc3339(one.at)} {one.channel}: limit {one.from_rate:g} became {one.to_rate:g}"
            f" ({one.reason.value})"
        )


def _shown_window(found: Workspace) -> str:
    window = found.window
    return (
        "at any time"
        if window is None
        else f"{window.start}-{window.end} on days {', '.join(map(str, window.days))}"
    )


def _source(source: Source) -> str:
    return "automatic scaling" if source is Source.SCALED else f"the {source.value}"


def _print_tiers(found: Sequence[Tier]) -> None:
    table = Table(
        "tier",
        "sms a second",
        "email a second",
        "sms a day",
        "email a day",
        "weight",
        "scales up to",
        box=None,
        pad_edge=False,
    )
    for tier in found:
        limits = [
            f"{tier.limits[channel]:g}" if channel in tier.limits else "the service's"
            for channel in Channel
        ]
        quotas = [
            f"{tier.daily_quota[channel]:,}" if channel in tier.daily_quota else "any number"
            for channel in Channel
        ]
        scales = ", ".join(
            f"{channel} {scale.max:g} by {scale.step:g}"
            for channel, scale in tier.auto_scale.items()
            if scale
        )
        table.add_row(tier.name, *limits, *quotas, f"{tier.weight:g}", scales)
    print_table(table)


def _say(text: str) -> None:
    Terminal(soft_wrap=True).print(text)
