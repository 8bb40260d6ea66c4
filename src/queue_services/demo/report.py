"""How the demo looks: the plan, live progress (a table on a terminal, a line a second
elsewhere), and the figures at its end. Called by `run`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from queue_services.demo.campaign import Contact
from queue_services.demo.watch import Figures, Progress, Watch
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.wire.answers import Job

Show = Callable[[Watch, Instant], None]


def plan_table(contacts: Sequence[Contact], start: Instant) -> Table:
    """Who is written to, and what the clock of each workspace's zones says then."""
    at = datetime.fromtimestamp(start // SECOND, UTC)
    table = Table(
        "workspace",
        "contacts",
        "first step, in their time zones",
        title="The campaign",
        box=SIMPLE_HEAD,
    )
    for workspace in dict.fromkeys(contact.workspace for contact in contacts):
        theirs = [contact for contact in contacts if contact.workspace == workspace]
        zones = dict.fromkeys(contact.timezone for contact in theirs)
        table.add_row(
            workspace,
            str(len(theirs)),
            ", ".join(
                f"{at.astimezone(ZoneInfo(zone)):%H:%M:%S}"
                f" {zone.rpartition('/')[2].replace('_', ' ')}"
                for zone in zones
            ),
        )
    return table


@contextlib.contextmanager
def live(console: Console) -> Iterator[Show]:
    """A function that shows where things stand; on a terminal in place, elsewhere as a line
    once a second at most.
    """
    if not console.is_terminal:
        yield _line_a_second(console)
        return
    with Live(console=console, auto_refresh=False) as display:
        yield lambda watch, now: display.update(_progress_table(watch, now), refresh=True)


def _line_a_second(console: Console) -> Show:
    shown = 0

    def show(watch: Watch, now: Instant) -> None:
        nonlocal shown
        if now - shown < SECOND:
            return
        shown = now
        console.print(
            "   ".join(_words(channel, watch.progress(channel, now)) for channel in Channel),
            soft_wrap=True,
        )

    return show


def _words(channel: Channel, progress: Progress) -> str:
    return (
        f"{channel}: {progress.scheduled} scheduled, {progress.due} due, {progress.delivered}"
        f" delivered, {progress.rate}/s, lag {progress.lag / SECOND:.1f} s"
    )


def _progress_table(watch: Watch, now: Instant) -> Table:
    table = Table(
        "channel", "scheduled", "due", "delivered", "", "rate now", "lag", box=SIMPLE_HEAD
    )
    for channel in Channel:
        progress = watch.progress(channel, now)
        bar = ProgressBar(total=max(1, progress.scheduled), completed=progress.delivered, width=30)
        table.add_row(
            channel,
            str(progress.scheduled),
            str(progress.due),
            str(progress.delivered),
            bar,
            f"{progress.rate}/s",
            f"{progress.lag / SECOND:.1f} s",
        )
    return table


def result_table(watch: Watch, statuses: Mapping[str, Job], limits: Mapping[Channel, int]) -> Table:
    """The figures by channel and workspace, as measured at the receiver."""
    caption = (
        "Lateness is that of the first try. The SMS all fell due at once and waited for the limit."
    )
    table = Table(
        title="As measured at the receiver",
        caption=caption,
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("channel\nworkspace", no_wrap=True)
    for name in ("sent", "failed", "retried", "densest\nsecond", "limit", "late\np50", "late\np99"):
        table.add_column(name, justify="right", no_wrap=True)
    for channel in Channel:
        table.add_row(
            channel,
            *_cells(watch.figures(channel, None, statuses), f"{limits[channel]}/s"),
            style="bold",
        )
        for workspace in sorted({message.workspace for message in watch.expected.values()}):
            table.add_row(
                f"  {workspace}", *_cells(watch.figures(channel, workspace, statuses), "")
            )
    return table


def _cells(figures: Figures, limit: str) -> tuple[str, ...]:
    counts = (figures.sent, figures.failed, figures.retried, figures.densest)
    return (
        *map(str, counts),
        limit,
        _milliseconds(figures.lateness_p50),
        _milliseconds(figures.lateness_p99),
    )


def _milliseconds(duration: Instant) -> str:
    return f"{duration / 1000:,.1f} ms" if duration < SECOND / 10 else f"{duration / SECOND:.2f} s"
