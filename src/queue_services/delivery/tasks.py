"""Makes a `Sender` of a sender that is written as one coroutine a delivery, with a task for
each: for what is not worth a protocol of its own (tests, SMTP, a provider's SDK).
"""

from __future__ import annotations

import asyncio

import structlog

from queue_services.delivery.sender import CoroutineSender, Delivery, Watcher
from queue_services.domain.outcome import Answer, Kind

log = structlog.get_logger(__name__)


class TaskSender:
    """The `Sender` around a `CoroutineSender`."""

    def __init__(self, sender: CoroutineSender) -> None:
        self._sender = sender

    def begin(self, delivery: Delivery, watcher: Watcher) -> DeliveryTask:
        """Begin the coroutine; it stops at its gate until `start`."""
        return DeliveryTask(self._sender, delivery, watcher)

    async def close(self) -> None:
        """Close every connection."""
        await self._sender.close()


class DeliveryTask:
    """One delivery: a task, and the gate at which it waits."""

    def __init__(self, sender: CoroutineSender, delivery: Delivery, watcher: Watcher) -> None:
        self._watcher = watcher
        self._opening: asyncio.Future[None] | None = None
        self._awaited = False
        self._task = asyncio.get_running_loop().create_task(self._run(sender, delivery))

    def start(self) -> bool:
        """Open the gate, where the coroutine has come to it."""
        if self._opening is None or self._opening.done():
            self._awaited = True
            return False
        self._opening.set_result(None)
        return True

    def abandon(self) -> None:
        """Cancel the coroutine."""
        self._task.cancel()

    async def _run(self, sender: CoroutineSender, delivery: Delivery) -> None:
        try:
            answer = await sender.send(delivery, self._gate)
        except Exception as bug:
            log.exception("sender.broke", job=delivery.id)
            answer = Answer(Kind.FAILED, error=f"The sender broke: {type(bug).__name__}")
        self._watcher.answered(answer)

    async def _gate(self) -> None:
        self._opening = asyncio.get_running_loop().create_future()
        if self._awaited:
            self._awaited = False
            self._watcher.ready()
        await self._opening
