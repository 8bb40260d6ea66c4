"""What slow, endless, silent and too many clients are answered, at real sockets, with the
bounds made short.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from queue_services.api import connections
from queue_services.api import server as api_server
from queue_services.api.server import Server, listening

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
POST = b"POST /read HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\nok"
LARGE = "x" * 20_000_000

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer_ok(scope: Scope, receive: Receive, send: Send) -> None:
    """An application: every path is answered, and no body is read."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": f"{(await receive())['type']}.complete"})
    elif scope["path"] == "/read":
        await PlainTextResponse(await Request(scope, receive).body())(scope, receive, send)
    else:
        if scope["path"] == "/wait":
            await asyncio.get_running_loop().create_future()
        await PlainTextResponse(LARGE if scope["path"] == "/large" else "ok")(scope, receive, send)


class Listening:
    """A server in process."""

    def __init__(self, port: int, clients: contextlib.AsyncExitStack) -> None:
        self._port, self._clients = port, clients

    async def connect(self, sent: bytes = b"") -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**16)
        self._clients.callback(writer.close)
        writer.write(sent)
        return reader, writer

    async def answer(self, sent: bytes) -> bytes:
        """All that comes until the server closes."""
        reader, _ = await self.connect(sent)
        return await all_of(reader)


async def all_of(reader: asyncio.StreamReader) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(10):
            while some := await reader.read(2**16):
                received += some
    return received


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listening]:
    """Serves three connections at once, each head and each unread answer for a fifth of a
    second; a new one is never safe, and nobody comes while it leaves.
    """
    for name, value in {"HEAD_SECONDS": 0.2, "UNREAD_SECONDS": 0.2, "FAIR_SECONDS": 0}.items():
        monkeypatch.setattr(connections, name, value)
    monkeypatch.setattr(api_server, "HANDSHAKE_SECONDS", 0)
    server = Server(answer_ok, most_connections=3, shutdown_seconds=1, drain_seconds=0)
    with listening("127.0.0.1", 0, shared=False) as listener:
        running = asyncio.create_task(server.serve([listener]))
        await server.listening()
        async with contextlib.AsyncExitStack() as clients:
            yield Listening(listener.getsockname()[1], clients)
        await server.leave(end_streams=lambda: None)
        await running


@pytest.mark.parametrize("sent", [b"G", GET[:-2], GET + b"GET /"])
async def test_a_head_that_does_not_end_in_time_is_408(server: Listening, sent: bytes) -> None:
    answer = await server.answer(sent)
    assert b"HTTP/1.1 408" in answer
    assert b"application/problem+json" in answer
    assert (b"HTTP/1.1 200" in answer) == sent.startswith(GET)


async def test_a_connection_that_says_nothing_is_closed(server: Listening) -> None:
    assert await server.answer(b"") == b""


async def test_a_body_that_comes_on_after_its_answer_is_not_waited_for(server: Listening) -> None:
    answer = await server.answer(
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\nx"
    )
    assert answer.count(b"HTTP/1.1") == answer.count(b"HTTP/1.1 200") == 1


async def test_an_answer_that_nobody_reads_is_dropped(server: Listening) -> None:
    greedy = [await server.connect(GET.replace(b"/", b"/large", 1)) for _ in range(3)]
    while (
        await server.answer(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    ).startswith(b"HTTP/1.1 503"):
        pass
    assert len(await all_of(greedy[0][0])) < len(LARGE)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"no HTTP at all\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: a\x00b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: a\nb\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n", 431),
    ],
)
async def test_what_is_no_request_or_has_no_end_is_a_problem_and_the_end_of_the_connection(
    server: Listening, sent: bytes, status: int
) -> None:
    answer = await server.answer(sent)
    assert answer.startswith(b"HTTP/1.1 %d" % status)
    assert b"application/problem+json" in answer
    assert b"connection: close" in answer


async def test_requests_that_do_not_wait_for_answers_are_bounded_and_those_before_are_answered(
    server: Listening,
) -> None:
    answer = await server.answer(GET * 100)
    assert 1 <= answer.count(b"HTTP/1.1 200") <= connections.MOST_PIPELINED + 1


async def test_more_clients_than_are_served_are_told_503_and_health_still_answers(
    server: Listening,
) -> None:
    for _ in range(3):
        await server.connect(GET.replace(b"/", b"/wait", 1))
    refused = await server.answer(GET)
    assert refused.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in refused
    assert (await server.answer(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")).startswith(
        b"HTTP/1.1 200"
    )


async def test_the_connection_that_is_idle_longest_makes_room_for_a_new_request(
    server: Listening,
) -> None:
    idle = [await server.connect(GET) for _ in range(3)]
    for reader, _ in idle:
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    idle[0][1].write(POST)
    assert (await idle[0][0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    reader, _ = await server.connect(POST)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    assert await all_of(idle[1][0]) == b""
    for kept in (idle[0], idle[2]):
        kept[1].write(POST)
        assert (await kept[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")


async def test_a_body_that_does_not_come_makes_room_for_a_new_request(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = [await server.connect(POST[:-1]) for _ in range(3)]
    assert (await server.answer(POST)).startswith(b"HTTP/1.1 503")
    monkeypatch.setattr(connections, "SENDING_SECONDS", 0)
    reader, _ = await server.connect(POST)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    assert await all_of(stuck[0][0]) == b""
    stuck[1][1].write(b"k")
    assert (await stuck[1][0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")


async def test_a_whole_request_goes_before_connections_that_have_not_asked(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HEAD_SECONDS": 60, "FAIR_SECONDS": 60, "ASKED_FAIR_SECONDS": 0}.items():
        monkeypatch.setattr(connections, name, value)
    halves = [await server.connect(GET[:-2]) for _ in range(3)]
    reader, _ = await server.connect(POST)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    assert await all_of(halves[0][0]) == b""


async def test_the_oldest_client_that_has_said_nothing_makes_room(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 60)
    silent = [await server.connect() for _ in range(3)]
    reader, _ = await server.connect(GET)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    assert await all_of(silent[0][0]) == b""
