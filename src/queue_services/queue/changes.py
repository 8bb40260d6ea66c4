"""The change feed: every final status and every return to scheduled by a requeue, the
newest of a message, in an order that no late commit comes before.

Called by the API. It reads what endings and requeues have numbered in `result`; on
PostgreSQL it stops before the oldest transaction that still runs.
"""

from __future__ import annotations

import msgspec

from queue_services.domain.message import Instant, Status
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Tx

FEW = 5_000
"""A workspace with fewer messages has them looked up one by one, rather than looked for
among everybody's changes.
"""


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in the feed: the writer's transaction (0 on SQLite, which has one writer) and
    the number of the change.
    """

    transaction: int = 0
    number: int = 0


class Change(msgspec.Struct, frozen=True):
    """A message's newest change: what it became, and when."""

    id: str
    status: Status
    at: Instant


class Changes(msgspec.Struct, frozen=True):
    """Some changes in order, and where to go on: behind the last of them, or behind all
    that was looked at where there are no more yet.
    """

    changes: list[Change]
    position: Position


@reads
async def read(tx: Tx, after: Position, most: int, *, workspace: str | None = None) -> Changes:
    """At most `most` changes after a position; of one workspace, or of all.

    A position beyond the end is of a store that has been replaced by an older copy of it:
    the feed then begins anew, so that no change is skipped.
    """
    [row] = await tx.fetch("changes_end")
    end = Position(*row)
    start = after if after <= end else Position()
    rows = await tx.fetch(
        await _way(tx, start, workspace), start.transaction, start.number, workspace, most
    )
    changes = [Change(row[0], Status(row[1]), row[2]) for row in rows]
    return Changes(changes, Position(*rows[-1][3:]) if len(rows) == most else end)


async def _way(tx: Tx, start: Position, workspace: str | None) -> str:
    """The statement to read a workspace's changes by: its messages, where those are few and
    fewer than the changes ahead, or the feed.
    """
    if workspace is None:
        return "changes_after"
    [[messages, ahead, *_]] = await tx.fetch(
        "changes_sizes", start.transaction, start.number, workspace, FEW
    )
    return "changes_of_few" if messages < ahead else "changes_after"


@writes
async def adopt(tx: Tx) -> None:
    """Let changes that were written by transactions of another server, and came here in a
    dump, be read like its own. A cursor of that server begins the feed anew where its place
    is beyond this one's end.
    """
    tx.lift_time_limit()
    await tx.fetch("adopt_changes")
