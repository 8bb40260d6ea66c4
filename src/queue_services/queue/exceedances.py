"""The ledger of exceedances: where a lane's limit, or its endpoint, had no room for what was due.

Added to by the claiming flow and by settling, and counted in their tallies; what counts as
one is `domain.exceedance`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from queue_services.domain import exceedance, limits
from queue_services.domain.holds import probes
from queue_services.domain.message import SECOND, Channel, Instant, Priority
from queue_services.queue.lanes import ClaimRequest, Lane
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


async def exceeded(
    tx: Tx, request: ClaimRequest, lane: Lane, now: Instant, *, used_up: bool
) -> Exceedance | None:
    """What is to be recorded, once a second at most, where a claim leaves behind more due
    messages of a lane than its limit sends in a second.

    `used_up` says that the channel has no slot left. None: nothing is to be recorded.
    """
    rate = request.rate if lane.rate is None else lane.rate
    short = (
        used_up
        if lane.rate is None
        else lane.spent or limits.free(lane.log, lane.rate, now, request.lead) == 0
    )
    if not short or probes(lane.hold) or not exceedance.recordable(lane.exceeded_at, now):
        return None
    [[left]] = await tx.fetch(
        "count_visible", lane.id, [priority.value for priority in Priority], now
    )
    due = min(left + lane.taken, exceedance.DUE_COUNTED)
    if not exceedance.exceeded(due, left > 0, rate):
        return None
    lane.exceeded_at = now
    waits_until = now + int(left / rate * SECOND)
    return Exceedance(
        lane.workspace,
        request.channel,
        now,
        due,
        rate,
        "service" if lane.rate is None else "workspace",
        waits_until,
    )
