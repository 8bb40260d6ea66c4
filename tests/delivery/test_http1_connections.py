"""Connections: how many, for whom, for how long; encrypted ones; the first address that
answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from queue_services.delivery.http1 import dialler, pool
from queue_services.delivery.http1.answer import Failure, Outcome, Response, Stage
from queue_services.delivery.http1.client import Client
from queue_services.delivery.http1.target import get, post, read_target

from .receiver import OK, Receiver, Request, answering, listening, response


async def ask(client: Client, url: str) -> Outcome:
    async with asyncio.timeout(10):
        return await client.fetch(post(read_target(url), {}, b"{}"))


def delivered(outcome: Outcome) -> bool:
    return isinstance(outcome, Response) and outcome.status == 200


async def test_a_get_has_no_body_and_no_content_type() -> None:
    no = b'{"delivered":false}'
    async with Receiver.start(answering(404, no)) as receiver, Client(5, 1) as client:
        target = read_target(f"{receiver.url}/app/", "/sms-sent/1")
        outcome = await client.fetch(get(target, {"x-workspace-id": "acme"}))
    [request] = receiver.requests
    assert (request.method, request.target, request.body) == ("GET", "/app/sms-sent/1", b"")
    assert request.headers["x-workspace-id"] == "acme"
    assert "content-type" not in request.headers
    assert outcome == Response(404, no, "", None, whole=True)


async def test_an_idle_connection_makes_room_for_another_origin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "KEEPALIVE_SECONDS", 1000.0)
    async with Receiver.start() as one, Receiver.start() as other, Client(5, 1) as client:
        assert delivered(await ask(client, one.url))
        assert delivered(await ask(client, other.url))
        assert one.open + other.open <= 1


async def test_origins_that_share_too_few_connections_take_turns() -> None:
    async with Receiver.start() as one, Receiver.start() as other, Client(5, 2) as client:
        assert all([delivered(await ask(client, one.url)) for _ in range(2)])
        assert delivered(await ask(client, other.url))
        both = await asyncio.gather(*(ask(client, url) for url in (one.url, other.url) * 3))
        assert all(map(delivered, both))
        assert one.open + other.open <= 2


async def test_those_who_wait_are_served_in_turn_across_origins() -> None:
    held, order = asyncio.Event(), []

    async def respond(writer: asyncio.StreamWriter, request: Request) -> None:
        order.append(request.target)
        if request.target == "/held":
            await held.wait()
        writer.write(response(200, OK))

    async with (
        Receiver.start(respond) as one,
        Receiver.start(respond) as two,
        Client(5, 1) as client,
    ):
        urls = [f"{one.url}/held", f"{two.url}/b", f"{one.url}/c"]
        asking = [asyncio.create_task(ask(client, url)) for url in urls]
        await one.until(lambda: bool(order))
        held.set()
        assert all(map(delivered, await asyncio.gather(*asking)))
    assert sorted(order) == ["/b", "/c", "/held"]
    assert order[0] == "/held"


async def test_idle_connections_are_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "KEEPALIVE_SECONDS", 0.01)
    monkeypatch.setattr(pool, "SWEEP_SECONDS", 0.01)
    async with Receiver.start() as receiver, Client(5, 4) as client:
        assert delivered(await ask(client, receiver.url))
        await receiver.until(lambda: receiver.open == 0)


async def test_a_fetch_that_is_cancelled_closes_its_connection() -> None:
    async with Receiver.start(answering_never) as receiver, Client(5, 1) as client:
        asking = asyncio.create_task(ask(client, receiver.url))
        await receiver.until(lambda: len(receiver.requests) == 1)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        await receiver.until(lambda: receiver.open == 0)
        receiver.respond = answering(200, OK)
        assert delivered(await ask(client, receiver.url))


async def answering_never(writer: asyncio.StreamWriter, request: Request) -> None:
    return None


async def test_an_answer_before_the_whole_request_was_written_ends_the_connection() -> None:
    received: list[int] = []

    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(0)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response(413))
        while read := await reader.read(65536):
            received[-1] += len(read)

    async with listening(impatient) as port, Client(5, 1) as client:
        url, body = f"http://127.0.0.1:{port}", bytes(32 * 1024 * 1024)
        for _ in range(2):
            outcome = await client.fetch(post(read_target(url), {}, body))
            assert isinstance(outcome, Response)
            assert outcome.status == 413
    assert len(received) == 2
    assert max(received) < len(body)


async def test_names_are_asked_for_once_however_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look_up(host: str, port: int, *_: object) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    async with Receiver.start() as receiver, Client(5, 8) as client:
        url = f"http://app.example:{receiver.port}"
        assert all(map(delivered, await asyncio.gather(*(ask(client, url) for _ in range(8)))))
    assert asked == ["app.example"]


async def test_an_address_that_says_nothing_does_not_hold_up_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialler, "NEXT_ADDRESS_SECONDS", 0.01)
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.2", 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        answering_one = stack.enter_context(socket.socket())
        answering_one.bind(("127.0.0.1", port))
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host in ("127.0.0.2", "127.0.0.1")
        ]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_: addresses)
        async with Receiver.start(sock=answering_one) as receiver, Client(5, 1) as client:
            assert delivered(await ask(client, f"http://app.example:{port}"))
            assert len(receiver.writers) == 1


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's context for `localhost`, whose certificate the system vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate with the openssl command")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj"
        " /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run(
        [*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    dialler._tls.cache_clear()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    yield context
    dialler._tls.cache_clear()


@contextlib.asynccontextmanager
async def encrypted(context: ssl.SSLContext, seen: list[Any]) -> AsyncIterator[int]:
    """A receiver that answers over TLS, and notes the name and protocol that were asked for."""
    context.sni_callback = lambda _, name, __: seen.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        while await reader.read(65536):
            writer.write(response(200, OK))

    async with listening(serve, context) as port:
        yield port


async def test_an_encrypted_connection_names_its_host_speaks_http_1_1_and_is_kept(
    trusted: ssl.SSLContext,
) -> None:
    seen: list[Any] = []
    async with encrypted(trusted, seen) as port, Client(5, 1) as client:
        for _ in range(2):
            assert delivered(await ask(client, f"https://localhost:{port}"))
    assert seen == ["localhost", "http/1.1"]


async def test_a_certificate_for_another_name_is_refused(trusted: ssl.SSLContext) -> None:
    async with encrypted(trusted, []) as port, Client(5, 1) as client:
        outcome = await ask(client, f"https://127.0.0.1:{port}")
    assert isinstance(outcome, Failure)
    assert outcome.stage is Stage.CONNECTING
    assert "IP address mismatch" in outcome.reason


async def test_a_handshake_that_never_ends_is_no_connection() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass

    async with listening(say_nothing) as port, Client(0.2, 1) as client:
        outcome = await ask(client, f"https://127.0.0.1:{port}")
    assert outcome == Failure(Stage.CONNECTING, "No connection within 0.2 s.")
