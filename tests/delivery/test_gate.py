"""The gate: a request waits on an open connection until its slot has come, and nothing of
that wait leaks or counts.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

import pytest
import uvloop

from queue_services.delivery import posts
from queue_services.delivery.callback import CallbackSender
from queue_services.delivery.http1 import pool
from queue_services.domain.outcome import Answer, Kind

from .builders import send, sending, sms
from .receiver import OK, Receiver, answering, listening, response, writing

DELIVERED = Answer(Kind.DELIVERED, 200)


@dataclass
class Gate:
    """A gate that opens when the test says so, and tells how often somebody stood before it."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    times: int = 0

    async def __call__(self) -> None:
        self.times += 1
        self.waiting.set()
        await self.opened.wait()


async def settle(receiver: Receiver) -> None:
    """Let everything that is on its way arrive: a whole exchange of another sender takes longer."""
    async with sending(receiver.url) as other:
        for _ in range(3):
            await send(other, sms(id="other"))


def own(receiver: Receiver) -> list[str]:
    return [
        request.json["jobId"] for request in receiver.requests if request.json["jobId"] != "other"
    ]


def in_use(sender: CallbackSender) -> int:
    """How many connections the sender's pools count as taken."""
    pools = [client._pool for client in sender._posts._clients.values()]
    idle = sum(len(connections) for pool in pools for connections in pool._idle.values())
    return sum(len(pool._open) for pool in pools) - idle


async def test_the_first_byte_goes_out_only_when_the_gate_has_opened() -> None:
    gate = Gate()
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        task = asyncio.create_task(send(sender, sms(), gate))
        await receiver.until(lambda: receiver.open == 1)
        await gate.waiting.wait()
        before = receiver.bytes_came
        await settle(receiver)
        assert before == 0
        assert receiver.bytes_came == len(receiver.requests) == 3
        assert own(receiver) == []
        gate.opened.set()
        assert await task == DELIVERED
        assert receiver.requests[-1].connection == 0
        assert gate.times == 1


def test_a_request_is_on_the_wire_in_the_very_round_of_the_event_loop_that_opened_its_gate() -> (
    None
):
    seen: list[bytes] = []
    gate = Gate()

    async def at_the_wire(listener: socket.socket) -> Answer:
        async with sending(f"http://127.0.0.1:{listener.getsockname()[1]}") as sender:
            task = asyncio.create_task(send(sender, sms(), gate))
            await gate.waiting.wait()
            peer, _ = listener.accept()
            # whoever waits goes on in the next round; what is called below comes right
            # after it
            gate.opened.set()
            asyncio.get_running_loop().call_soon(
                lambda: seen.append(peer.recv(4, socket.MSG_DONTWAIT))
            )
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            peer.sendall(response(200, OK))
            with peer:
                return await task

    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert uvloop.run(at_the_wire(listener)) == DELIVERED
    assert seen == [b"POST"]


async def test_the_gate_is_asked_again_for_each_request_on_a_reused_connection() -> None:
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        for number in range(3):
            gate = Gate()
            task = asyncio.create_task(send(sender, sms(id=str(number)), gate))
            await gate.waiting.wait()
            await settle(receiver)
            assert own(receiver) == [str(earlier) for earlier in range(number)]
            gate.opened.set()
            assert await task == DELIVERED
        assert {
            request.connection for request in receiver.requests if request.json["jobId"] != "other"
        } == {0}


async def test_a_connection_that_was_idle_too_long_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "KEEPALIVE_SECONDS", 0.0)
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        assert await send(sender, sms()) == DELIVERED
        assert await send(sender, sms()) == DELIVERED
    assert [request.connection for request in receiver.requests] == [0, 1]


async def test_the_wait_at_the_gate_does_not_count_as_time_to_answer() -> None:
    async def long_wait() -> None:
        later = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.5, later.set_result, None)
        await later

    async with (
        Receiver.start() as receiver,
        sending(receiver.url, delivery_timeout_seconds=0.3) as sender,
    ):
        assert await send(sender, sms(), long_wait) == DELIVERED
        assert await send(sender, sms(), long_wait) == DELIVERED


async def test_the_time_to_answer_begins_when_the_gate_opens() -> None:
    gate = Gate()
    async with (
        Receiver.start(writing()) as receiver,
        sending(receiver.url, delivery_timeout_seconds=0.2) as sender,
    ):
        task = asyncio.create_task(send(sender, sms(), gate))
        await gate.waiting.wait()
        opened_at = asyncio.get_running_loop().time()
        gate.opened.set()
        assert (await task).kind is Kind.TIMEOUT
        assert asyncio.get_running_loop().time() - opened_at >= 0.19


@pytest.mark.parametrize(
    ("grace", "times"), [(60.0, 1), (-1.0, 2)], ids=["slot still good", "slot gone"]
)
@pytest.mark.parametrize("reused", [False, True], ids=["new", "reused"])
async def test_a_connection_closed_at_the_gate_is_exchanged(
    grace: float, times: int, reused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "SLOT_GRACE_SECONDS", grace)
    gate = Gate()
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        if reused:
            await send(sender, sms(id="other"))
        task = asyncio.create_task(send(sender, sms(), gate))
        await gate.waiting.wait()
        await receiver.until(lambda: receiver.open == 1)
        receiver.writers[0].close()
        await settle(receiver)
        gate.opened.set()
        assert await task == DELIVERED
        assert own(receiver) == ["job-1"]
        assert gate.times == times
        assert in_use(sender) == 0


async def test_a_receiver_that_closes_every_connection_before_the_request_costs_a_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posts, "SLOT_GRACE_SECONDS", -1.0)
    closed = asyncio.Semaphore(0)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()
        closed.release()

    async def gate() -> None:
        await closed.acquire()
        for _ in range(5):
            await asyncio.sleep(0)

    async with listening(hang_up) as port, sending(f"http://127.0.0.1:{port}") as sender:
        answer = await send(sender, sms(), gate)
        assert answer.kind is Kind.FAILED
        assert "closed 3 connections" in (answer.error or "")
        assert in_use(sender) == 0


async def test_a_receiver_that_went_away_at_the_gate_is_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posts, "SLOT_GRACE_SECONDS", 60.0)
    gate = Gate()
    async with Receiver.start() as other:
        async with Receiver.start() as receiver:
            sender_scope = sending(receiver.url)
            sender = await sender_scope.__aenter__()
            task = asyncio.create_task(send(sender, sms(), gate))
            await gate.waiting.wait()
            await receiver.until(lambda: receiver.open == 1)
        await settle(other)
        gate.opened.set()
        assert (await task).kind is Kind.UNREACHABLE
        await sender_scope.__aexit__(None, None, None)


async def test_bytes_that_came_unasked_are_not_taken_for_the_answer() -> None:
    async with Receiver.start(answering(200, OK)) as receiver, sending(receiver.url) as sender:
        assert await send(sender, sms(id="first")) == DELIVERED
        receiver.writers[0].write(response(400, b"for somebody else"))
        await settle(receiver)
        assert await send(sender, sms(id="second")) == DELIVERED
        assert own(receiver) == ["first", "second"]


async def test_bytes_that_come_at_the_gate_are_not_taken_for_the_answer() -> None:
    gate = Gate()
    async with Receiver.start(answering(200, OK)) as receiver, sending(receiver.url) as sender:
        task = asyncio.create_task(send(sender, sms(), gate))
        await gate.waiting.wait()
        await receiver.until(lambda: receiver.open == 1)
        receiver.writers[0].write(response(400, b"for somebody else"))
        await settle(receiver)
        gate.opened.set()
        assert await task == DELIVERED


@pytest.mark.parametrize("reused", [False, True], ids=["new", "reused"])
async def test_a_send_cancelled_at_the_gate_closes_its_connection(reused: bool) -> None:
    gate = Gate()
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        if reused:
            await send(sender, sms())
        task = asyncio.create_task(send(sender, sms(id="cancelled"), gate))
        await gate.waiting.wait()
        await receiver.until(lambda: receiver.open == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await receiver.until(lambda: receiver.open == 0)
        assert in_use(sender) == 0
        assert "cancelled" not in own(receiver)


async def test_a_send_cancelled_while_it_waits_for_the_answer_closes_its_connection() -> None:
    async with Receiver.start(writing()) as receiver, sending(receiver.url) as sender:
        task = asyncio.create_task(send(sender, sms()))
        await receiver.until(lambda: len(receiver.requests) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await receiver.until(lambda: receiver.open == 0)
        assert in_use(sender) == 0


async def test_a_send_that_timed_out_closes_its_connection() -> None:
    async with (
        Receiver.start(writing()) as receiver,
        sending(receiver.url, delivery_timeout_seconds=0.1) as sender,
    ):
        assert (await send(sender, sms())).kind is Kind.TIMEOUT
        await receiver.until(lambda: receiver.open == 0)
        assert in_use(sender) == 0


@pytest.mark.parametrize(
    "raised",
    [RuntimeError("lease lost"), TimeoutError("no slot"), OSError(5, "store")],
    ids=lambda raised: type(raised).__name__,
)
async def test_what_the_gate_raises_passes_through_and_nothing_is_sent(raised: Exception) -> None:
    async def closed_gate() -> None:
        raise raised

    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        with pytest.raises(type(raised)) as caught:
            await send(sender, sms(), closed_gate)
        assert caught.value is raised
        await receiver.until(lambda: len(receiver.writers) == 1 and receiver.open == 0)
        assert receiver.requests == []
        assert in_use(sender) == 0
