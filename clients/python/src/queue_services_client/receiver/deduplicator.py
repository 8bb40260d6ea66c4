"""Drops repeats: the service sends a message at least once, this makes it once. Called by
`Receiver` around each handler.

A key (a job id, an event id) is free, claimed while its handler runs, or accepted. A claim
older than the lease is taken for dead: its process died in the handler. Instants are Unix
seconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol, runtime_checkable

LEASE = 60.0
"""Seconds after which a claim is taken for dead; a handler that takes longer may run twice.
The service waits 10 s for an answer by default.
"""


class Claim(Enum):
    """What is known of a message when it arrives."""

    NEW = auto()
    IN_PROGRESS = auto()
    ACCEPTED = auto()


class Deduplicator(Protocol):
    """Remembers what was accepted. `blocks`: calls do I/O, so that asynchronous receivers
    make them in a thread.
    """

    @property
    def blocks(self) -> bool: ...

    def claim(self, key: str, now: float) -> Claim:
        """NEW: the caller may handle `key`, and must then accept or release it. One caller
        alone gets NEW.
        """

    def accept(self, key: str, now: float) -> None:
        """`key` was handled: every later claim is ACCEPTED."""

    def release(self, key: str, claimed_at: float) -> None:
        """The handler failed: `key` may come again. Does nothing if another took the claim
        since `claimed_at`, or accepted it.
        """


@runtime_checkable
class Readable(Protocol):
    """What a Deduplicator may have besides, for the service's question whether a message was
    delivered.
    """

    def state(self, key: str, now: float) -> Claim:
        """What `claim` would answer, without claiming: NEW for a key that is free."""


@runtime_checkable
class Checked(Protocol):
    """What a Deduplicator may have besides, for the start of the application."""

    def check(self) -> None:
        """Raises an error that says what to do where it could remember nothing."""


@dataclass(slots=True)
class _Entry:
    claimed_at: float
    accepted: bool = False


class MemoryDeduplicator:
    """Remembers the newest `capacity` keys of this process: enough for one process,
    forgotten when it ends. Safe to share between threads.
    """

    blocks = False

    def __init__(self, capacity: int = 100_000, lease: float = LEASE) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self._capacity, self._lease = capacity, lease
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def claim(self, key: str, now: float) -> Claim:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry.accepted:
                self._entries.move_to_end(key)
                return Claim.ACCEPTED
            if entry is not None and entry.claimed_at > now - self._lease:
                return Claim.IN_PROGRESS
            self._remember(key, _Entry(now))
            return Claim.NEW

    def state(self, key: str, now: float) -> Claim:
        with self._lock:
            entry = self._entries.get(key)
        if entry is None:
            return Claim.NEW
        if entry.accepted:
            return Claim.ACCEPTED
        return Claim.IN_PROGRESS if entry.claimed_at > now - self._lease else Claim.NEW

    def accept(self, key: str, now: float) -> None:
        with self._lock:
            self._remember(key, _Entry(now, accepted=True))

    def release(self, key: str, claimed_at: float) -> None:
        with self._lock:
            if self._entries.get(key) == _Entry(claimed_at):
                del self._entries[key]

    def _remember(self, key: str, entry: _Entry) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
