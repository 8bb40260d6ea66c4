"""What a workspace's daily quota gets back. What it counts, `domain.claim_lane` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from queue_services.domain.claimed import ClaimedMessage
from queue_services.storage.port import Tx


async def give_back(tx: Tx, unposted: Iterable[ClaimedMessage]) -> None:
    """Take messages that have never gone out off the day that they were counted for, if it is
    their lane's still. The lanes are locked already.
    """
    counts = Counter((m.lane, m.day_ends_at) for m in unposted if m.day_ends_at)
    rows = [(lane, count, day_ends_at) for (lane, day_ends_at), count in sorted(counts.items())]
    await tx.each("return_to_day", rows)
