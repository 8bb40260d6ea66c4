"""Takes the body of a batch apart into its messages, a little at a time, so that whoever
reads 32 MiB can let others run in between.

An element comes out as it was sent, for `intake.element` to decode. Until the last one is
out the body may still turn out to be no JSON.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from queue_services.errors import Fault, InvalidRequest, TooLarge
from queue_services.wire import fields

MOST_MESSAGES = 10_000
LARGEST_MESSAGE = 2 * 1024 * 1024

_EXAMINED = 256 * 1024
_SOMETHING = re.compile(rb"\S")
_LONGEST_HEAD = 1000
_HEAD = re.compile(rb'\s*\{\s*"messages"\s*:\s*\[')
_TAIL = re.compile(rb"\]\s*\}\s*\Z")
# A quotation mark in text has a backslash before it, so that text all but never looks like a seam.
_SEAM = re.compile(rb'\}\s*(,)\s*\{\s*"')
_FIRST_WINDOW = 64 * 1024
_decode = msgspec.json.Decoder(list[Raw]).decode


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    messages: Annotated[list[Raw], Meta(description="a list of messages")]


def lines(body: bytes) -> Iterator[bytes]:
    """The lines of an NDJSON body; blank ones do not count, and many of them are an empty
    line. Raises TooLarge after 10,000.
    """
    count = start = 0
    while start < len(body):
        something = _SOMETHING.search(body, start, start + _EXAMINED)
        if something is None:
            start += _EXAMINED
            yield b""
            continue
        if count == MOST_MESSAGES:
            raise TooLarge(MOST_MESSAGES, "messages")
        end = body.find(b"\n", something.start())
        start = len(body) if end < 0 else end + 1
        count += 1
        yield body[something.start() : start].removesuffix(b"\n")


def elements(body: bytes) -> Iterator[bytes]:
    """The elements of `{"messages": [...]}`, and nothing where there is none yet.

    Raises InvalidRequest where the body is something else, TooLarge after 10,000.
    """
    count = 0
    for window in _windows(body):
        if window is None:
            yield b""
            continue
        count += len(window)
        if count > MOST_MESSAGES:
            raise TooLarge(MOST_MESSAGES, "messages")
        yield from map(bytes, window)


def _windows(body: bytes) -> Iterator[list[Raw] | None]:
    """The elements in runs, each short enough to be decoded without holding anybody up;
    None where the search for the end of one goes on.
    """
    head, tail = _HEAD.match(body, 0, _LONGEST_HEAD), _TAIL.search(body, max(0, len(body) - 100))
    if head is None or tail is None:
        yield _whole(body)
        return
    start, end = head.end(), tail.start()
    while start < end:
        start = yield from _window(body, start, end)


def _window(body: bytes, start: int, end: int) -> Generator[list[Raw] | None, None, int]:
    """The elements from `start` to some seam between two of them; returns where the next
    one begins.

    A nested array may hold what looks like one; only at a true seam does what lies before
    it decode as a list.
    """
    searched, reach = start, start + _FIRST_WINDOW
    while reach < end:
        for seam in list(_SEAM.finditer(body, searched, reach))[:-4:-1]:
            if (window := _list(body[start : seam.start(1)])) is not None:
                yield window
                return seam.end(1)
            yield None
        if reach - start > LARGEST_MESSAGE + _EXAMINED:
            raise InvalidRequest(
                Fault("messages", "holds an element that is larger than 2 MiB, or no object")
            )
        yield None
        searched, reach = max(start, reach - 100), reach + _EXAMINED
    window = _list(body[start:end])
    if window is None:
        _whole(body)
        raise InvalidRequest(Fault("messages", "is there twice"))
    yield window
    return end


def _list(elements: bytes) -> list[Raw] | None:
    try:
        return _decode(b"[%b]" % elements)
    except (msgspec.DecodeError, RecursionError):
        return None


def _whole(body: bytes) -> list[Raw]:
    """The elements of a body that is written in an unusual way. Raises InvalidRequest with
    its faults; of a large one only that it has some.
    """
    if len(body) <= _EXAMINED:
        return fields.read(body, _Batch).messages
    raise InvalidRequest(
        Fault(fields.WHOLE, 'is not JSON of the shape {"messages": [...]} and nothing else')
    )
