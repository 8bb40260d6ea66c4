"""Servers that answer oddly, and what a callback to each comes to: the table that
`test_odd_servers` tries.

The expected values are those of the client before this one, aiohttp 3.14, where nothing
else is said; where a case differs from it on purpose, its comment says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from .receiver import Request, Respond, response

OK_BODY = b'{"success":true}'
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Case:
    """What a server writes after a request, in pieces, and whether it then closes.

    `outcome` is the kind and the status of the Answer, `reused` whether the connection
    carries the next request.
    """

    name: str
    pieces: Sequence[bytes]
    close: bool
    outcome: str
    reused: bool

    def respond(self) -> Respond:
        """The odd answer to the job `odd`, an ordinary one to any other."""

        async def respond(writer: asyncio.StreamWriter, request: Request) -> None:
            if request.json["jobId"] != "odd":
                writer.write(response(200, OK_BODY))
                return
            for piece in self.pieces:
                writer.write(piece)
                await writer.drain()
                for _ in range(3):  # the pieces arrive one by one
                    await asyncio.sleep(0)
            if self.close:
                writer.close()

        return respond


def case(outcome: str, reused: str, name: str, *pieces: bytes, close: bool = False) -> Case:
    return Case(name, pieces, close, outcome, reused == "reused")


def kept(name: str, *pieces: bytes) -> Case:
    """Delivered, and the connection is used again."""
    return Case(name, pieces, close=False, outcome="delivered 200", reused=True)


def closed(name: str, *pieces: bytes, close: bool = False) -> Case:
    """Delivered, and the connection is not used again."""
    return Case(name, pieces, close, "delivered 200", reused=False)


def malformed(name: str, *pieces: bytes, close: bool = False) -> Case:
    """No answer: a failed try without a status."""
    return Case(name, pieces, close, "failed", reused=False)


def body(status: bytes, *fields: bytes, text: bytes = b"") -> bytes:
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 " + status + b"\r\n" + lines + b"\r\n" + text


CASES = (
    # heads
    kept("ordinary", response(200, OK_BODY)),
    kept("byte by byte", *(bytes([byte]) for byte in response(200, OK_BODY))),
    kept("no reason phrase", body(b"200", b"content-length: 0")),
    kept("empty reason phrase", body(b"200 ", b"content-length: 0")),
    kept("reason not ascii", body("200 Sürely".encode(), b"content-length: 0")),
    kept("bare line feeds", b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok"),
    kept("blank lines before the head", b"\r\n\r\n" + response(200, OK_BODY)),
    kept("a blank before the colon", body(b"200 OK", b"content-length : 0")),
    kept("a folded header", body(b"200 OK", b"x: a\r\n  b", b"content-length: 0")),
    malformed("a header without a colon", body(b"200 OK", b"nonsense", b"content-length: 0")),
    malformed("a header without a name", body(b"200 OK", b": x", b"content-length: 0")),
    malformed("NUL in a header", body(b"200 OK", b"x: a\0b", b"content-length: 0")),
    kept("bytes outside ascii in a header", body(b"200 OK", b"x: \xff\xe9", b"content-length: 0")),
    kept("a header of 8,000 bytes", body(b"200 OK", b"x: " + b"y" * 8000, b"content-length: 0")),
    malformed(
        "a header of 9,000 bytes", body(b"200 OK", b"x: " + b"y" * 9000, b"content-length: 0")
    ),
    kept("120 headers", body(b"200 OK", *[b"x: y"] * 120, b"content-length: 0")),
    malformed("200 headers", body(b"200 OK", *[b"x: y"] * 200, b"content-length: 0")),
    kept("40 KiB of heads", body(b"200 OK", *[b"x: " + b"y" * 4000] * 10, b"content-length: 0")),
    malformed("a status line of 9,000 bytes", body(b"200 " + b"y" * 9000, b"content-length: 0")),
    # versions and statuses
    closed("HTTP/1.0", b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"),
    kept(
        "HTTP/1.0 kept alive",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
    ),
    malformed("HTTP/1.2", b"HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n"),
    closed("HTTP/2.0", b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n"),
    malformed("HTTP/0.9", b"<html>ok</html>", close=True),
    malformed("HTTP/2 settings frame", b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\xff\xff", close=True),
    malformed("a TLS alert", b"\x15\x03\x01\0\x02\x02\x46", close=True),
    malformed("ICY", b"ICY 200 OK\r\ncontent-length: 0\r\n\r\n", close=True),
    case("failed 0", "reused", "status 000", body(b"000 x", b"content-length: 0")),
    malformed("status 99", body(b"99 x", b"content-length: 0")),
    case("failed 600", "reused", "status 600", body(b"600 x", b"content-length: 0")),
    case("failed 999", "reused", "status 999", body(b"999 x", b"content-length: 0")),
    malformed("status 2000", body(b"2000 x", b"content-length: 0")),
    malformed("status in words", body(b"OK 200", b"content-length: 0")),
    malformed("negative status", body(b"-200 x", b"content-length: 0")),
    kept("100 then 200", body(b"100 Continue"), response(200, OK_BODY)),
    kept("103 then 200", body(b"103 Hints", b"link: </a>"), response(200, OK_BODY)),
    kept("103 and 200 in one piece", body(b"103 Hints") + response(200, OK_BODY)),
    malformed("100 then closed", body(b"100 Continue"), close=True),
    case(
        "failed 101",
        "closed",
        "101 with an upgrade",
        body(b"101 x", b"upgrade: h2c", b"connection: upgrade"),
    ),
    case("failed 101", "closed", "101 without one", body(b"101 x")),
    kept("200 offering an upgrade", body(b"200 OK", b"upgrade: h2c", b"content-length: 0")),
    case("delivered 204", "reused", "204", body(b"204 x")),
    case("delivered 204", "reused", "204 with a length", body(b"204 x", b"content-length: 5")),
    malformed("204 with a body", body(b"204 x", b"content-length: 2", text=b"ok")),
    case("delivered 205", "reused", "205 with a length of 0", body(b"205 x", b"content-length: 0")),
    case("rejected 304", "reused", "304 with a length", body(b"304 x", b"content-length: 5")),
    # lengths and ends of bodies
    closed("no length, closed", body(b"200 OK", text=b"until the end"), close=True),
    case(
        "failed 500",
        "closed",
        "failure without a length, closed",
        body(b"500 x", text=b"until the end"),
        close=True,
    ),
    closed("neither length nor body, closed", body(b"200 OK"), close=True),
    case(
        "timeout",
        "closed",
        "a length that never comes",
        body(b"200 OK", b"content-length: 5", text=b"ab"),
    ),
    case("timeout", "closed", "neither length nor end", body(b"200 OK", text=b"ab")),
    malformed("a length cut off", body(b"200 OK", b"content-length: 5", text=b"ab"), close=True),
    malformed("two equal lengths", body(b"200 OK", *[b"content-length: 2"] * 2, text=b"ok")),
    malformed(
        "two unequal lengths",
        body(b"200 OK", b"content-length: 2", b"content-length: 3", text=b"okk"),
    ),
    malformed("a list of lengths", body(b"200 OK", b"content-length: 2, 2", text=b"ok")),
    malformed("a negative length", body(b"200 OK", b"content-length: -1")),
    malformed("a length with a plus", body(b"200 OK", b"content-length: +2", text=b"ok")),
    malformed("a length in hexadecimal", body(b"200 OK", b"content-length: 0x2", text=b"ok")),
    malformed("a length of 30 digits", body(b"200 OK", b"content-length: " + b"9" * 30)),
    malformed("an empty length", body(b"200 OK", b"content-length:")),
    malformed(
        "length and chunks",
        body(b"200 OK", b"content-length: 2", b"transfer-encoding: chunked", text=b"0\r\n\r\n"),
    ),
    closed("gzip as transfer coding", body(b"200 OK", b"transfer-encoding: gzip"), close=True),
    kept(
        "gzip, chunked",
        body(b"200 OK", b"transfer-encoding: gzip, chunked", text=b"2\r\nok\r\n0\r\n\r\n"),
    ),
    kept(
        "chunked twice",
        body(b"200 OK", b"transfer-encoding: chunked, chunked", text=b"2\r\nok\r\n0\r\n\r\n"),
    ),
    kept(
        "chunked in capitals",
        body(b"200 OK", b"Transfer-Encoding: CHUNKED", text=b"2\r\nok\r\n0\r\n\r\n"),
    ),
    kept("chunks", CHUNKED, b"2\r\nok\r\n", b"0\r\n\r\n"),
    kept("chunks with extensions", CHUNKED + b'2;a=b;c="d"\r\nok\r\n0\r\n\r\n'),
    kept("a blank after a chunk's size", CHUNKED + b"2 \r\nok\r\n0\r\n\r\n"),
    kept("trailers", CHUNKED + b"2\r\nok\r\n0\r\nretry-after: 7\r\n\r\n"),
    malformed("chunks cut off", CHUNKED + b"5\r\nab", close=True),
    malformed("no last chunk", CHUNKED + b"2\r\nok\r\n", close=True),
    malformed("a last chunk without its end", CHUNKED + b"2\r\nok\r\n0\r\n", close=True),
    malformed("a chunk longer than it says", CHUNKED + b"2\r\nokay\r\n0\r\n\r\n"),
    malformed("a chunk size in words", CHUNKED + b"two\r\nok\r\n0\r\n\r\n"),
    malformed("a negative chunk size", CHUNKED + b"-2\r\nok\r\n0\r\n\r\n"),
    malformed("a chunk size of 20 digits", CHUNKED + b"f" * 20 + b"\r\nok"),
    malformed("chunks that end in line feeds", CHUNKED + b"2\nok\n0\n\n"),
    # connections
    closed("connection: close", body(b"200 OK", b"connection: close", b"content-length: 0")),
    closed(
        "connection: close, and closed",
        body(b"200 OK", b"connection: close", b"content-length: 0"),
        close=True,
    ),
    closed("closed after the answer", response(200, OK_BODY), close=True),
    closed("a second answer at once", response(200, OK_BODY) + response(500)),
    closed("a second answer after it", response(200, OK_BODY), response(500)),
    malformed("rubbish after the answer", response(200, OK_BODY) + b"rubbish"),
    malformed("a body longer than its length", body(b"200 OK", b"content-length: 2", text=b"okay")),
    malformed("closed without an answer", close=True),
    malformed("a head cut off", HEAD + b"content-le", close=True),
    case("timeout", "closed", "a head that stops", HEAD + b"content-le"),
    malformed("only a status line, closed", HEAD, close=True),
    case("timeout", "closed", "nothing at all"),
    # sizes
    case("failed 500", "reused", "a body of 60 KiB", response(500, b"x" * 60 * 1024)),
    case("failed 500", "reused", "a body of 64 KiB", response(500, b"x" * 64 * 1024)),
    case("failed 500", "closed", "a body of 1 MiB", response(500, b"x" * 1024 * 1024)),
    case(
        "failed 500",
        "closed",
        "a body of 1 MiB, closed",
        body(b"500 x", text=b"x" * 1024 * 1024),
        close=True,
    ),
    case(
        "failed 200",
        "reused",
        "a JSON failure of 100 KiB",
        response(200, b'{"success":false,"error":"' + b"x" * 100_000),
    ),
    kept("20,000 chunks of a byte", CHUNKED + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"),
    # meaning
    case(
        "failed 200",
        "reused",
        "a refusal in JSON",
        response(200, b'{"success":false,"error":"no credit"}'),
    ),
    case(
        "throttled 429",
        "reused",
        "throttled",
        body(b"429 x", b"Retry-After: 7", b"content-length: 0"),
    ),
    case(
        "throttled 429",
        "reused",
        "a Retry-After twice",
        body(b"429 x", *[b"retry-after: 7"] * 2, b"content-length: 0"),
    ),
    case(
        "rejected 307",
        "reused",
        "a redirect",
        body(b"307 x", b"location: /elsewhere", b"content-length: 0"),
    ),
    case(
        "failed 500",
        "reused",
        "a compressed failure",
        body(b"500 x", b"content-encoding: gzip", b"content-length: 2", text=b"no"),
    ),
)
