"""The connections of one client: kept open by origin, at most so many in all, and handed to
the requests that wait for one in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from queue_services.delivery.http1.answer import Failure
from queue_services.delivery.http1.connection import Connection, Owner
from queue_services.delivery.http1.dialler import NoConnection
from queue_services.delivery.http1.target import Origin

# Node and uvicorn close after 5 s; whoever closes later finds its request on a dead
# connection
KEEPALIVE_SECONDS = 4.0
SWEEP_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Waiter(Protocol):
    """A request without a connection."""

    @property
    def origin(self) -> Origin: ...

    def connected(self, connection: Connection) -> None:
        """The connection is the request's own until it is released."""
        ...

    def refused(self, failure: Failure) -> None:
        """None could be opened."""
        ...


class Pool:
    """Connections that `dial` opens, at most `limit` at once, idle ones included.

    A connection that is opened is nobody's own: it goes to the first request that waits for
    its origin. So does one that has answered, before it is idle.
    """

    def __init__(self, dial: Callable[[Origin, Owner], Awaitable[Connection]], limit: int) -> None:
        self._dial, self._limit = dial, limit
        self._loop = asyncio.get_running_loop()
        self._open: set[Connection] = set()
        self._dials: dict[asyncio.Task[None], Origin] = {}
        self._idle: dict[Origin, list[Connection]] = {}  # the newest is last, and used first
        self._waiting: dict[Origin, dict[Waiter, None]] = {}
        self._dialling: dict[Origin, int] = {}
        self._undialled: dict[Origin, None] = {}  # with more that wait than are being opened
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Event | None = None

    def take(self, origin: Origin) -> Connection | None:
        """An idle connection, if there is one."""
        while idle := self._idle.get(origin):
            connection = idle.pop()
            if not idle:
                del self._idle[origin]
            if not connection.fresh:
                continue
            if connection.idle_since > self._loop.time() - KEEPALIVE_SECONDS:
                return connection
            connection.close()
        return None

    def wait(self, waiter: Waiter) -> None:
        """Hand `waiter` a connection as soon as one is free, and open one where there may be
        more.
        """
        self._waiting.setdefault(waiter.origin, {})[waiter] = None
        self._undialled[waiter.origin] = None
        self._dial_more()

    def forget(self, waiter: Waiter) -> None:
        """Hand it none any more."""
        waiting = self._waiting.get(waiter.origin, {})
        waiting.pop(waiter, None)
        if not waiting:
            self._waiting.pop(waiter.origin, None)

    def release(self, connection: Connection) -> None:
        """A connection that can carry another request."""
        if not connection.fresh:
            return
        if waiter := self._first(connection.origin):
            waiter.connected(connection)
        elif self._any_undialled():
            connection.close()  # another origin's turn
        else:
            connection.idle_since = self._loop.time()
            self._idle.setdefault(connection.origin, []).append(connection)
            if self._sweep_timer is None:
                self._sweep_timer = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def gone(self, connection: Connection) -> None:
        """A connection that is closed."""
        self._open.discard(connection)
        idle = self._idle.get(connection.origin, [])
        if connection in idle:
            idle.remove(connection)
            if not idle:
                del self._idle[connection.origin]
        if self._closed is not None and not self._open:
            self._closed.set()
        self._dial_more()

    async def close(self) -> None:
        """Close every connection, and wait until all are."""
        self._closed = asyncio.Event()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        dials = list(self._dials)
        for dial in dials:
            dial.cancel()
        await asyncio.gather(*dials, return_exceptions=True)
        for connection in list(self._open):
            connection.close()
        if self._open:
            await self._closed.wait()

    def _first(self, origin: Origin) -> Waiter | None:
        """The first that waits for the origin, which it then does no more."""
        waiting = self._waiting.get(origin)
        if waiting is None:
            return None
        waiter = next(iter(waiting))
        self.forget(waiter)
        return waiter

    def _any_undialled(self) -> bool:
        """Whether somebody waits for whom no connection is being opened; then it is whose
        origin is first in `_undialled`.
        """
        while self._undialled:
            origin = next(iter(self._undialled))
            if len(self._waiting.get(origin, ())) > self._dialling.get(origin, 0):
                return True
            del self._undialled[origin]
        return False

    def _dial_more(self) -> None:
        while self._closed is None and self._any_undialled():
            if len(self._open) + len(self._dials) >= self._limit:
                self._close_oldest_idle()  # its place is free when it is gone
                return
            origin = next(iter(self._undialled))
            del self._undialled[origin]
            self._undialled[origin] = None  # behind the other origins
            self._dialling[origin] = self._dialling.get(origin, 0) + 1
            self._dials[self._loop.create_task(self._connect(origin))] = origin

    async def _connect(self, origin: Origin) -> None:
        failure: Failure | None = None
        connection: Connection | None = None
        try:
            connection = await self._dial(origin, self)
        except NoConnection as problem:
            failure = problem.failure
        finally:
            self._dial_ended(origin)
        self._loop.call_soon(self._dial_more)
        if connection is not None:
            self._opened(connection)
        elif failure is not None:
            log.debug("http1.no_connection", host=origin.host, reason=failure.reason)
            if waiter := self._first(origin):
                waiter.refused(failure)

    def _dial_ended(self, origin: Origin) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._dials.pop(task, None)
        self._dialling[origin] -= 1
        if not self._dialling[origin]:
            del self._dialling[origin]

    def _opened(self, connection: Connection) -> None:
        """Count a new connection and hand it on; one that was closed at once, too: its waiter
        counts how often.
        """
        if connection.fresh:
            self._open.add(connection)
            self.release(connection)
        elif waiter := self._first(connection.origin):
            waiter.connected(connection)

    def _close_oldest_idle(self) -> None:
        oldest = min(
            (idle[0] for idle in self._idle.values()),
            key=lambda connection: connection.idle_since,
            default=None,
        )
        if oldest is not None:
            oldest.close()

    def _sweep(self) -> None:
        """Close what was idle for too long."""
        now = self._loop.time()
        for idle in list(self._idle.values()):
            for connection in list(idle):
                if connection.idle_since > now - KEEPALIVE_SECONDS:
                    break
                connection.close()
        self._sweep_timer = (
            self._loop.call_later(SWEEP_SECONDS, self._sweep) if self._idle else None
        )
