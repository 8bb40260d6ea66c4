"""Prints the command line's tables whole: folded on a terminal, and as wide as they are where a file or another program reads them. Used by the commands."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

_UNBOUNDED = 100_000


def print_table(table: Table) -> None:
    """Print a table on stdout; nothing of it is cut off, and the first column is folded last."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(1, Measurement.get(console, console.options.update(width=_UNBOUNDED, max_width=_UNBOUNDED), table).maximum)
    for number, column in enumerate(table.columns):
        column.overflow, column.no_wrap = "fold", number == 0
    console.print(table)
