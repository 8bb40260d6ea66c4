"""A callback endpoint without a web framework: request in, answer out. Called by the
adapters beside it, and by tests.

In order: is it from the service, can it be read, is the workspace ours, did it come before;
then the application's handler, then the answer. Never raises for what a request holds:
everything becomes an answer the service understands.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from queue_services_client.receiver.admission import Admission, Workspaces, lower
from queue_services_client.receiver.answers import (
    Result,
    accepted,
    answer,
    batch_answer,
    refused,
    repeated,
    state_answer,
)
from queue_services_client.receiver.batches import Opened, open_body
from queue_services_client.receiver.deduplicator import (
    Deduplicator,
    MemoryDeduplicator,
)
from queue_services_client.receiver.messages import Incoming, Reader
from queue_services_client.receiver.refusals import (
    TooLarge,
    Unreadable,
)
from queue_services_client.types import CallbackAnswer, CallbackRequest, Event

T = TypeVar("T", bound=Incoming | Event)
S = TypeVar("S")

MAX_BYTES = 16 * 2**20
CONCURRENT = 16
"""Handlers of one batch that run at once in `receive_async`."""
_log = logging.getLogger("queue_services_client.receiver")


class Receiver:
    """Checks callbacks and calls the application's handlers, each message once.

    `secrets`: the signing secret, or several during a rotation; None only where nobody else
    can reach the endpoint, or with `authorization`, the header's value that the service is
    set to send. `workspaces`: those the application knows, or a function that tells; None
    admits any. `deduplicator`: in memory by default; SqlDeduplicator where there are
    several processes. `clock` gives Unix seconds.

    Raises ValueError for a secret that is empty or not base64, so that a missing setting is
    no open endpoint, and what the deduplicator's own `check` raises (`MissingTable`).
    """

    def __init__(
        self,
        secrets: str | Iterable[str] | None,
        *,
        authorization: str | None = None,
        workspaces: Workspaces | None = None,
        deduplicator: Deduplicator | None = None,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._deduplicator = MemoryDeduplicator() if deduplicator is None else deduplicator
        self._admission = Admission(secrets, authorization, workspaces, self._deduplicator)
        self._clock = clock
        self.max_bytes = max_bytes

    def receive(
        self, request: CallbackRequest, reader: Reader[T], handler: Callable[[T], object]
    ) -> CallbackAnswer:
        """The answer to `request`: its message, or each of its list, is read by `reader`
        (`parse_sms`, `parse_event`) and given to `handler`.

        `handler` returns when the message is sent, or raises RetryLater, SlowDown or Reject;
        any other exception is answered 500.
        """
        try:
            opened = self._open(request, reader)
            self._admission.know(opened.workspace_id)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong has an answer
            return answer(refused(error))
        results = [self._handle(message, handler) for message in opened.messages]
        return batch_answer(results) if opened.batch else answer(results[0])

    async def receive_async(
        self, request: CallbackRequest, reader: Reader[T], handler: Callable[[T], object]
    ) -> CallbackAnswer:
        """As `receive`; a handler that is no coroutine function runs in a thread, and so does a
        deduplicator that blocks.
        """
        try:
            opened = self._open(request, reader)
            await self._step(self._admission.know, opened.workspace_id)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong has an answer
            return answer(refused(error))
        slots = asyncio.Semaphore(CONCURRENT)

        async def one(message: T | Unreadable) -> Result:
            async with slots:
                return await self._handle_async(message, handler)

        results = await asyncio.gather(*map(one, opened.messages))
        return batch_answer(results) if opened.batch else answer(results[0])

    def ask(self, request: CallbackRequest, job_id: str) -> CallbackAnswer:
        """The answer to the service's question, a GET, whether the message of `job_id` was
        delivered, before it sends that message again.

        A deduplicator without `state` says that it was not: the message comes again, and is
        dropped as a repeat if it was.
        """
        try:
            self._admission.verify(request, self._clock())
            self._admission.know(lower(request).get("x-workspace-id"))
            return state_answer(self._admission.state(job_id, self._clock()))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong has an answer
            return answer(refused(error, job_id))

    async def ask_async(self, request: CallbackRequest, job_id: str) -> CallbackAnswer:
        """As `ask`, in a thread where the deduplicator or the workspace check may block."""
        return await self._step(self.ask, request, job_id)

    def _open(self, request: CallbackRequest, reader: Reader[T]) -> Opened[T]:
        if len(request.body) > self.max_bytes:
            raise TooLarge(f"the body is larger than {self.max_bytes:,} bytes")
        self._admission.verify(request, self._clock())
        number = lower(request).get("x-attempt", "1")
        attempt = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 1
        return open_body(request.body, reader, attempt)

    def _handle(self, message: T | Unreadable, handler: Callable[[T], object]) -> Result:
        if isinstance(message, Unreadable):
            return refused(message, message.job_id)
        key, now = _key(message), self._clock()
        try:
            if not self._admission.admit(message, key, now):
                return repeated(key)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong has an answer
            return refused(error, key)
        # An interruption that is no Exception leaves the claim: nobody knows whether the
        # message went out, so the lease decides.
        try:
            _completed(handler(message))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong has an answer
            self._release(key, now)
            return refused(error, key)
        self._accept(key)
        return accepted(key)

    async def _handle_async(
        self, message: T | Unreadable, handler: Callable[[T], object]
    ) -> Result:
        if isinstance(message, Unreadable):
            return refused(message, message.job_id)
        key, now = _key(message), self._clock()
        try:
            if not await self._step(self._admission.admit, message, key, now):
                return repeated(key)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong has an answer
            return refused(error, key)
        try:
            sent = (
                handler(message)
                if inspect.iscoroutinefunction(handler)
                else await asyncio.to_thread(handler, message)
            )
            if inspect.isawaitable(sent):
                await sent
        except Exception as error:  # noqa: BLE001 - whatever goes wrong has an answer
            await self._step(self._release, key, now)
            return refused(error, key)
        await self._step(self._accept, key)
        return accepted(key)

    async def _step(self, step: Callable[..., S], *arguments: Any) -> S:
        return (
            await asyncio.to_thread(step, *arguments)
            if self._admission.blocks
            else step(*arguments)
        )

    def _accept(self, key: str) -> None:
        try:
            self._deduplicator.accept(key, self._clock())
        except Exception:  # noqa: BLE001 - the answer is the same whether it is remembered or not
            # The message went out: an error now would only bring it again.
            _log.exception(
                "%s was handled, but could not be remembered; a repeat after the lease would be"
                " handled again",
                key,
            )

    def _release(self, key: str, claimed_at: float) -> None:
        try:
            self._deduplicator.release(key, claimed_at)
        except Exception:  # noqa: BLE001 - the answer is the same whether it is remembered or not
            _log.exception(
                "the claim of %s could not be released; it lasts until the lease ends", key
            )


def _key(message: Incoming | Event) -> str:
    return message.event_id if isinstance(message, Event) else message.job_id


def _completed(sent: object | Awaitable[object]) -> None:
    """Refuses a coroutine that nobody would await: the message would be lost with a success."""
    if inspect.isawaitable(sent):
        if inspect.iscoroutine(sent):
            sent.close()
        raise TypeError("an asynchronous handler needs receive_async or an asynchronous endpoint")
