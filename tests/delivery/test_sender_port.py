"""Callbacks begun and started through the port, without a task a message: what is written
when, and what the watcher hears.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from queue_services.delivery.callback import CallbackSender
from queue_services.delivery.http1 import deadlines
from queue_services.delivery.posts import Post
from queue_services.domain.outcome import ANSWER_BYTES, Answer, Kind

from .builders import bodiless, open_gate, send, sending, sms
from .receiver import OK, Receiver, answering, listening, writing

DELIVERED = Answer(Kind.DELIVERED, 200)


@dataclass
class Heard:
    """What a watcher was told."""

    readies: int = 0
    answers: list[Answer] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def ready(self) -> None:
        self.readies += 1
        self.told.set()

    def answered(self, answer: Answer) -> None:
        self.answers.append(bodiless(answer))
        self.told.set()

    async def next(self) -> None:
        async with asyncio.timeout(10):
            await self.told.wait()
        self.told.clear()


async def connected(sender: CallbackSender, heard: Heard, **fields: str) -> Post:
    """A delivery that was begun and has its connection."""
    outgoing = sender.begin(sms(**fields), heard)
    assert isinstance(outgoing, Post)
    outgoing.want()
    await heard.next()
    return outgoing


async def test_a_start_without_a_connection_writes_nothing_and_is_told_when_one_stands() -> None:
    heard = Heard()
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        outgoing = sender.begin(sms(), heard)
        assert not outgoing.start()
        await heard.next()
        assert (heard.readies, heard.answers, receiver.bytes_came) == (1, [], 0)
        assert outgoing.start()
        await heard.next()
    assert (heard.readies, heard.answers) == (1, [DELIVERED])


async def test_a_start_on_an_idle_connection_writes_at_once() -> None:
    heard = Heard()
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        await send(sender, sms())
        assert sender.begin(sms(), heard).start()
        await heard.next()
    assert (heard.readies, heard.answers, len(receiver.writers)) == (0, [DELIVERED], 1)


async def test_what_is_abandoned_before_its_start_leaves_its_connection_to_others() -> None:
    heard = Heard()
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        (await connected(sender, heard, id="abandoned")).abandon()
        assert await send(sender, sms(id="other")) == DELIVERED
    assert [request.json["jobId"] for request in receiver.requests] == ["other"]
    assert (len(receiver.writers), heard.answers) == (1, [])


async def test_what_is_abandoned_after_its_start_closes_its_connection_and_is_told_nothing() -> (
    None
):
    heard = Heard()
    async with Receiver.start(writing()) as receiver, sending(receiver.url) as sender:
        outgoing = await connected(sender, heard)
        assert outgoing.start()
        await receiver.until(lambda: len(receiver.requests) == 1)
        outgoing.abandon()
        await receiver.until(lambda: receiver.open == 0)
    assert heard.answers == []


async def test_what_waits_for_a_connection_and_is_abandoned_takes_none_from_others() -> None:
    heard = Heard()
    async with Receiver.start() as receiver, sending(receiver.url, concurrency=1) as sender:
        first = await connected(sender, heard)
        second, third = sender.begin(sms(id="2"), heard), sender.begin(sms(id="3"), heard)
        second.abandon()
        third.start()
        first.abandon()
        await heard.next()
        assert third.start()
        await heard.next()
    assert [request.json["jobId"] for request in receiver.requests] == ["3"]


async def test_what_cannot_be_built_is_told_in_a_later_step_and_never_when_abandoned() -> None:
    told, untold = Heard(), Heard()
    async with sending(None) as sender:
        outgoing = sender.begin(sms(), told)
        assert (outgoing.start(), told.answers) == (False, [])
        sender.begin(sms(), untold).abandon()
        await told.next()
    assert [answer.kind for answer in told.answers] == [Kind.UNREACHABLE]
    assert untold.answers == []


async def test_a_delivery_that_finds_no_connection_is_answered_without_a_start() -> None:
    heard = Heard()
    async with sending("http://127.0.0.1:1") as sender:
        sender.begin(sms(), heard)
        await heard.next()
    assert [answer.kind for answer in heard.answers] == [Kind.UNREACHABLE]


async def test_a_connection_lost_before_the_start_is_replaced_at_the_start() -> None:
    heard = Heard()
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        outgoing = await connected(sender, heard)
        await receiver.until(lambda: receiver.open == 1)
        receiver.writers[0].close()
        async with sending(receiver.url) as other:  # whose exchange takes longer than the loss
            await send(other, sms(id="other"))
        assert not outgoing.start()
        await heard.next()
        assert outgoing.start()
        await heard.next()
    assert heard.answers == [DELIVERED]


async def test_a_receiver_that_closes_each_connection_at_once_is_told_of_in_a_later_step() -> None:
    heard, closed = Heard(), asyncio.Semaphore(0)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()
        closed.release()

    async with listening(hang_up) as port, sending(f"http://127.0.0.1:{port}") as sender:
        outgoing = sender.begin(sms(), heard)
        for _ in range(3):
            assert not outgoing.start()
            await heard.next()
            await closed.acquire()
            for _ in range(5):
                await asyncio.sleep(0)
        assert (outgoing.start(), heard.answers) == (False, [])
        await heard.next()
    assert [answer.kind for answer in heard.answers] == [Kind.FAILED]


async def test_the_beginning_of_a_large_answer_is_kept() -> None:
    text = "é" * ANSWER_BYTES
    async with (
        Receiver.start(answering(500, text.encode())) as receiver,
        sending(receiver.url) as sender,
    ):
        large = (await sender.send(sms(), open_gate)).body
        receiver.respond = answering(200, OK)
        small = (await sender.send(sms(), open_gate)).body
        receiver.respond = answering(200)
        none = (await sender.send(sms(), open_gate)).body
    assert large is not None
    assert (len(large.content), large.text, large.cut) == (
        ANSWER_BYTES,
        text[: ANSWER_BYTES // 2],
        True,
    )
    assert small is not None
    assert (small.text, small.cut) == (OK.decode(), False)
    assert none is None


async def test_many_time_limits_take_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, timers, over = asyncio.get_running_loop(), 0, asyncio.Event()
    plain = loop.call_later

    def counted(*args: Any, **options: Any) -> asyncio.TimerHandle:
        nonlocal timers
        timers += 1
        return plain(*args, **options)

    def expire(entry: int) -> None:
        expired.append(entry)
        if entry == 999:
            over.set()

    expired: list[int] = []
    monkeypatch.setattr(loop, "call_later", counted)
    limits = deadlines.Deadlines(0.01, expire)
    for entry in range(1000):
        limits.add(entry)
    for entry in range(0, 999, 2):
        limits.discard(entry)
    await over.wait()
    assert expired == list(range(1, 1000, 2))
    assert timers == 1
