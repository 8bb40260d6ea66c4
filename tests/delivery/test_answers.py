"""What every kind of answer, and of no answer, becomes."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from queue_services.domain.message import SECOND
from queue_services.domain.outcome import Answer, Kind

from .builders import NOW, email, send, sending, sms
from .receiver import OK, Receiver, Request, Respond, answering, listening, response, writing


async def answer_to(respond: Respond, *, timeout: float = 5) -> Answer:  # noqa: ASYNC109
    async with (
        Receiver.start(respond) as receiver,
        sending(receiver.url, delivery_timeout_seconds=timeout) as sender,
    ):
        answer = await send(sender, sms())
    assert len(receiver.requests) == 1
    return answer


@pytest.mark.parametrize(
    ("respond", "answer"),
    [
        (answering(200, OK), Answer(Kind.DELIVERED, 200)),
        (answering(200, b"sent"), Answer(Kind.DELIVERED, 200)),
        (answering(201), Answer(Kind.DELIVERED, 201)),
        (writing(b"HTTP/1.1 204 No Content\r\n\r\n"), Answer(Kind.DELIVERED, 204)),
        (
            answering(200, b'{"success": false, "error": "no credit"}'),
            Answer(Kind.FAILED, 200, "no credit"),
        ),
        (
            answering(200, b'{"success": false, "message": "blocked"}'),
            Answer(Kind.FAILED, 200, "blocked"),
        ),
        (answering(408), Answer(Kind.FAILED, 408, "HTTP 408")),
        (answering(425), Answer(Kind.FAILED, 425, "HTTP 425")),
        (answering(500, b"boom"), Answer(Kind.FAILED, 500, "HTTP 500: boom")),
        (answering(503, b"later"), Answer(Kind.FAILED, 503, "HTTP 503: later")),
        (
            answering(503, b"later", retry_after="7"),
            Answer(Kind.THROTTLED, 503, "HTTP 503: later", NOW + 7 * SECOND),
        ),
        (
            answering(429, retry_after="Tue, 14 Nov 2023 22:13:29 GMT"),
            Answer(Kind.THROTTLED, 429, "HTTP 429", NOW + 9 * SECOND),
        ),
        (answering(429), Answer(Kind.THROTTLED, 429, "HTTP 429", NOW + SECOND)),
        (answering(401, b"key?"), Answer(Kind.REFUSED, 401, "HTTP 401: key?")),
        (answering(403), Answer(Kind.REFUSED, 403, "HTTP 403")),
        (
            answering(404, b"Cannot POST /send-sms"),
            Answer(Kind.REFUSED, 404, "HTTP 404: Cannot POST /send-sms"),
        ),
        (
            answering(400, b'{"error":"bad number"}'),
            Answer(Kind.REJECTED, 400, 'HTTP 400: {"error":"bad number"}'),
        ),
        (answering(302, location="/elsewhere"), Answer(Kind.REJECTED, 302, "HTTP 302")),
        (answering(307, location="/elsewhere"), Answer(Kind.REJECTED, 307, "HTTP 307")),
        (writing(b"HTTP/1.1 100 Continue\r\n\r\n", response(200)), Answer(Kind.DELIVERED, 200)),
        (
            writing(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
            Answer(Kind.DELIVERED, 200),
        ),
        (
            writing(b"HTTP/1.0 500 Oh\r\n\r\nuntil the end", close=True),
            Answer(Kind.FAILED, 500, "HTTP 500: until the end"),
        ),
        (
            answering(500, b"caf\xe9", content_type="text/plain; charset=latin-1"),
            Answer(Kind.FAILED, 500, "HTTP 500: café"),
        ),
    ],
)
async def test_the_table_of_answers(respond: Respond, answer: Answer) -> None:
    assert await answer_to(respond) == answer


@pytest.mark.parametrize(
    "respond",
    [
        writing(close=True),
        writing(b"HTTP/1.1 200 OK\r\ncontent-le", close=True),
        writing(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}", close=True),
        writing(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxx\r\n", close=True),
        writing(b"SSH-2.0-OpenSSH_9.2\r\n", close=True),
        writing(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000 + b"\r\n"),
        writing(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"),
    ],
    ids=[
        "closed",
        "cut in its head",
        "cut in its body",
        "malformed chunk",
        "not HTTP",
        "too many headers",
        "too long a header",
    ],
)
async def test_no_whole_answer_is_a_failed_try(respond: Respond) -> None:
    answer = await answer_to(respond)
    assert (answer.kind, answer.status_code) == (Kind.FAILED, None)
    assert answer.error


async def test_a_reset_after_the_request_is_a_failed_try() -> None:
    async def reset(writer: asyncio.StreamWriter, request: Request) -> None:
        writer.transport.abort()

    assert (await answer_to(reset)).kind is Kind.FAILED


@pytest.mark.parametrize(
    "begun",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_an_answer_that_never_comes_or_ends_is_a_timeout(begun: bytes) -> None:
    answer = await answer_to(writing(begun), timeout=0.2)
    assert answer == Answer(Kind.TIMEOUT, error="No complete answer within 0.2 s.")


async def test_bytes_that_keep_trickling_do_not_put_off_the_timeout() -> None:
    async def trickle(writer: asyncio.StreamWriter, request: Request) -> None:
        closed = asyncio.ensure_future(writer.wait_closed())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.wait([closed], timeout=0.02)  # a byte now and then

    assert (await answer_to(trickle, timeout=0.2)).kind is Kind.TIMEOUT


async def test_an_answer_of_a_gigabyte_is_not_read() -> None:
    written = 0

    async def pour(writer: asyncio.StreamWriter, request: Request) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 500 x\r\ncontent-length: 1073741824\r\n\r\n")
        while written < 1073741824:
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536

    assert await answer_to(pour) == Answer(Kind.FAILED, 500, "HTTP 500: " + "x" * 500)
    assert written < 32 * 1024 * 1024


async def test_nothing_is_decompressed() -> None:
    assert await answer_to(
        answering(200, gzip.compress(bytes(50_000_000)), content_encoding="gzip")
    ) == Answer(Kind.DELIVERED, 200)
    assert await answer_to(answering(500, b"plain after all", content_encoding="gzip")) == Answer(
        Kind.FAILED, 500, "HTTP 500: plain after all"
    )


async def test_an_answer_that_comes_before_the_whole_request_was_read_counts() -> None:
    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response(413, b"too large"))
        while await reader.read(65536):
            pass

    async with listening(impatient) as port, sending(f"http://127.0.0.1:{port}") as sender:
        assert await send(sender, email("x" * 2_000_000)) == Answer(
            Kind.REJECTED, 413, "HTTP 413: too large"
        )


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose queue of connections is full: connecting to it neither succeeds nor fails."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_connection_that_is_not_accepted_in_time_is_unreachable(silent_port: int) -> None:
    async with sending(f"http://127.0.0.1:{silent_port}", delivery_timeout_seconds=0.2) as sender:
        assert await send(sender, sms()) == Answer(
            Kind.UNREACHABLE, error="No connection within 0.2 s."
        )


async def test_a_refused_connection_is_unreachable() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound, not listening
        async with sending(f"http://127.0.0.1:{bound.getsockname()[1]}") as sender:
            answer = await send(sender, sms())
    assert answer.kind is Kind.UNREACHABLE
    assert "Cannot connect" in (answer.error or "")


async def test_a_name_that_does_not_resolve_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", no_such_name)
    async with sending("http://app.invalid") as sender:
        answer = await send(sender, sms())
    assert answer.kind is Kind.UNREACHABLE
    assert "app.invalid" in (answer.error or "")


async def test_a_receiver_without_tls_is_unreachable_by_https() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with listening(hang_up) as port, sending(f"https://127.0.0.1:{port}") as sender:
        assert (await send(sender, sms())).kind is Kind.UNREACHABLE


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """A server's TLS context whose certificate nobody vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate with the openssl command")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj"
        " /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_cannot_be_verified_is_unreachable(
    self_signed: ssl.SSLContext,
) -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1))

    async with (
        listening(serve, self_signed) as port,
        sending(f"https://127.0.0.1:{port}") as sender,
    ):
        answer = await send(sender, sms())
    assert answer.kind is Kind.UNREACHABLE
    assert "certificate" in (answer.error or "").lower()
    assert not any(received)
