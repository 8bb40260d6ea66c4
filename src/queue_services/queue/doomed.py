"""Messages of a cancelled campaign that are still in `pending`: every list and count has them as
cancelled from the campaign's answer on, as one job's status does; `campaigns.advance` ends them.

Read by `jobs` and `overview`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from queue_services.domain.message import Instant
from queue_services.storage.port import Row, Tx


class Doomed(NamedTuple):
    """How many there are of one campaign (a row id) on one channel."""

    workspace: str
    channel: str
    campaign: int
    messages: int


async def counts(tx: Tx, now: Instant) -> list[Doomed]:
    """How many there are, by campaign and channel."""
    return [Doomed(*row) for row in await tx.fetch("doomed_counts", now)]


async def search(tx: Tx, filters: dict[str, Any], most: int, now: Instant) -> list[Row]:
    """Those that match, the newest first, as rows of `search_pending`."""
    named = await _filters(tx, filters, now)
    return await tx.search("search_pending", named, most) if named else []


async def count(tx: Tx, filters: dict[str, Any], most: int, now: Instant) -> int:
    """How many match, `most` at most."""
    named = await _filters(tx, filters, now)
    return int((await tx.search("count_pending", named, most))[0][0]) if named else 0


async def _filters(tx: Tx, filters: dict[str, Any], now: Instant) -> dict[str, Any] | None:
    """The filters with those for a campaign that has any; None where none has: most of the time
    no pending row needs to be looked at.
    """
    campaigns = [row[0] for row in await tx.fetch("doomed_campaigns")]
    return {"of_campaigns": campaigns, "doomed": now, **filters} if campaigns else None
