"""Reads a request's body within bounds of size, time and memory, after its type has been
found to be one that the call reads.

Used by the API's calls and the dashboard's forms before a handler runs. Does not look into
the body.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from queue_services.errors import TooLarge, UnsupportedMediaType

JSON = "application/json"
NDJSON = "application/x-ndjson"
FORM = "application/x-www-form-urlencoded"

MIB = 1024 * 1024

UNREAD = "queue_services.unread"
"""In a request's scope: whether some of its body may still come. Receiving more than there
is would wait for the client to hang up.
"""

ARRIVED = "queue_services.body_arrived"
"""In a request's scope where the server holds the whole body already: it is not waited for,
and a timer would take a tenth of the request's time.
"""


@dataclass(frozen=True, slots=True)
class Reads:
    """What a call reads: at most `limit` bytes, of one of `media_types`, that arrive within
    `seconds`; `optional` where an empty body is none.
    """

    limit: int = 1024 * 1024
    media_types: tuple[str, ...] = (JSON,)
    seconds: float = 30
    optional: bool = False


SINGLE = Reads(limit=2 * 1024 * 1024)
BATCH = Reads(limit=32 * 1024 * 1024, media_types=(JSON, NDJSON), seconds=120)
OTHER = Reads()
NONE = Reads(optional=True)


UNCOUNTED = 64 * 1024
"""Bytes of each body that are not counted: single messages are served while large bodies
have all the memory there is.
"""

RETRY_SECONDS = 2


class Memory:
    """What the bodies of all requests that are served at once may hold together: `most` bytes."""

    def __init__(self, most: int = 256 * MIB) -> None:
        self.most, self.held = most, 0

    @contextlib.contextmanager
    def share(self) -> Iterator[Share]:
        """The part of one request, given back when it is served."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.held


class Share:
    """What one body holds of the memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self.held = memory, 0

    def cover(self, size: int) -> None:
        """Hold what a body of `size` bytes takes. Raises HTTPException 503 where there is no
        room for it now.
        """
        more = size - UNCOUNTED - self.held
        if more <= 0:
            return
        if self._memory.held + more > self._memory.most:
            raise HTTPException(
                503,
                f"Too many large bodies arrive at once; try again in {RETRY_SECONDS} s.",
                {"retry-after": str(RETRY_SECONDS), "connection": "close"},
            )
        self.held += more
        self._memory.held += more


async def read(request: Request, reads: Reads, share: Share) -> tuple[bytes, str]:
    """The body and its media type. Raises UnsupportedMediaType, TooLarge, and what
    `Share.cover` does; before the body arrives where its length is told.
    """
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    content_type, encoding, length = (
        headers.get(name, b"").decode("latin-1")
        for name in (b"content-type", b"content-encoding", b"content-length")
    )
    request.scope[UNREAD] = length != "0" and (bool(length) or b"transfer-encoding" in headers)
    if encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            "Content-Encoding", encoding, "send the body as it is, without this header"
        )
    if length.isdecimal() and int(length[:20]) > reads.limit:
        raise TooLarge(reads.limit)
    if reads.optional and not request.scope[UNREAD]:
        return b"", JSON
    media_type = media_type_of(content_type)
    if media_type not in reads.media_types:
        raise UnsupportedMediaType(
            "Content-Type", content_type, f"send {' or '.join(reads.media_types)}"
        )
    if length.isdecimal():
        share.cover(int(length))
    if ARRIVED in request.scope:
        return await _receive(request, reads.limit, share), media_type
    try:
        async with asyncio.timeout(reads.seconds):
            return await _receive(request, reads.limit, share), media_type
    except TimeoutError:
        request.scope[UNREAD] = False
        raise HTTPException(
            408, f"The body did not arrive within {reads.seconds:g} s.", {"connection": "close"}
        ) from None


@functools.lru_cache(256)
def media_type_of(header: str) -> str:
    """The type and subtype of a Content-Type (RFC 9110, 8.3) in lower case; empty where it
    names a charset other than UTF-8.
    """
    media_type, *parameters = (part.strip().lower() for part in header.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            return ""
    return media_type


async def _receive(request: Request, limit: int, share: Share) -> bytes:
    chunks: list[bytes] = []
    try:
        return await _receive_into(chunks, request, limit, share)
    finally:
        # a refusal's traceback would keep them for as long as the rest of the body is let
        # pass
        chunks.clear()


async def _receive_into(chunks: list[bytes], request: Request, limit: int, share: Share) -> bytes:
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            request.scope[UNREAD] = False
            raise ClientDisconnect
        more = request.scope[UNREAD] = message.get("more_body", False)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge(limit)
        share.cover(size)
        chunks.append(chunk)
        if not more:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
