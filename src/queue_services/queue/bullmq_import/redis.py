"""A client for the few commands that the import needs of Redis: one connection, RESP2,
pipelines.

Used by `reading` and `moving`. https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit

from queue_services.errors import ConfigurationError, Fault, RedisUnavailable

CONNECT_SECONDS = 5
ANSWER_SECONDS = 60
"""A script over 500 jobs takes milliseconds; a server that stands still must not hold the
import for ever."""
_LONGEST_LINE = 1024 * 1024

Part = bytes | str | int
Command = Sequence[Part]


class RedisError(Exception):
    """What the server answered to one command in place of a value."""


class Address(NamedTuple):
    """Where a server is and how to log in; `path` is that of a socket file."""

    host: str
    port: int
    path: str | None
    tls: bool
    username: str | None
    password: str | None
    database: int

    @classmethod
    def of(cls, url: str) -> Self:
        """The address in `redis://[user][:password]@host:port/database`, `rediss://` (TLS) or
        `unix:///path?db=0`. Raises ConfigurationError.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 6379
            unix = parts.scheme == "unix"
            database = (
                parse_qs(parts.query).get("db", ["0"])[0] if unix else parts.path.strip("/") or "0"
            )
            if parts.scheme not in ("redis", "rediss", "unix") or not database.isdecimal():
                raise ValueError  # noqa: TRY301 - each way to be wrong has the one advice
        except ValueError:
            advice = (
                "give redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// for TLS, or unix:///PATH"
            )
            raise ConfigurationError(Fault("--redis", advice)) from None
        return cls(
            host=parts.hostname or "127.0.0.1",
            port=port,
            path=unquote(parts.path) if unix else None,
            tls=parts.scheme == "rediss",
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            database=int(database),
        )

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


class Redis:
    """An open connection. Every call raises RedisUnavailable when the server is away."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def call(self, *command: Part) -> Any:
        """The answer to one command: bytes, int, None, or a list of these. Raises RedisError."""
        answer = (await self.pipeline([command]))[0]
        if isinstance(answer, RedisError):
            raise answer
        return answer

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to several commands in one round trip; a RedisError is an answer, too."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._writer.write(b"".join(map(encode, commands)))
                await self._writer.drain()
                return [await decode(self._reader) for _ in commands]
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            raise RedisUnavailable(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Redis]:
    """A connection to the server at `url`, logged in, on its database.

    Raises ConfigurationError for what is no such URL, RedisUnavailable where the server
    cannot be reached or refuses the login.
    """
    address = Address.of(url)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await _open(address)
    except (OSError, TimeoutError) as error:
        raise RedisUnavailable(f"{address}: {error or 'no answer'}") from error
    redis = Redis(reader, writer)
    try:
        await _log_in(redis, address)
        yield redis
    finally:
        await redis.close()


async def _open(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.path is not None:
        return await asyncio.open_unix_connection(address.path, limit=_LONGEST_LINE)
    tls = ssl.create_default_context() if address.tls else None
    return await asyncio.open_connection(address.host, address.port, ssl=tls, limit=_LONGEST_LINE)


async def _log_in(redis: Redis, address: Address) -> None:
    try:
        if address.password is not None:
            user = [] if address.username is None else [address.username]
            await redis.call("AUTH", *user, address.password)
        if address.database:
            await redis.call("SELECT", address.database)
        await redis.call("PING")
    except RedisError as error:
        raise RedisUnavailable(f"{address}: {error}") from None


def encode(command: Command) -> bytes:
    """A command as the protocol writes it: an array of bulk strings."""
    parts = [
        part if isinstance(part, bytes) else str(part).encode(errors="surrogateescape")
        for part in command
    ]
    written = [b"*%d\r\n" % len(parts)]
    written += [b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]
    return b"".join(written)


async def decode(reader: asyncio.StreamReader) -> Any:
    """The next answer of the stream. Raises EOFError where it ends before, ValueError for
    what is not RESP2.
    """
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2]
    match kind:
        case b"+":
            return rest
        case b"-":
            return RedisError(rest.decode(errors="replace"))
        case b":":
            return int(rest)
        case b"$":
            length = int(rest)
            return None if length < 0 else (await reader.readexactly(length + 2))[:-2]
        case b"*":
            return None if int(rest) < 0 else [await decode(reader) for _ in range(int(rest))]
    raise ValueError(f"the server does not speak RESP2: {line[:40]!r}")
