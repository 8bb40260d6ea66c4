"""One connection: it writes a request in the step in which it is asked to, and hears the
answer.

Bytes that nobody asked for, before a request or behind its answer, end the connection: they
would be taken for the answer to the next request.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import structlog

from queue_services.delivery.http1.answer import Failure, Outcome, Response, Stage
from queue_services.delivery.http1.reader import AnswerReader, Malformed
from queue_services.delivery.http1.target import Origin, Request

log = structlog.get_logger(__name__)


class Owner(Protocol):
    """Who is told what becomes of a connection."""

    def release(self, connection: Connection) -> None:
        """It has answered, and can carry another request."""
        ...

    def gone(self, connection: Connection) -> None:
        """It is closed."""
        ...


class Asker(Protocol):
    """Whose request a connection carries."""

    def finished(self, outcome: Outcome) -> None:
        """The outcome of the request; called once."""
        ...


class Connection(asyncio.Protocol):
    """A connection to `origin`, on which at most `body_bytes` of an answer's body are read.
    `fresh` says that it is open and nothing came unasked.
    """

    def __init__(self, origin: Origin, owner: Owner, body_bytes: int) -> None:
        self.origin, self._owner = origin, owner
        self.fresh = False
        self.idle_since = 0.0
        self._asker: Asker | None = None
        self._reader = AnswerReader(body_bytes)
        self._transport: asyncio.Transport

    def write(self, request: Request, asker: Asker) -> None:
        """Write a request, in this step; its asker is told what it comes to."""
        self._asker = asker
        self._reader.begin(head_only=request.head_only)
        self._transport.write(request.content)

    def close(self) -> None:
        """End the connection now; whoever asked is not told."""
        self.fresh = False
        self._asker = None
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.fresh = True

    def data_received(self, data: bytes) -> None:
        if self._asker is None:
            log.debug("http1.unasked_bytes", host=self.origin.host, count=len(data))
            self.close()
            return
        try:
            response = self._reader.feed(data)
        except Malformed as fault:
            self._fail(str(fault))
        else:
            if response is not None:
                self._answered(response)

    def eof_received(self) -> None:
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(exc)
        self._owner.gone(self)

    def _answered(self, response: Response) -> None:
        """Give the connection back before the asker is told, who may have more to send."""
        asker, self._asker = self._asker, None
        # an answer that came before the whole request was written leaves bytes behind
        if self._reader.reusable and self.fresh and not self._transport.get_write_buffer_size():
            self._owner.release(self)
        else:
            self.close()
        if asker is not None:
            asker.finished(response)

    def _ended(self, error: Exception | None) -> None:
        """The server closed, which ends a body whose length it did not tell."""
        self.fresh = False
        if self._asker is None:
            return
        if error is not None:
            self._fail(f"{type(error).__name__}: {error}")
        elif response := self._reader.end():
            self._answered(response)
        else:
            self._fail("The server closed the connection before the end of its answer.")

    def _fail(self, reason: str) -> None:
        asker = self._asker
        self.close()
        if asker is not None:
            asker.finished(Failure(Stage.SENT, reason))
