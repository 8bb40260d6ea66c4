"""Reads a form: its body within the bounds of all bodies, its token before anything else in it,
its members without a long step on the event loop. Called by `visits`.
"""

from __future__ import annotations

import asyncio
from urllib.parse import unquote_to_bytes

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import ClientDisconnect, Request

from queue_services.errors import Fault, InvalidRequest
from queue_services.web import bodies

SMALL = bodies.Reads(limit=16 * 1024, media_types=(bodies.FORM,))
LARGE = bodies.Reads(limit=3 * 1024 * 1024, media_types=(bodies.FORM,))
"""For an email: percent-encoding triples what is no letter or digit."""

MOST_FIELDS = 2_000
SLICE = 32 * 1024
"""Bytes that are decoded in one step; a step of 3 MiB takes half a second."""

TOKEN = "token"  # noqa: S105 - the name of a field


async def read(request: Request, reads: bodies.Reads, share: bodies.Share) -> bytes:
    """The body of a form. Raises what `bodies.read` does, and InvalidRequest where the client
    left before its end.
    """
    try:
        content, _ = await bodies.read(request, reads, share)
    except ClientDisconnect:
        raise InvalidRequest(Fault("form", "ended before it was complete")) from None
    return content


def token_of(content: bytes) -> str:
    """The token that a form brings along, without a look at its other members; empty where
    there is none.
    """
    name = f"{TOKEN}=".encode()
    start = 0 if content.startswith(name) else content.find(b"&" + name) + 1
    if not content.startswith(name, start):
        return ""
    end = content.find(b"&", start)
    value = content[start + len(name) : len(content) if end < 0 else end]
    return unquote_to_bytes(value).decode("utf-8", "replace") if len(value) <= 1024 else ""


async def members(content: bytes) -> ImmutableMultiDict[str, str]:
    """The members of a form (URL Standard, 5.1). Raises InvalidRequest."""
    fields = content.split(b"&", MOST_FIELDS)
    if len(fields) > MOST_FIELDS:
        raise InvalidRequest(Fault("form", f"has more than {MOST_FIELDS:,} fields"))
    found = []
    for field in filter(None, fields):
        name, _, value = field.partition(b"=")
        found.append((await _decoded(name), await _decoded(value)))
    return ImmutableMultiDict(found)


async def _decoded(encoded: bytes) -> str:
    """The text of a name or value. Raises InvalidRequest where it is none."""
    parts, start = [], 0
    encoded = encoded.replace(b"+", b" ")
    while start < len(encoded):
        end = start + SLICE
        cut = encoded.rfind(b"%", end - 2, end)  # an escape is not cut in two
        end = cut if cut > start else end
        parts.append(unquote_to_bytes(encoded[start:end]))
        start = end
        if start < len(encoded):
            await asyncio.sleep(0)
    try:
        text = b"".join(parts).decode()
    except UnicodeDecodeError:
        raise InvalidRequest(Fault("form", "cannot be read: it is not UTF-8 text")) from None
    if "\0" in text:
        raise InvalidRequest(Fault("form", "holds a NUL character"))
    return text
