"""The ledger of exceedances: where a lane's limit, or its endpoint, had no room for what was due.

Added to by the claiming flow and by settling, and counted in their tallies; what counts as
one is `domain.exceedance`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from queue_services.domain import exceedance
from queue_services.domain.message import Channel, Instant
from queue_services.queue.tallies import Tally
from queue_services.storage.port import Tx


class Exceedance(NamedTuple):
    """One entry: how many were `due`, the limit a second, which limit, and when the last of
    them can go.
    """

    workspace: str
    channel: Channel
    at: Instant
    due: int
    rate: float
    kind: str
    waits_until: Instant | None


async def add(tx: Tx, exceedances: Iterable[Exceedance], tally: Tally) -> None:
    """Add to the ledger, and count in `tally`."""
    rows = []
    for each in exceedances:
        tally.of(each.workspace, each.channel, None).exceeded += 1
        rows.append(
            (
                each.workspace,
                each.channel.value,
                each.at,
                each.due,
                exceedance.message(each.rate),
                each.kind,
                each.waits_until,
            )
        )
    await tx.each("insert_exceedances", rows)
