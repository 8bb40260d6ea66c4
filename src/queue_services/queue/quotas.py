"""The quota of a key: how many messages it may hand in a minute, over all processes. Used
by the API.

A process takes a part of the minute's quota from the store and gives it out by itself, so
that most requests ask nobody. What it does not use of its part is lost with the minute;
more than the quota is never handed in.
"""

from __future__ import annotations

import asyncio

import msgspec

from queue_services.clock import Clock
from queue_services.domain.key import QUOTA_WINDOW
from queue_services.domain.message import SECOND, Instant
from queue_services.errors import OverQuota
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Database, Tx

PARTS = 20
"""A process takes at most this share of what is left of a quota at once."""


class Quota(msgspec.Struct, frozen=True):
    """A key's quota in messages a minute, how many are left of it, and in how many seconds
    it begins anew.
    """

    limit: int
    left: int
    resets_after: float


class _Part(msgspec.Struct):
    """What this process holds of one key's minute. `used` is what all processes have taken,
    `spent` what this one handed in; from `refused` messages on there is no use in asking.
    """

    minute: int
    left: int = 0
    used: int = 0
    spent: int = 0
    refused: int | None = None


class Quotas:
    """The quotas of one process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._parts: dict[str, _Part] = {}
        self._asking = asyncio.Lock()

    async def spend(self, key: str, limit: int, messages: int) -> Quota:
        """Count messages that a key hands in, all or none. Raises OverQuota."""
        now = self._clock.now()
        part = self._part(key, now)
        if part.left < messages:
            async with self._asking:
                part = self._part(key, now)
                # others may use up what is left while more is taken
                while part.left < messages and await self._take(key, part, limit, messages):
                    pass
        if part.left < messages:
            raise OverQuota(_resets_after(now), limit, limit - part.used + part.left)
        part.left -= messages
        part.spent += messages
        return Quota(limit, limit - part.used + part.left, _resets_after(now))

    def _part(self, key: str, now: Instant) -> _Part:
        minute, part = now // QUOTA_WINDOW, self._parts.get(key)
        if part is None or part.minute not in (minute, minute + 1):
            part = self._parts[key] = _Part(minute)
        return part

    async def _take(self, key: str, part: _Part, limit: int, messages: int) -> bool:
        """Take as much more as is needed, or as this process has used already where there is
        that much: who hands in little must not keep what others need. False: too little is left.
        """
        needed = messages - part.left
        if part.refused is not None and needed >= part.refused:
            return False
        ahead = min(part.spent, (limit - part.used) // PARTS)
        for wanted in sorted({needed, max(needed, ahead)}, reverse=True):
            taken = await use.run(self._database, key, part.minute, wanted, limit)
            if taken is not None:
                part.left += wanted
                part.used = taken
                return True
        part.refused = needed
        part.used = await used.run(self._database, key, part.minute)
        return False


@writes
async def use(tx: Tx, identity: str, minute: int, messages: int, most: int) -> int | None:
    """Count messages of a key in a minute, and return how many that makes; None, and
    nothing is counted, where it would be more than `most`.
    """
    if messages > most:
        return None
    await tx.fetch("correct_key_use", identity, minute)
    rows = await tx.fetch("use_key", identity, minute, messages, most)
    return int(rows[0][0]) if rows else None


@reads
async def used(tx: Tx, identity: str, minute: int) -> int:
    """How many messages of a key are counted in a minute."""
    rows = await tx.fetch("key_used", identity, minute)
    return int(rows[0][0]) if rows else 0


def _resets_after(now: Instant) -> float:
    return (QUOTA_WINDOW - now % QUOTA_WINDOW) / SECOND
