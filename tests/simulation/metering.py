"""A key's quota in a simulated world: API processes give it out, each its own part, and
what they let in is counted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from queue_services.clock import Clock
from queue_services.domain.key import QUOTA_WINDOW
from queue_services.errors import OverQuota, StoreUnavailable
from queue_services.queue.quotas import Quotas
from tests.simulation.stores import Connection

KEY = "018bcfe5-6800-7000-8000-000000000001"
A_MINUTE = 30
LARGEST = 20
"""More than that at once is seldom let in: a burst is all or none."""


@dataclass
class Meter:
    """One API process. `admitted` is how many messages it let in, by the minute; a call
    that saw two minutes counts for neither.
    """

    connection: Connection
    clock: Clock
    admitted: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._quotas = Quotas(self.connection, self.clock)

    async def admit(self, count: int) -> None:
        """Ask until the key may hand in so many."""
        while True:
            began = self.clock.now() // QUOTA_WINDOW
            try:
                await self._quotas.spend(KEY, A_MINUTE, count)
            except OverQuota as refusal:
                await asyncio.sleep(refusal.retry_after)
            except StoreUnavailable:
                await asyncio.sleep(0.1)
            else:
                if began == self.clock.now() // QUOTA_WINDOW:
                    self.admitted[began] += count
                return


def over_quota(meters: Iterable[Meter]) -> Iterator[str]:
    """The minutes in which all processes together let in more than the quota."""
    together = sum((meter.admitted for meter in meters), Counter[int]())
    for minute, count in together.items():
        if count > A_MINUTE:
            yield (
                f"{count} messages of a key were let in in minute {minute}, where {A_MINUTE} is its"
                " quota"
            )
