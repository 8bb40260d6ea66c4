"""Which PostgreSQL server is the right one: a standby that was promoted begins a new timeline
of the same system, so that a former primary that comes back can be told from it.

Used by `storage.postgres` and the connections it makes. The newest server that was seen is
kept in memory and in the store's table `server`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import structlog

ACCEPT = "run `queue-services migrate --accept-store` once"

log = structlog.get_logger(__name__)


class Identity(NamedTuple):
    """What a server says of itself: its system, which initdb or pg_upgrade makes, and its
    timeline, which every promotion and recovery to a point in time raises.
    """

    system: str
    timeline: int

    def __str__(self) -> str:
        return f"system {self.system}, timeline {self.timeline}"


class WrongServer(ConnectionError):
    """A server that is not to be used: an older one than was seen, or of another system."""


class IdentityGuard:
    """Refuses a server that is older than the newest that this process has seen."""

    def __init__(self) -> None:
        self.seen: Identity | None = None
        self.on_newer: list[Callable[[Identity | None], None]] = []
        self._unknown = False

    def admit(self, found: Identity | None, stored: list[Any]) -> bool:
        """Whether a server is newer than what was seen; it is the newest then. `stored` is its
        own row of the table `server`, if any. Raises WrongServer.

        Another system is followed where its row says that it was accepted in the place of the
        one that was seen.
        """
        if found is None:
            if not self._unknown:
                self._unknown = True
                log.warning("postgres.identity_unknown", checked="nothing")
            return False
        if self.seen is None:
            self.seen = found
            return True
        if found.system != self.seen.system:
            if not _accepted(found, self.seen, stored):
                raise WrongServer(
                    f"it is another system ({found}) than the store's ({self.seen}); if it was"
                    f" restored or upgraded, {ACCEPT}"
                )
        elif found.timeline < self.seen.timeline:
            raise WrongServer(
                f"it is a former primary ({found}): {self.seen} has taken its place; end it, or"
                " make it a standby"
            )
        newer = found != self.seen
        self.seen = found
        return newer


def _accepted(found: Identity, seen: Identity, stored: list[Any]) -> bool:
    return any(row[0] == found.system and row[2] == seen.system for row in stored)


def identity(system: Any, wal: str | None) -> Identity | None:
    """What a server's answers mean; `wal` is the name of its write-ahead log's file, which
    begins with the timeline in hexadecimal digits. None where it does not say.
    """
    return None if system is None or wal is None else Identity(str(system), int(wal[:8], 16))
