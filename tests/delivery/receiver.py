"""A receiver on a free loopback port whose answers are raw bytes, so that a test decides
every one of them and sees every byte that came.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec

OK = b'{"success":true}'
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(
    serve: Serve, context: ssl.SSLContext | None = None, sock: socket.socket | None = None
) -> AsyncIterator[int]:
    """Serve every connection to the port that this yields; at the end, wait until all have
    been served. `sock` is a bound one to listen on instead.
    """
    serving: set[asyncio.Future[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done = asyncio.get_running_loop().create_future()
        serving.add(done)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await serve(reader, writer)
        finally:
            writer.close()
            done.set_result(None)

    where = {"host": "127.0.0.1", "port": 0} if sock is None else {"sock": sock}
    server = await asyncio.start_server(accepted, ssl=context, **where)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*serving)


@dataclass
class Request:
    """One request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


Respond = Callable[[asyncio.StreamWriter, Request], Awaitable[None]]


@dataclass
class Receiver:
    """Accepts connections, keeps each request, and lets `respond` write whatever it likes."""

    respond: Respond
    requests: list[Request] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    host: str = "127.0.0.1"
    port: int = 0
    open: int = 0
    bytes_came: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls, respond: Respond | None = None, sock: socket.socket | None = None
    ) -> AsyncIterator[Self]:
        receiver = cls(respond or answering(200, OK))
        if sock is not None:
            receiver.host = sock.getsockname()[0]
        async with listening(receiver._serve, sock=sock) as receiver.port:
            yield receiver
            for writer in receiver.writers:
                writer.close()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something happened here that makes `reached` true."""
        async with asyncio.timeout(10):
            while not reached():
                self._changed.clear()
                await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.writers)
        self.writers.append(writer)
        self._change(1)
        try:
            while first := await reader.read(1):
                self.bytes_came += 1
                request = await _read(first, reader, number)
                self.requests.append(request)
                self._change(0)
                await self.respond(writer, request)
        finally:
            self._change(-1)

    def _change(self, opened: int) -> None:
        self.open += opened
        self._changed.set()


async def _read(first: bytes, reader: asyncio.StreamReader, connection: int) -> Request:
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
    request_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    assert len({name.lower() for name, _ in pairs}) == len(pairs), f"a header came twice: {head}"
    headers = {name.lower(): value for name, value in pairs}
    method, target, version = request_line.split(" ")
    assert version == "HTTP/1.1"
    assert (method == "POST") == ("content-length" in headers)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body, connection)


def response(status: int, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of an answer; `retry_after="1"` becomes the header `retry-after: 1`."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} x\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


def answering(status: int, body: bytes = b"", **headers: str) -> Respond:
    return writing(response(status, body, **headers))


def writing(*pieces: bytes, close: bool = False) -> Respond:
    """Write the bytes, then keep the connection, or close it."""

    async def respond(writer: asyncio.StreamWriter, request: Request) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if close:
            writer.close()

    return respond
