"""uvicorn on our loop: how a process begins to listen, and how it leaves without failing a request.

Called by `bootstrap`, which has the signals. Leaving goes in this order: /health/ready says
503 and each answer is its connection's last; after the time that a load balancer needs, no
new connection is begun; those that are kept open get a moment to be used once more; then
what is left is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from queue_services.api.connections import Connection, Crowd
from queue_services.api.routes_health import LEAVING

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75

HANDSHAKE_SECONDS = 0.25
"""How long a connection that is being opened while the process stops listening has until it
is accepted.
"""

LAST_CALL_SECONDS = 1
"""How long connections that are kept open may be used once more, before they are closed."""

_SO_ATTACH_FILTER = 26
# In classic BPF: load the TCP flags; drop the packet where SYN is among them, else take it whole.
_NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


class Server(uvicorn.Server):
    """Serves an application on bound sockets. `serve` runs until `leave` was called."""

    def __init__(
        self, app: ASGIApp, *, most_connections: int, shutdown_seconds: float, drain_seconds: float
    ) -> None:
        self._crowd = Crowd(most_connections)
        self._drain_seconds = drain_seconds
        self._up = asyncio.Event()
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=cast("Any", functools.partial(Connection, self._crowd)),
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, round(shutdown_seconds)),
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `bootstrap`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, and say so."""
        await super().startup(sockets)
        self._up.set()

    async def listening(self) -> None:
        """Return when connections are accepted."""
        await self._up.wait()

    async def leave(self, end_streams: Callable[[], None]) -> None:
        """Stop serving, in an order in which no client is failed; `end_streams` ends the
        answers that would go on for ever.
        """
        self.lifespan.state[LEAVING] = True
        self._crowd.leaving = True
        for connection in self._connections():
            connection.last_answer()
        await asyncio.sleep(self._drain_seconds)
        for server in self.servers:
            for listener in server.sockets:
                begin_no_more(listener.fileno())
        await asyncio.sleep(HANDSHAKE_SECONDS)
        for server in self.servers:
            server.close()
        end_streams()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_CALL_SECONDS):
                while self.server_state.connections:
                    await asyncio.sleep(0.01)
        self.should_exit = True

    def _connections(self) -> list[Connection]:
        return [
            connection
            for connection in self.server_state.connections
            if isinstance(connection, Connection)
        ]


@contextlib.contextmanager
def listening(host: str, port: int, *, shared: bool) -> Iterator[socket.socket]:
    """A bound socket; bound before anything else is opened, so that a taken port is told at
    once. Raises OSError.

    `shared`: other processes may listen on the same address, each getting its part of the
    connections; this one gets none before it can serve them.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        if not shared:
            listener.listen(BACKLOG)
        listener.setblocking(False)
        yield listener
    finally:
        listener.close()


def begin_no_more(descriptor: int) -> None:
    """Let a listening socket begin no connection, and finish those it has begun.

    A socket that is closed resets the connections it has not accepted yet. With this they
    are all accepted first; who wants to connect meanwhile asks again within a second, as
    TCP does, and is then answered by another process that shares the address. Linux alone;
    elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    with socket.socket(fileno=socket.dup(descriptor)) as listener:
        listener.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HL", len(_NO_SYN), ctypes.addressof(code)),
        )
