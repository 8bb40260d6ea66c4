"""Whether the store keeps its promises: every invariant looked at on one snapshot, while
everything goes on. Used by the CLI.
"""

from __future__ import annotations

from collections.abc import Mapping

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Channel
from queue_services.queue import verification as verify
from queue_services.queue.verification import Verification, describe
from queue_services.storage.port import Database

__all__ = ["Verification", "describe", "verification"]

HOUR = 3600 * SECOND


async def verification(
    database: Database,
    clock: Clock,
    rates: Mapping[Channel, float],
    hours: float,
    *,
    counts_segments: bool,
) -> Verification:
    """Look at the whole store, and at the sends of the last `hours` against the limits in
    force now (0: all that are kept).
    """
    now = clock.now()
    since = now - round(hours * HOUR) if hours else 0
    return await database.read(verify.verify, rates, now, since, counts_segments=counts_segments)
