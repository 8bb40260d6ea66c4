"""One request from its beginning to its outcome: it finds a connection, is written in the
step in which it is started, and is answered or not.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from queue_services.delivery.http1.answer import Failure, Outcome, Stage
from queue_services.delivery.http1.connection import Connection
from queue_services.delivery.http1.deadlines import Deadlines
from queue_services.delivery.http1.pool import Pool
from queue_services.delivery.http1.target import Request

CONNECTIONS_A_REQUEST = 3


class Listener(Protocol):
    """Who is told what comes of a request, never from within `Client.begin` or
    `Exchange.start`.
    """

    def ready(self) -> None:
        """A connection stands where there was none at the last `start` or `want`."""
        ...

    def finished(self, outcome: Outcome) -> None:
        """The outcome: told once, and last."""
        ...


class Exchange:
    """A request that was begun. It has a connection of its own as soon as one is free; only
    `start` looks whether that still stands, and takes another where it does not.
    """

    __slots__ = (
        "_connection",
        "_deadlines",
        "_listener",
        "_lost",
        "_over",
        "_pool",
        "_request",
        "_started",
        "_wanted",
        "origin",
    )

    def __init__(
        self, request: Request, listener: Listener, pool: Pool, deadlines: Deadlines[Exchange]
    ) -> None:
        self.origin = request.origin
        self._request, self._listener = request, listener
        self._pool, self._deadlines = pool, deadlines
        self._lost = 0
        self._over = self._started = self._wanted = False
        self._connection = pool.take(request.origin)
        if self._connection is None:
            pool.wait(self)

    @property
    def stands(self) -> bool:
        """Whether it has a connection, which may have been closed meanwhile."""
        return self._connection is not None

    def want(self) -> None:
        """Have the listener told when it has a connection."""
        self._wanted = True

    def start(self) -> bool:
        """Write the request, now. False where no connection stands: nothing was written, and
        the listener is told when one does, or that none will.
        """
        connection = self._connection
        if connection is not None and not connection.fresh:
            connection = self._replace()
        if connection is None or self._over:
            self._wanted = True
            return False
        self._started = True
        connection.write(self._request, self)
        self._deadlines.add(self)
        return True

    def abandon(self, *, keep: bool = True) -> None:
        """Tell the listener nothing more. A connection that nothing was written to goes back
        to the pool if `keep`; else it is closed.
        """
        if self._over:
            return
        self._over = True
        connection, self._connection = self._connection, None
        if connection is None:
            self._pool.forget(self)
        elif keep and not self._started:
            self._pool.release(connection)
        else:
            self._deadlines.discard(self)
            connection.close()

    def connected(self, connection: Connection) -> None:
        """The pool's: here is a connection."""
        self._connection = connection
        if self._wanted:
            self._wanted = False
            self._listener.ready()

    def refused(self, failure: Failure) -> None:
        """The pool's: none can be opened."""
        self._end(failure)

    def finished(self, outcome: Outcome) -> None:
        """The connection's: this is what it came to."""
        self._deadlines.discard(self)
        self._end(outcome)

    def expire(self, reason: str) -> None:
        """The deadline's: no answer in time."""
        connection = self._connection
        if connection is not None:
            connection.close()
        self._end(Failure(Stage.TIMED_OUT, reason))

    def _replace(self) -> Connection | None:
        """Another connection for one that the server closed before anything was written."""
        self._lost += 1
        self._connection = None
        if self._lost < CONNECTIONS_A_REQUEST:
            self._connection = self._pool.take(self.origin)
            if self._connection is None:
                self._pool.wait(self)
        else:
            reason = f"The receiver closed {self._lost} connections before the request was sent."
            lost = Failure(Stage.SENT, reason)
            asyncio.get_running_loop().call_soon(self._end, lost)
        return self._connection

    def _end(self, outcome: Outcome) -> None:
        if not self._over:
            self._over = True
            self._connection = None
            self._listener.finished(outcome)
