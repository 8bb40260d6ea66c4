"""Base URLs set by API lead to no address of one's own network, however they are written
and whatever a name resolves to when.
"""

from __future__ import annotations

import asyncio
import itertools
import socket

import pytest

from queue_services.delivery.address_guard import refused
from queue_services.domain.outcome import Answer, Kind

from .builders import send, sending, sms
from .receiver import Receiver, Request


def guard(address: str) -> str | None:
    return refused(address, [])


WRITTEN = """
127.0.0.1 127.1 2130706433 0x7f000001 0x7f.0.0.1 0177.0.0.1 [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] 0.0.0.0 [::] localhost LOCALHOST.
localhost.localdomain 169.254.169.254 [fe80::1%25lo] [fec0::1] [64:ff9b::7f00:1] [2002:7f00:1::1] 127。0。0。1 ①②⑦.0.0.1 user:password@127.0.0.1
10.0.0.1 224.0.0.1 255.255.255.255
"""


@pytest.mark.parametrize("host", WRITTEN.split())
async def test_no_way_of_writing_an_address_leads_past_the_guard(host: str) -> None:
    async with (
        Receiver.start() as receiver,
        sending(None, guard=guard, delivery_timeout_seconds=2) as sender,
    ):
        answer = await send(sender, sms(base_url=f"http://{host}:{receiver.port}"))
        assert answer.kind in (Kind.REJECTED, Kind.UNREACHABLE), answer
        assert receiver.writers == []


async def test_a_name_that_is_rebound_is_judged_at_every_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = itertools.cycle(["127.0.0.1", "127.0.0.2"])
    monkeypatch.setattr(
        "socket.getaddrinfo",
        lambda _, port, *__, **___: [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))
        ],
    )

    async def respond(writer: asyncio.StreamWriter, _: Request) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    async with Receiver.start(respond) as receiver:
        async with sending(
            None, guard=lambda address: "private" if address == "127.0.0.2" else None
        ) as first:
            assert (
                await send(first, sms(base_url=f"http://app.example:{receiver.port}"))
            ).kind is Kind.DELIVERED
        async with sending(
            None, guard=lambda address: "private" if address == "127.0.0.2" else None
        ) as second:
            assert await send(
                second, sms(base_url=f"http://app.example:{receiver.port}")
            ) == Answer(Kind.REJECTED, error="private")


async def test_a_name_with_a_public_and_a_private_address_reaches_the_public_one_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def both(_: str, port: int, *__: object, **___: object) -> list[object]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host in ("127.0.0.2", "127.0.0.1")
        ]

    monkeypatch.setattr("socket.getaddrinfo", both)
    async with (
        Receiver.start() as receiver,
        sending(
            None, guard=lambda address: "private" if address == "127.0.0.2" else None
        ) as sender,
    ):
        assert (
            await send(sender, sms(base_url=f"http://app.example:{receiver.port}"))
        ).kind is Kind.DELIVERED
        assert [writer.get_extra_info("sockname")[0] for writer in receiver.writers] == [
            "127.0.0.1"
        ]


@pytest.mark.parametrize(
    "endless",
    [b"x-header: " + b"v" * 4000 + b"\r\n", b"v" * 4000, b"\r\n"],
    ids=["headers", "one header", "blank lines"],
)
async def test_headers_without_end_are_not_taken_in_without_end(endless: bytes) -> None:
    async def respond(writer: asyncio.StreamWriter, request: Request) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" if endless != b"\r\n" else b"")
        for _ in range(200_000):
            writer.write(endless)
            await writer.drain()

    async with (
        Receiver.start(respond) as receiver,
        sending(receiver.url, delivery_timeout_seconds=0.3) as sender,
    ):
        answer = await send(sender, sms())
        assert answer.kind in (Kind.FAILED, Kind.TIMEOUT)
        assert "\n" not in (answer.error or "")
