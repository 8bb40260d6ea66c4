"""One client's connection, bounded: in time where it is slow, in size where its head is
endless, and in number together with all others.

`server` makes one for each connection. What a request says is not looked into here; bodies
have their own bounds in `bodies`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from queue_services.api.problems import ProblemResponse
from queue_services.web.bodies import ARRIVED, UNREAD

HEAD_SECONDS = 10
"""From a request's first byte, or a connection's start, to the end of its head; and for the
rest of a body that was answered before it came.
"""

UNREAD_SECONDS = 30
"""How long a client may leave an answer unread."""

DISCARD_SECONDS = 0.02
"""Between two reads of a body that was answered before it came: what is dropped must not take
the loop's time from messages. A read is 256 KiB at most.
"""

LARGEST_HEAD = 64 * 1024
MOST_HEADERS = 200
MOST_PIPELINED = 32

FAIR_SECONDS = 1
"""For which a new connection is safe from being closed for a newer one."""

ASKED_FAIR_SECONDS = 0.25
"""The same, from one that has sent a whole head."""

SENDING_SECONDS = 1
"""For which a connection may take over a body before it is closed for a newer one."""

SPARE = 256
"""Connections over the number, each open just long enough to be told so."""

LOG_SECONDS = 60
ALWAYS_ANSWERED = ("/health", "/health/live")

log = structlog.get_logger(__name__)


@dataclass
class Crowd:
    """All connections of a process, of which `most` are served; `leaving`: the process
    ends, and each answer is its connection's last.

    Those that wait for their client are kept with the instant since when, longest first:
    `untried` for a first whole head, `sending` for the rest of a body, `idle` for another
    request. One of them makes room where there are too many.
    """

    most: int
    leaving: bool = False
    untried: dict[Connection, float] = field(default_factory=dict)
    sending: dict[Connection, float] = field(default_factory=dict)
    idle: dict[Connection, float] = field(default_factory=dict)
    open: int = 0
    _logged_at: float = float("-inf")

    def admit(self, connection: Connection, now: float) -> bool:
        """Count one more; False where it is over the number and none makes room."""
        self.open += 1
        admitted = self.open <= self.most or self._make_room(now, FAIR_SECONDS)
        if self.open > self.most + SPARE and self.untried:
            next(iter(self.untried)).drop()
        self.untried[connection] = now
        return admitted

    def asks(self, connection: Connection, now: float, *, over: bool) -> bool:
        """Note that a connection has sent a whole head; whether it is served, where it was
        `over` the number so far.
        """
        self.untried.pop(connection, None)
        self.idle.pop(connection, None)
        served = not over or self.open <= self.most or self._make_room(now, ASKED_FAIR_SECONDS)
        self.sending[connection] = now
        return served

    def has_sent(self, connection: Connection) -> None:
        """Note that a connection has sent a whole request."""
        self.sending.pop(connection, None)

    def rests(self, connection: Connection, now: float) -> None:
        """Note that a connection has its answer, and may ask again."""
        self.idle[connection] = now

    def forget(self, connection: Connection) -> None:
        """Count one less."""
        for waiting in (self.untried, self.sending, self.idle):
            waiting.pop(connection, None)
        self.open -= 1

    def _make_room(self, now: float, fair_seconds: float) -> bool:
        """Close the connection that its client has let wait longest; False where each is safe."""
        if now - self._logged_at > LOG_SECONDS:
            self._logged_at = now
            log.warning("more connections than QUEUE_SERVICES_MAX_CONNECTIONS", most=self.most)
        for waiting, safe_seconds in (
            (self.untried, fair_seconds),
            (self.idle, 0),
            (self.sending, SENDING_SECONDS),
        ):
            for connection, since in waiting.items():
                if now - since < safe_seconds:
                    break
                connection.drop()
                return True
        return False


class Connection(HttpToolsProtocol):
    """uvicorn's, bounded."""

    def __init__(self, crowd: Crowd, **given: Any) -> None:
        super().__init__(**given)
        self._crowd = crowd
        self._counted = False
        self._over = False
        self._in_head = True
        self._in_body = False
        self._head_bytes = 0
        self._fault: tuple[int, str] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the first head."""
        super().connection_made(transport)  # type: ignore[arg-type] # a listening socket's transports are of this kind
        self._counted = True
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._late)
        self._over = not self._crowd.admit(self, self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every clock."""
        self._uncount()
        self._stop_deadline()
        self.resume_writing()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Close without an answer."""
        self._uncount()
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse, and see that what has begun is in time."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self._refuse(
                    431, f"The head of the request is larger than {LARGEST_HEAD // 1024} KiB."
                )
        self._watch()
        if self._in_body and not self.busy and not self.transport.is_closing():
            self.flow.pause_reading()
            self.loop.call_later(DISCARD_SECONDS, self._read_on)

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._in_head, self._in_body, self._head_bytes = True, False, 0
        if len(self.pipeline) >= MOST_PIPELINED:
            self._fail(
                400, f"More than {MOST_PIPELINED} requests were sent before the first was answered."
            )
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; there may be so many."""
        if len(self.headers) >= MOST_HEADERS:
            self._fail(431, f"The request has more than {MOST_HEADERS} headers.")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the request be served, or answered that there are too many."""
        self._in_head, self._in_body = False, True
        if self._counted:
            self._over = not self._crowd.asks(self, self.loop.time(), over=self._over)
        if self._over:
            self.app = self._crowded
        super().on_headers_complete()
        if self._over or self._crowd.leaving:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """End a request."""
        self._in_body = False
        self._crowd.has_sent(self)
        cast("dict[str, Any]", self.scope)[ARRIVED] = True
        super().on_message_complete()
        self._rest()

    def on_response_complete(self) -> None:
        """Give a client that reads no more, or still sends, its last seconds."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._stop_deadline()
            self._deadline = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)
        else:
            self._watch()
            self._rest()

    def timeout_keep_alive_handler(self) -> None:
        """Close what was idle for long; what is unread then is dropped."""
        super().timeout_keep_alive_handler()
        self._stop_deadline()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is answered."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to what is no HTTP, as a problem."""
        status, detail = self._fault or (400, msg)
        self._refuse(status, detail)

    def last_answer(self) -> None:
        """Let the answer that is due, if any, be the connection's last."""
        if self.busy:
            self.cycle.keep_alive = False

    @property
    def busy(self) -> bool:
        """Whether an answer is due."""
        return self.cycle is not None and not self.cycle.response_complete

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def _rest(self) -> None:
        """Be one of those that may ask again, once a request is both answered and complete."""
        if self._counted and not self._in_body and not self.busy:
            self._crowd.rests(self, self.loop.time())

    def _watch(self) -> None:
        """Have a clock where something has begun and nobody else waits for its end: a head, or
        a body that was answered already.
        """
        if self._in_head or (self._in_body and not self.busy):
            if self._deadline is None:
                self._deadline = self.loop.call_later(HEAD_SECONDS, self._late)
        elif self._deadline is not None:
            self._stop_deadline()

    def _late(self) -> None:
        self._deadline = None
        if self.busy:  # the head of a pipelined request; its clock begins when it is its turn
            self._watch()
        elif self._in_head and self._head_bytes:
            self._refuse(408, f"The head of the request did not arrive within {HEAD_SECONDS} s.")
        else:
            self.transport.abort()

    def _fail(self, status: int, detail: str) -> None:
        """End the parse from one of its callbacks: `send_400_response` follows. Raises
        ValueError.
        """
        self._fault = (status, detail)
        raise ValueError(detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer and close; where an answer is due still, that is the last and this is not sent."""
        self._in_head = self._in_body = False
        if self.busy:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        elif not self.transport.is_closing():
            answer = ProblemResponse(status, detail, headers={"connection": "close"})
            headers = [
                b"%b: %b\r\n" % header
                for header in (*self.server_state.default_headers, *answer.raw_headers)
            ]
            self.transport.write(
                b"".join([STATUS_LINE[status], *headers, b"\r\n", bytes(answer.body)])
            )
            self.transport.close()
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    async def _crowded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """In place of the application, for connections over the number."""
        if scope["path"] in ALWAYS_ANSWERED:
            await self.config.loaded_app(scope, receive, send)
            return
        names = {name for name, _ in scope["headers"]}
        scope[UNREAD] = bool(names & {b"content-length", b"transfer-encoding"})
        problem = ProblemResponse(
            503,
            "More clients are connected than are served at once; try again in 1 s.",
            headers={"retry-after": "1"},
        )
        await problem(scope, receive, send)

    def _uncount(self) -> None:
        if self._counted:
            self._counted = False
            self._crowd.forget(self)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
