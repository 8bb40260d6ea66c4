"""The connections that callbacks go out on: pooled, and held at the gate until the
message's slot has come.

Called by `delivery.exchange`. The gate stands inside `TCPConnector.connect`, behind the
pool: there the connection is ours, so it can be closed when the task is cancelled, and
exchanged when the receiver closed it meanwhile. (aiohttp's tracing hooks are called at the
same two moments, but a connection whose hook is cancelled is dropped without being closed,
and the wait would count as connecting.)
"""

from __future__ import annotations

import asyncio
import errno
import functools
import socket
import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.tracing import Trace

from queue_services.delivery.resolver import ThreadResolver
from queue_services.delivery.sender import Gate

# Node and uvicorn close after 5 s; whoever closes later finds its request on a dead
# connection
KEEPALIVE_SECONDS = 4.0
CONNECTIONS_A_SEND = 3
SLOT_GRACE_SECONDS = 0.005  # how long after its slot a request may still start

AddressGuard = Callable[[str], str | None]


class GateError(Exception):
    """Carries what the gate raised past aiohttp, which would rename it."""

    def __init__(self, raised: Exception) -> None:
        self.raised = raised
        super().__init__(repr(raised))


class ClosedBeforeSent(aiohttp.ClientConnectionError):
    """The receiver closed every connection before the request could be written."""


class Passage:
    """One request's way out: it connects, waits at the gate, goes. Its time limit counts
    connecting and answering, each on its own.

    `stands` says whether a connection stands, `dialled` whether any address was tried,
    `address_fault` why one was not.
    """

    def __init__(self, gate: Gate, limit: asyncio.Timeout, seconds: float) -> None:
        self._gate, self._limit, self._seconds = gate, limit, seconds
        self._now = asyncio.get_running_loop().time
        self._opened_at: float | None = None
        self.stands = self.dialled = False
        self.address_fault: str | None = None

    def begin_connecting(self) -> None:
        self.stands = self.dialled = False
        self._limit.reschedule(self._now() + self._seconds)

    async def wait(self) -> None:
        """Wait for the slot, unless it came a moment ago and the connection closed just then."""
        self.stands = True
        if self._opened_at is None or self._now() - self._opened_at > SLOT_GRACE_SECONDS:
            self._limit.reschedule(None)
            try:
                await self._gate()
            except Exception as raised:
                raise GateError(raised) from raised
            self._opened_at = self._now()
        self._limit.reschedule(self._opened_at + self._seconds)


passage: ContextVar[Passage] = ContextVar("passage")
"""The passage of the request that the running task sends; aiohttp hands nothing of ours to
a connector.
"""


class PromptRequest(aiohttp.ClientRequest):
    """A request that is written in the step in which its gate has opened.

    aiohttp leaves the writing to another task before Python 3.12: a round of the event loop
    later, that may be long after the slot.
    """

    def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> Coroutine[Any, Any, None]:
        """Write as much as goes without waiting; what is returned writes the rest."""
        writing = super().write_bytes(writer, conn, content_length)
        try:
            return _rest(writing, writing.send(None))
        except StopIteration:
            return _nothing()


async def _nothing() -> None:
    pass


@types.coroutine
def _resume(begun: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that has taken its first step, as the task that awaits this."""
    while True:
        try:
            value = yield waits_for
        except BaseException as raised:  # noqa: BLE001 - a cancellation, too, is the coroutine's
            step = functools.partial(begun.throw, raised)
        else:
            step = functools.partial(begun.send, value)
        try:
            waits_for = step()
        except StopIteration:
            return


async def _rest(begun: Coroutine[Any, Any, None], waits_for: Any) -> None:
    await _resume(begun, waits_for)


class GatedConnector(aiohttp.TCPConnector):
    """A pool whose connections are handed out only when the request's gate has opened."""

    def __init__(self, *, limit: int, address_guard: AddressGuard | None = None) -> None:
        factory: dict[str, Any] = (
            {"socket_factory": _guarded_sockets(address_guard)} if address_guard else {}
        )
        self._names = ThreadResolver()
        super().__init__(
            limit=limit, keepalive_timeout=KEEPALIVE_SECONDS, resolver=self._names, **factory
        )

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close every connection, and look no name up any more."""
        await super().close(abort_ssl=abort_ssl)
        await self._names.close()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> Connection:
        """A connection on which the request may start now. Raises ClosedBeforeSent, and
        whatever connecting or the gate raise.
        """
        way = passage.get()
        for _ in range(CONNECTIONS_A_SEND):
            way.begin_connecting()
            connection = await super().connect(req, traces, timeout)
            try:
                await way.wait()
            except BaseException:
                connection.close()
                raise
            if _is_fresh(connection):
                return connection
            connection.close()
        raise ClosedBeforeSent(
            f"the receiver closed {CONNECTIONS_A_SEND} connections before the request was sent"
        )


def _is_fresh(connection: Connection) -> bool:
    """Whether nothing came on it: neither its end nor, unasked, bytes that would be taken
    for the answer to this request.
    """
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close


def _guarded_sockets(address_guard: AddressGuard) -> Callable[[AddrInfoType], socket.socket]:
    """A socket factory that asks the guard about each address just before it is dialled."""

    def open_socket(address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = address
        way = passage.get()
        if fault := address_guard(str(where[0])):
            way.address_fault = fault
            raise OSError(errno.EACCES, fault)
        way.dialled = True
        return socket.socket(family, kind, protocol)

    return open_socket
