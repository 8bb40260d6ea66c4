"""A sender written as a coroutine behind the port: when it starts, and what its watcher hears."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from queue_services.delivery.sender import Delivery, Gate
from queue_services.delivery.tasks import TaskSender
from queue_services.domain.message import Channel
from queue_services.domain.outcome import Answer, Kind

DELIVERY = Delivery("1", "acme", Channel.SMS, "c", 1, "{}")


@dataclass
class Application:
    """A sender that connects when it may, and notes what it sent."""

    connected: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[str] = field(default_factory=list)
    breaks: bool = False

    async def send(self, delivery: Delivery, gate: Gate) -> Answer:
        await self.connected.wait()
        await gate()
        self.sent.append(delivery.id)
        if self.breaks:
            raise ValueError("a bug")
        return Answer(Kind.DELIVERED, 200)

    async def close(self) -> None:
        return None


@dataclass
class Heard:
    """What a watcher was told, in order."""

    calls: list[object] = field(default_factory=list)

    def ready(self) -> None:
        self.calls.append("ready")

    def answered(self, answer: Answer) -> None:
        self.calls.append(answer.kind)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nothing_is_sent_before_the_start_and_the_answer_is_told_once() -> None:
    application, heard = Application(), Heard()
    application.connected.set()
    outgoing = TaskSender(application).begin(DELIVERY, heard)
    await turns()
    assert application.sent == []
    assert outgoing.start()
    await turns()
    assert (application.sent, heard.calls) == (["1"], [Kind.DELIVERED])


async def test_a_start_without_a_connection_is_refused_and_told_when_one_stands() -> None:
    application, heard = Application(), Heard()
    outgoing = TaskSender(application).begin(DELIVERY, heard)
    await turns()
    assert not outgoing.start()
    application.connected.set()
    await turns()
    assert (application.sent, heard.calls) == ([], ["ready"])
    assert outgoing.start()
    await turns()
    assert heard.calls == ["ready", Kind.DELIVERED]


async def test_an_abandoned_delivery_sends_nothing_and_tells_nothing() -> None:
    application, heard = Application(), Heard()
    application.connected.set()
    outgoing = TaskSender(application).begin(DELIVERY, heard)
    await turns()
    outgoing.abandon()
    await turns()
    assert (application.sent, heard.calls) == ([], [])


async def test_a_sender_that_breaks_is_a_failed_try() -> None:
    application, heard = Application(breaks=True), Heard()
    application.connected.set()
    outgoing = TaskSender(application).begin(DELIVERY, heard)
    await turns()
    outgoing.start()
    await turns()
    assert heard.calls == [Kind.FAILED]
