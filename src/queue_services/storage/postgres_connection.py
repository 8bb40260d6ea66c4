"""How a connection to PostgreSQL is made, and how one is given up that does not answer.

Used by `storage.postgres` alone: every connection it has comes from `connect`.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Self

import asyncpg

STANDSTILL_MS = 5_000
"""How long a process that stands still (SIGSTOP, a paused machine) in the middle of a
transaction keeps its locks: without an end, all others would wait.
"""
PROBE_SECONDS = 2
PROBES = 3


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that keeps its settings, and saves a round trip a transaction, when it
    goes back to the pool.
    """

    def get_reset_query(self) -> str:
        return ""


async def connect(*args: Any, command_seconds: float, **options: Any) -> Any:
    """A connection with every setting of the session, within `options["timeout"]` seconds;
    none is left behind where that fails. Raises what asyncpg raises.
    """
    async with asyncio.timeout(options["timeout"]):
        connection = await asyncpg.connect(*args, **options)
        try:
            _notice_a_vanished_host(connection, command_seconds)
            await _prepare(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection


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


def _notice_a_vanished_host(connection: Any, command_seconds: float) -> None:
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


async def _prepare(connection: Any) -> None:
    """Every statement finds its rows by an index: a plan made while a table was small, or
    its statistics were old, must not read all of it later.
    """
    for setting in ("jit", "enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
        await connection.execute(f"set {setting} = off")
    await connection.execute(f"set idle_in_transaction_session_timeout = {STANDSTILL_MS}")
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=str, decoder=str, format="text"
    )
