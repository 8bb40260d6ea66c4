"""Scheduling: what several requests hand in at once becomes one transaction, durable before
any of them is answered.

Used by the API, the dashboard and the CLI. One writing task a process takes all that wait,
writes, and answers each; while it commits, the next group gathers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Instant, Message
from queue_services.queue import intake
from queue_services.queue.intake import KeyConflicts
from queue_services.queue.records import Insertion
from queue_services.storage.port import Database

GROUP = 1_000
"""Messages a transaction, unless one request asks for all or none of more."""
AHEAD = 2
"""How many transactions a large batch may have waiting: enough that writing never pauses,
few enough that single messages do not wait behind it.
"""
SOON = 2 * SECOND
"""Dispatchers poll each second, so only what is due before that needs to wake them."""

__all__ = ["Intake", "KeyConflicts"]


class _Request(msgspec.Struct, eq=False):
    messages: Sequence[Message]
    answer: asyncio.Future[list[Insertion]]


class Intake:
    """The way in. `writer` names the process in the tallies; `run` must be running for
    anything to be written.
    """

    def __init__(self, database: Database, clock: Clock, writer: str) -> None:
        self._database, self._clock, self._writer = database, clock, writer
        self._waiting: deque[_Request] = deque()
        self._arrived = asyncio.Event()

    async def schedule(self, messages: Sequence[Message]) -> list[Insertion]:
        """Accept messages, 1,000 at most a transaction; what became of each, in order. Raises
        StoreUnavailable: then it is not known what was accepted.
        """
        if len(messages) <= GROUP:
            return await self._ask(messages) if messages else []
        insertions: list[Insertion] = []
        asked: deque[asyncio.Future[list[Insertion]]] = deque()
        for start in range(0, len(messages), GROUP):
            if len(asked) == AHEAD:
                insertions += await asked.popleft()
            asked.append(self._ask(messages[start : start + GROUP]))
        for answers in await asyncio.gather(*asked):
            insertions += answers
        return insertions

    async def schedule_all(self, messages: Sequence[Message]) -> list[Insertion]:
        """Accept all of the messages in one transaction, or none: raises KeyConflicts where a
        key was first used for something else.
        """
        insertions = await self._database.write(
            intake.insert_all, messages, self._clock.now(), self._writer
        )
        self._wake(messages, self._clock.now())
        return insertions

    async def run(self) -> None:
        """Write what waits until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._write(self._take())

    def _ask(self, messages: Sequence[Message]) -> asyncio.Future[list[Insertion]]:
        request = _Request(messages, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._arrived.set()
        return request.answer

    def _take(self) -> list[_Request]:
        group = [self._waiting.popleft()]
        size = len(group[0].messages)
        while self._waiting and size + len(self._waiting[0].messages) <= GROUP:
            group.append(self._waiting.popleft())
            size += len(group[-1].messages)
        return group

    async def _write(self, group: list[_Request]) -> None:
        messages = [message for request in group for message in request.messages]
        try:
            insertions = await self._database.write(
                intake.insert, messages, self._clock.now(), self._writer
            )
        except asyncio.CancelledError:
            for request in group:
                request.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer gets it; the next group is written all the same
            for request in group:
                if not request.answer.done():
                    request.answer.set_exception(error)
            return
        self._wake(messages, self._clock.now())
        start = 0
        for request in group:
            end = start + len(request.messages)
            if not request.answer.done():
                request.answer.set_result(insertions[start:end])
            start = end

    def _wake(self, messages: Sequence[Message], now: Instant) -> None:
        if min(message.due_at for message in messages) < now + SOON:
            self._database.wake()
