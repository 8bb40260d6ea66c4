"""The command `channels`: pauses a channel and sets its limit for every process."""

from __future__ import annotations

from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter
from rich.table import Table

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_audit, with_core
from queue_services.cli.terminal import print_table
from queue_services.cli.timing import Reason, Until, timed_change
from queue_services.domain import tiers
from queue_services.domain.message import Channel
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import service_limits
from queue_services.queue.service_limits import ChannelChange, ChannelControl
from queue_services.wire.times import optional_rfc3339

ChannelName = Literal["sms", "email"]
NONE = "none"

app = cyclopts.App(name="channels", help="Look at the channels, pause one, and set its limit.")


@app.default
def list_channels(*, database_url: DatabaseUrl = None) -> None:
    """List both channels: running or paused, the limit in force and where it comes from."""

    async def work(core: bootstrap.Core) -> list[tuple[ChannelControl, float]]:
        found = await service_limits.controls.run(core.database)
        return [(one, core.limits[one.channel]) for one in found.values()]

    table = Table(
        "channel", "state", "limit /s", "from", "until", "reason", box=None, pad_edge=False
    )
    for one, limit in with_core(database_url, work):
        timed = one.pause if one.paused else one.limit
        table.add_row(
            one.channel.value,
            "paused" if one.paused else "running",
            f"{limit:g}",
            "setting" if one.stored is None else "stored",
            optional_rfc3339(timed.until) or "",
            timed.reason or "",
        )
    print_table(table)


@app.command(name="set")
def set_limit(
    channel: ChannelName,
    per_second: Annotated[
        str, Parameter(help="messages a second in every process; `none`: each one's setting")
    ],
    *,
    until: Until = None,
    reason: Reason = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Set the whole service's limit of CHANNEL, in place of every process's setting."""
    wanted = ChannelChange(rate=_rate(per_second), timed=timed_change(until, reason))
    _change(channel, wanted, "change channel", database_url)


@app.command
def pause(
    channel: ChannelName,
    *,
    until: Until = None,
    reason: Reason = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Let no message of CHANNEL start, whichever workspace's."""
    wanted = ChannelChange(paused=True, timed=timed_change(until, reason))
    _change(channel, wanted, "pause channel", database_url)


@app.command
def resume(channel: ChannelName, *, database_url: DatabaseUrl = None) -> None:
    """Let the messages of CHANNEL start again."""
    _change(channel, ChannelChange(paused=False), "resume channel", database_url)


def _change(
    channel: ChannelName, wanted: ChannelChange, action: str, database_url: str | None
) -> None:
    with_audit(
        database_url,
        lambda core: service_limits.change.run(
            core.database, Channel(channel), wanted, core.clock.now()
        ),
        action,
        channel,
    )
    list_channels(database_url=database_url)


def _rate(text: str) -> float | None:
    if text == NONE:
        return None
    try:
        rate = float(text)
    except ValueError:
        raise InvalidRequest(Fault("PER-SECOND", "must be a number, or `none`")) from None
    if fault := tiers.limit_fault(rate):
        raise InvalidRequest(Fault("PER-SECOND", fault))
    return rate
