"""A callback endpoint without a web framework: request in, answer out. Called by the
adapters beside it, and by tests.

In order: is it from the service, can it be read, is the workspace ours, did it come before;
then the application's handler, then the answer. Never raises for what a request holds:
everything becomes an answer the service understands.
"""

from __future__ import annotations

import asyncio
import hmac
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, TypeAlias, TypeVar

from queue_services_client.receiver.answers import (
    Result,
    accepted,
    answer,
    batch_answer,
    refused,
    repeated,
)
from queue_services_client.receiver.deduplicator import Claim, Deduplicator, MemoryDeduplicator
from queue_services_client.receiver.messages import Incoming, Reader, is_batch, parse_batch
from queue_services_client.receiver.refusals import (
    InProgress,
    TooLarge,
    UnknownWorkspace,
    Unreadable,
    Unverified,
)
from queue_services_client.receiver.signature import decode_secret, verify
from queue_services_client.types import CallbackAnswer, CallbackRequest, Event

T = TypeVar("T", bound=Incoming | Event)
S = TypeVar("S")
Workspaces: TypeAlias = Collection[str] | Callable[[str], bool]

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
    no open endpoint.
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
        given = [secrets] if isinstance(secrets, str) else secrets
        self._keys = None if given is None else [decode_secret(secret) for secret in given]
        if self._keys == []:
            raise ValueError(
                "no signing secret is given; give one, or None for an endpoint that nobody else can"
                " reach"
            )
        if authorization == "":
            raise ValueError(
                "the authorization to expect is empty; give the header's whole value, or None"
            )
        self._authorization, self._workspaces, self._clock = authorization, workspaces, clock
        self._deduplicator = MemoryDeduplicator() if deduplicator is None else deduplicator
        self._blocks = self._deduplicator.blocks or callable(workspaces)
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
            messages = self._open(request, reader)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong has an answer
            return answer(refused(error))
        results = [self._handle(message, handler) for message in messages]
        return batch_answer(results) if is_batch(request.body) else answer(results[0])

    async def receive_async(
        self, request: CallbackRequest, reader: Reader[T], handler: Callable[[T], object]
    ) -> CallbackAnswer:
        """As `receive`; a handler that is no coroutine function runs in a thread, and so does a
        deduplicator that blocks.
        """
        try:
            messages = self._open(request, reader)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong has an answer
            return answer(refused(error))
        slots = asyncio.Semaphore(CONCURRENT)

        async def one(message: T | Unreadable) -> Result:
            async with slots:
                return await self._handle_async(message, handler)

        results = await asyncio.gather(*map(one, messages))
        return batch_answer(results) if is_batch(request.body) else answer(results[0])

    def _open(self, request: CallbackRequest, reader: Reader[T]) -> list[T | Unreadable]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if len(request.body) > self.max_bytes:
            raise TooLarge(f"the body is larger than {self.max_bytes:,} bytes")
        if self._keys is not None:
            verify(headers, request.body, self._keys, now=self._clock())
        if self._authorization is not None and not hmac.compare_digest(
            headers.get("authorization", "").encode(errors="replace"), self._authorization.encode()
        ):
            raise Unverified("the header authorization is not the one agreed on")
        number = headers.get("x-attempt", "1")
        attempt = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 1
        return (
            list(parse_batch(request.body, reader, attempt))
            if is_batch(request.body)
            else [reader(request.body, attempt)]
        )

    def _handle(self, message: T | Unreadable, handler: Callable[[T], object]) -> Result:
        if isinstance(message, Unreadable):
            return refused(message)
        key, now = _key(message), self._clock()
        try:
            if not self._admit(message, key, now):
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
            return refused(message)
        key, now = _key(message), self._clock()
        try:
            if not await self._step(self._admit, message, key, now):
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
        return await asyncio.to_thread(step, *arguments) if self._blocks else step(*arguments)

    def _admit(self, message: Incoming | Event, key: str, now: float) -> bool:
        """Whether the message is to be handled now; False means it was before. Raises
        UnknownWorkspace or InProgress.
        """
        known = self._workspaces
        if known is not None and not isinstance(message, Event):
            workspace = message.workspace_id
            if not (known(workspace) if callable(known) else workspace in known):
                raise UnknownWorkspace(f"workspace {workspace!r} is not known here")
        claim = self._deduplicator.claim(key, now)
        if claim is Claim.IN_PROGRESS:
            raise InProgress
        return claim is Claim.NEW

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
