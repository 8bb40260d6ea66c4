"""One connection to PostgreSQL: its settings, how its transactions begin, and how it is given
up when it does not answer.

Used by `storage.postgres` and by `storage.postgres_hosts`, which makes every connection.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Self

import asyncpg

from queue_services.storage.postgres_url import Address
from queue_services.storage.server_identity import Identity

STANDSTILL_MS = 5_000
"""How long a process that stands still (SIGSTOP, a paused machine) in the middle of a
transaction keeps its locks: without an end, all others would wait.
"""
PROBE_SECONDS = 2
PROBES = 3
CACHE_SIZE = 256
SETTINGS = (
    # Every statement finds its rows by an index: a plan made while a table was small, or its
    # statistics were old, must not read all of it later.
    *(f"{name} = off" for name in ("jit", "enable_hashjoin", "enable_mergejoin", "enable_seqscan")),
    f"idle_in_transaction_session_timeout = {STANDSTILL_MS}",
)
READ_ONLY = "begin isolation level repeatable read, read only"
WRITE = "begin"


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that keeps its settings, and saves a round trip a transaction, when it
    goes back to the pool.

    Behind a pooler (PgBouncer) every transaction may meet another session of the server, and
    a session is shared with other clients: `pooled` connections set everything anew, within
    the transaction.
    """

    address: Address
    identity: Identity | None = None
    pooled = False

    def get_reset_query(self) -> str:
        return ""

    async def prepare_session(self, pooled: bool, cache_size: int | None) -> None:
        """Make the settings that hold for the whole session. `cache_size` is how many
        statements stay prepared; None: none behind a pooler, as many as there are otherwise.
        """
        self.pooled = pooled
        size = (0 if pooled else CACHE_SIZE) if cache_size is None else cache_size
        self._stmt_cache.set_max_size(size)
        self._stmt_cache_enabled = size > 0
        if not pooled:
            await self.execute("; ".join(f"set {setting}" for setting in SETTINGS))

    async def begin(self, *, writing: bool) -> None:
        """Begin a transaction, with its settings in the same round trip."""
        statements = [WRITE if writing else READ_ONLY]
        if self.pooled:
            statements += [f"set local {setting}" for setting in SETTINGS]
        await self.execute("; ".join(statements))


class CommandLimit:
    """Gives up a connection on which a command has no answer after so many seconds:
    `with limit:` around each. `expired` tells that it did. Without `seconds` it waits.

    asyncpg's own time-out would ask the server to cancel the command, over another
    connection to the same host, and wait for that; a host that vanished answers neither.
    """

    __slots__ = ("_connection", "_timer", "expired", "seconds")

    def __init__(self, connection: Any, seconds: float | None) -> None:
        self._connection, self.seconds = connection, seconds
        self._timer: asyncio.TimerHandle | None = None
        self.expired = False

    def __enter__(self) -> Self:
        if self.seconds is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.seconds, self._expire)
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self.expired = True
        self._connection.terminate()


def notice_a_vanished_host(connection: Any, command_seconds: float) -> None:
    """Let the kernel end a connection whose host is gone: what it was sent stays without
    acknowledgement, or it answers no probe while nothing is sent.
    """
    transport = connection._transport  # noqa: SLF001 - asyncpg gives no other way to its socket
    link: Any = transport.get_extra_info("socket")
    if link is None or link.family == socket.AF_UNIX:
        return
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": max(1, round(command_seconds)),
        "TCP_KEEPINTVL": PROBE_SECONDS,
        "TCP_KEEPCNT": PROBES,
        "TCP_USER_TIMEOUT": round(command_seconds * 1000),
    }
    for name, value in options.items():
        if (option := getattr(socket, name, None)) is not None:  # not every system has each
            link.setsockopt(socket.IPPROTO_TCP, option, value)
