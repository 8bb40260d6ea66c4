"""Reads a request's body within bounds of size and time, after its type has been found to be one that the call reads.

Used by `calls` before a handler runs. Does not look into the body.
"""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from queue_services.api.problems import UNREAD
from queue_services.errors import TooLarge, UnsupportedMediaType

JSON = "application/json"
NDJSON = "application/x-ndjson"

ARRIVED = "queue_services.body_arrived"
"""In a request's scope where the server holds the whole body already: it is not waited for, and a timer would take a tenth of the request's time."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What a call reads: at most `limit` bytes, of one of `media_types`, that arrive within `seconds`; `optional` where an empty body is none."""

    limit: int = 1024 * 1024
    media_types: tuple[str, ...] = (JSON,)
    seconds: float = 30
    optional: bool = False


SINGLE = Reads(limit=2 * 1024 * 1024)
BATCH = Reads(limit=32 * 1024 * 1024, media_types=(JSON, NDJSON), seconds=120)
OTHER = Reads()
NONE = Reads(optional=True)


async def read(request: Request, reads: Reads) -> tuple[bytes, str]:
    """The body and its media type. Raises UnsupportedMediaType and TooLarge, the latter before the body arrives where its length is told."""
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    content_type, encoding, length = (headers.get(name, b"").decode("latin-1") for name in (b"content-type", b"content-encoding", b"content-length"))
    request.scope[UNREAD] = length != "0" and (bool(length) or b"transfer-encoding" in headers)
    if encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(f"{content_type} in {encoding}", reads.media_types)
    if length.isdecimal() and int(length[:20]) > reads.limit:
        raise TooLarge(reads.limit)
    if reads.optional and not request.scope[UNREAD]:
        return b"", JSON
    media_type = media_type_of(content_type)
    if media_type not in reads.media_types:
        raise UnsupportedMediaType(content_type, reads.media_types)
    if ARRIVED in request.scope:
        return await _receive(request, reads.limit), media_type
    try:
        async with asyncio.timeout(reads.seconds):
            return await _receive(request, reads.limit), media_type
    except TimeoutError:
        request.scope[UNREAD] = False
        raise HTTPException(408, f"The body did not arrive within {reads.seconds:g} s.", {"connection": "close"}) from None


@functools.lru_cache(256)
def media_type_of(header: str) -> str:
    """The type and subtype of a Content-Type (RFC 9110, 8.3) in lower case; empty where it names a charset other than UTF-8."""
    media_type, *parameters = (part.strip().lower() for part in header.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            return ""
    return media_type


async def _receive(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
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
        chunks.append(chunk)
        if not more:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
