"""What the command line shows: values as they are, whoever made them up, and tables whole.
Used by the commands.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from queue_services.redaction import printable

_UNBOUNDED = 100_000


class Terminal(Console):
    """rich's console that takes no value for more than text: what looks like markup is
    shown, and what would move the cursor is written out.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **given)

    def render_str(self, text: str, **given: Any) -> Text:
        """The text of a line, or of a table's cell."""
        return super().render_str(printable(text), **given)


def print_table(table: Table) -> None:
    """Print a table on stdout: folded on a terminal, and as wide as it is where a file or
    another program reads it.

    Nothing of it is cut off, and the first column is folded last.
    """
    console = Terminal()
    if not console.is_terminal:
        console.width = max(
            1,
            Measurement.get(
                console, console.options.update(width=_UNBOUNDED, max_width=_UNBOUNDED), table
            ).maximum,
        )
    for number, column in enumerate(table.columns):
        column.overflow, column.no_wrap = "fold", number == 0
    console.print(table)
