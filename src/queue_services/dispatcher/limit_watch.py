"""Slots are taken only by a clock that was measured since the limit was silenced last.

Whoever finds a clock wrong silences the limits, and with that forgets what was sent. A
process that has not noticed its own clock's error yet would see that silence long past, or
long ahead, and the log empty: it would send a second limit's worth.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from queue_services.domain.claim_lane import ClaimRequest
from queue_services.domain.message import Channel, Instant
from queue_services.errors import LimitSilenced
from queue_services.queue.claims import Claim
from queue_services.queue.slots import Reserved, ReserveRequest
from queue_services.storage.port import Database, Tx

Request = TypeVar("Request", ClaimRequest, ReserveRequest)
Result = TypeVar("Result", Claim, Reserved)


class LimitWatch:
    """Runs what needs slots, for one process. `measure` measures its clock and follows."""

    def __init__(self, database: Database, measure: Callable[[], Awaitable[None]]) -> None:
        self._database, self._measure = database, measure
        self._silences: dict[Channel, int] = {}

    async def write(
        self,
        flow: Callable[[Tx, Request, Instant], Awaitable[Result]],
        request: Request,
        now: Instant,
    ) -> Result:
        """What the flow brings. Raises LimitSilenced where the limit was silenced since the
        last time, once the clock is measured: then ask again; and StoreUnavailable.
        """
        channel = request.channel
        asked = msgspec.structs.replace(request, silences=self._silences.get(channel))
        try:
            result = await self._database.write(flow, asked, now)
        except LimitSilenced as silenced:
            await self._measure()
            self._silences[channel] = silenced.silences
            raise
        self._silences[channel] = result.silences
        return result
