"""The command `alerts`: lists the alerts and where they stand, and sends a sink a test
notification. It opens the store itself, so it works where the API does not run.
"""

from __future__ import annotations

import cyclopts
from rich.table import Table

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_core
from queue_services.cli.terminal import Terminal, print_table
from queue_services.domain.alerts import Rule
from queue_services.domain.message import SECOND
from queue_services.errors import QueueServicesError
from queue_services.queue import alerts
from queue_services.queue.alerts import Alert
from queue_services.wire.alerts import FIGURE_NAMES
from queue_services.wire.times import rfc3339

app = cyclopts.App(name="alerts", help="List alerts and test where their notifications go.")


class NotDelivered(QueueServicesError):
    """A test notification that its sink did not take."""


@app.command(name="list")
def list_(*, database_url: DatabaseUrl = None) -> None:
    """List all alerts: state, since when, the figure's newest value, and the rule."""

    async def work(core: bootstrap.Core) -> list[Alert]:
        return await alerts.every.run(core.database)

    table = Table("alert", "state", "since", "value", "fires", "notifies", box=None, pad_edge=False)
    for one in with_core(database_url, work):
        standing = one.standing
        table.add_row(
            one.name,
            standing.state.value,
            rfc3339(standing.since) if standing.since else "",
            "" if standing.value is None else f"{standing.value:g}",
            _condition(one.rule),
            ", ".join(one.rule.sinks),
        )
    print_table(table)


@app.command(name="test")
def send_test(sink: str, *, database_url: DatabaseUrl = None) -> None:
    """Send SINK a test notification now; exit code 1 where it is not delivered."""

    async def work(core: bootstrap.Core) -> str | None:
        found = await alerts.find_sink.run(core.database, sink)
        notifier = bootstrap.notifier(core)
        try:
            return await notifier.test(sink, found, core.clock.now())
        finally:
            await notifier.close()

    if error := with_core(database_url, work):
        raise NotDelivered(f"{sink}: {error}")
    Terminal(soft_wrap=True).print(f"{sink} took the test notification")


def _condition(rule: Rule) -> str:
    subject = rule.subject
    where = " ".join(part for part in (subject.channel, subject.workspace) if part)
    side = "over" if rule.over else "under"
    held = f" for {rule.hold_for // SECOND} s" if rule.hold_for else ""
    of = f" of {where}" if where else ""
    return f"{FIGURE_NAMES[subject.figure]}{of} {side} {rule.threshold:g}{held}"
