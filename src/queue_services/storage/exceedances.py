"""The ledger of exceedances: where a lane's limit, or its endpoint, had no room for what was due.

Added to by the claiming flow and by settling; what counts as one is `domain.exceedance`.
"""

from __future__ import annotations

from collections.abc import Iterable

from queue_services.domain import exceedance, limits
from queue_services.domain.lane import probes
from queue_services.domain.message import SECOND, Channel, Instant, Priority
from queue_services.storage.lanes import ClaimRequest, Lane
from queue_services.storage.port import Tx


async def add(tx: Tx, exceedances: Iterable[tuple[str, Channel, Instant, int, float, str, Instant | None]]) -> None:
    """Add to the ledger: workspace, channel, when, how many were due, the limit a second, which limit, and when the last of them can go."""
    rows = [(workspace, channel.value, at, due, exceedance.message(rate), kind, until) for workspace, channel, at, due, rate, kind, until in exceedances]
    await tx.each("insert_exceedances", rows)


async def exceed(tx: Tx, request: ClaimRequest, lane: Lane, now: Instant, *, used_up: bool) -> str | None:
    """Record, once a second at most, that a claim leaves behind more due messages of a lane than its limit sends in a second; the words it is recorded in.

    `used_up` says that the channel has no slot left. None: nothing is recorded.
    """
    rate = request.rate if lane.rate is None else lane.rate
    short = used_up if lane.rate is None else lane.spent or limits.free(lane.log, lane.rate, now, request.lead) == 0
    if not short or probes(lane.hold) or not exceedance.recordable(lane.exceeded_at, now):
        return None
    [[left]] = await tx.fetch("count_visible", lane.id, [priority.value for priority in Priority], now)
    due = min(left + lane.taken, exceedance.DUE_COUNTED)
    if not exceedance.exceeded(due, left > 0, rate):
        return None
    lane.exceeded_at = now
    waits_until = now + int(left / rate * SECOND)
    await add(tx, [(lane.workspace, request.channel, now, due, rate, "service" if lane.rate is None else "workspace", waits_until)])
    return exceedance.message(rate)
