"""Answers read from bytes: however they are cut, whatever they are, within bounds."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.delivery.http1.answer import Response
from queue_services.delivery.http1.reader import (
    HEAD_BYTES,
    WIRE_BYTES,
    AnswerReader,
    Malformed,
)

from .odd_servers import CASES

LARGEST = 4096
MOST = LARGEST * WIRE_BYTES + HEAD_BYTES

statuses = st.integers(200, 599).filter(lambda status: status not in {204, 304})
cuts = st.lists(st.integers(0, 500), max_size=12)


def read(pieces: list[bytes]) -> Response | str | None:
    """The answer, why it is none, or None where more is awaited."""
    reader = AnswerReader(LARGEST)
    reader.begin()
    try:
        for piece in pieces:
            if response := reader.feed(piece):
                return response
        return reader.end()
    except Malformed as fault:
        return str(fault)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(bounds) if a < b]


def chunked(body: bytes, sizes: list[int]) -> bytes:
    pieces = cut(body, sizes)
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def within_bounds(outcome: Response | str | None) -> bool:
    """Whether it is an answer within bounds, or a reason of one line, or nothing yet."""
    if isinstance(outcome, Response):
        return len(outcome.body) <= LARGEST and 0 <= outcome.status <= 999
    return outcome is None or (outcome != "" and outcome.isprintable())


@given(statuses, st.binary(max_size=500), st.sampled_from(["length", "chunks", "end"]), cuts, cuts)
def test_an_answer_is_the_same_however_it_is_cut(
    status: int, body: bytes, framing: str, sizes: list[int], places: list[int]
) -> None:
    framed = {
        "length": b"Content-Length: %d\r\n\r\n%b" % (len(body), body),
        "chunks": b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, sizes),
        "end": b"\r\n" + body,
    }[framing]
    hint = b"HTTP/1.1 103 Hints\r\nretry-after: 1\r\n\r\n"
    head = b"HTTP/1.1 %d x\r\nContent-Type: text/plain\r\nRetry-After: 7\r\n" % status
    expected = Response(status, body, "text/plain", "7", whole=True)
    assert read(cut(hint + head + framed, places)) == expected


@given(st.binary(max_size=2000), cuts)
def test_whatever_comes_is_an_answer_or_none(data: bytes, places: list[int]) -> None:
    head = b"HTTP/1.1 200 OK\r\n"
    for start in (b"", head, head + b"transfer-encoding: chunked\r\n\r\n"):
        assert within_bounds(read(cut(start + data, places)))


@given(
    st.sampled_from([b"".join(case.pieces)[:3000] for case in CASES]),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=4)), max_size=4),
    cuts,
)
def test_a_spoiled_answer_is_an_answer_or_none(
    data: bytes, spoils: list[tuple[int, bytes]], places: list[int]
) -> None:
    for place, spoil in spoils:
        start = place % (len(data) + 1)
        data = data[:start] + spoil + data[start + len(spoil) :]
    assert within_bounds(read(cut(data, places)))


ENDLESS = {
    "blank lines": (b"", b"\r\n"),
    "hints": (b"", b"HTTP/1.1 103 x\r\n\r\n"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
    "one header": (b"HTTP/1.1 200 OK\r\nx: ", b"y" * 100),
    "one name": (b"HTTP/1.1 200 OK\r\n", b"y" * 100),
    "a folded header": (b"HTTP/1.1 200 OK\r\nx: y\r\n", b" z\r\n"),
    "a reason": (b"HTTP/1.1 200 ", b"y" * 100),
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 100),
    "a length": (b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n", b"y" * 100),
    "chunks of a byte": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\ny\r\n"),
    "an extension": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;a=", b"b" * 100),
    "trailers": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n"),
    "one trailer": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", b"y" * 100),
    "a size": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"0" * 100),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_no_answer_without_end_is_read_without_end(name: str) -> None:
    start, more = ENDLESS[name]
    most = MOST if start.endswith(b"\r\n\r\n") or b"chunked" in start else HEAD_BYTES
    reader, fed = AnswerReader(LARGEST), len(start)
    reader.begin()
    ended = reader.feed(start) is not None
    while not ended and fed < 2 * MOST:
        fed += len(more)
        try:
            ended = reader.feed(more) is not None
        except Malformed:
            ended = True
    assert ended
    assert fed <= most + len(more)


@pytest.mark.parametrize("framing", [b"content-length: 9", b"transfer-encoding: chunked", b"x: y"])
def test_the_answer_to_a_head_ends_with_its_head(framing: bytes) -> None:
    reader = AnswerReader(LARGEST)
    reader.begin(head_only=True)
    assert reader.feed(b"HTTP/1.1 405 No\r\n") is None
    response = reader.feed(framing + b"\r\n\r\n")
    assert (response, reader.reusable) == (Response(405, b"", "", None, whole=True), False)


def test_as_much_of_a_body_is_kept_as_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
    whole, longer = read([head % LARGEST + b"x" * LARGEST]), read([head % 9999 + b"x" * 9999])
    assert whole == Response(200, b"x" * LARGEST, "", None, whole=True)
    assert longer == Response(200, b"x" * LARGEST, "", None, whole=False)
