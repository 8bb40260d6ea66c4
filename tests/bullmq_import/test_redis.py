"""The Redis client: what it writes, what it reads, and what it says of a server that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from queue_services.errors import ConfigurationError, RedisUnavailable
from queue_services.queue.bullmq_import.redis import (
    Address,
    RedisError,
    connected,
    decode,
    encode,
)


def read(stream: bytes) -> Any:
    async def work() -> Any:
        reader = asyncio.StreamReader()
        reader.feed_data(stream)
        reader.feed_eof()
        return await decode(reader)

    return asyncio.run(work())


def test_a_command_is_an_array_of_bulk_strings_counted_in_bytes() -> None:
    assert encode(("SET", "é", 7, b"\x00\r\n")) == (
        b"*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$1\r\n7\r\n$3\r\n\x00\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("stream", "value"),
    [
        (b"+OK\r\n", b"OK"),
        (b":-3\r\n", -3),
        (b"$4\r\na\r\nb\r\n", b"a\r\nb"),
        (b"$0\r\n\r\n", b""),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"*0\r\n", []),
        (b"*3\r\n:1\r\n*1\r\n$1\r\nx\r\n$-1\r\n", [1, [b"x"], None]),
    ],
)
def test_every_kind_of_answer_is_read(stream: bytes, value: Any) -> None:
    assert read(stream) == value


def test_an_error_is_an_answer_that_says_what_the_server_said() -> None:
    answer = read(b"-WRONGTYPE no list\r\n")
    assert isinstance(answer, RedisError)
    assert str(answer) == "WRONGTYPE no list"


@pytest.mark.parametrize("stream", [b"", b"$4\r\nab", b"*2\r\n:1\r\n"])
def test_a_stream_that_ends_within_an_answer_is_no_answer(stream: bytes) -> None:
    with pytest.raises(EOFError):
        read(stream)


def test_another_protocol_is_told() -> None:
    with pytest.raises(ValueError, match="does not speak RESP2"):
        read(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache", Address("cache", 6379, None, False, None, None, 0)),
        ("redis://:s%40me@h:7000/3", Address("h", 7000, None, False, None, "s@me", 3)),
        ("rediss://ada:pw@[::1]/", Address("::1", 6379, None, True, "ada", "pw", 0)),
        (
            "unix:///run/redis.sock?db=2",
            Address("127.0.0.1", 6379, "/run/redis.sock", False, None, None, 2),
        ),
    ],
)
def test_a_url_names_server_login_and_database(url: str, address: Address) -> None:
    assert Address.of(url) == address


@pytest.mark.parametrize("url", ["cache:6379", "http://cache", "redis://h/x", "redis://h:99999"])
def test_what_is_no_url_of_redis_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="redis://USER") as refused:
        Address.of(url)
    assert url not in str(refused.value)


class Server:
    """Answers each connection with what is given, and notes what came."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.came = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in self.answers:
            self.came += await reader.read(4096)
            writer.write(answer)
        writer.close()

    async def url(self, login: str = "") -> AsyncIterator[str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        async with server:
            yield f"redis://{login}127.0.0.1:{server.sockets[0].getsockname()[1]}/4"


async def test_it_logs_in_and_selects_the_database_before_anything_else() -> None:
    server = Server(b"+OK\r\n", b"+OK\r\n", b"+PONG\r\n", b":5\r\n")
    async for url in server.url("ada:secret@"):
        async with connected(url) as redis:
            assert await redis.call("LLEN", "list") == 5
    expected = [("AUTH", "ada", "secret"), ("SELECT", 4), ("PING",), ("LLEN", "list")]
    assert server.came == b"".join(map(encode, expected))


async def test_a_refused_login_is_told_without_the_password() -> None:
    async for url in Server(b"-WRONGPASS invalid password\r\n").url("ada:secret@"):
        with pytest.raises(RedisUnavailable, match="WRONGPASS") as refused:
            async with connected(url):
                pass
        assert "secret" not in str(refused.value)


async def test_a_server_that_hangs_up_is_away() -> None:
    async for url in Server(b"+OK\r\n", b"+PONG\r\n", b"").url():
        async with connected(url) as redis:
            with pytest.raises(RedisUnavailable):
                await redis.call("PING")


async def test_a_server_that_is_not_there_is_away() -> None:
    with pytest.raises(RedisUnavailable, match=r"127\.0\.0\.1:1"):
        async with connected("redis://127.0.0.1:1"):
            pass
