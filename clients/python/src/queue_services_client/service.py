"""The two clients an application uses. They send and wait, nothing else: what each call
asks and reads is in `calls`, when it is repeated in `call`.

A client keeps its connections, so make one, share it between threads (or tasks), and close
it or use it in a `with`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import httpx2

from queue_services_client import settings
from queue_services_client.bulk import Entry, OnProgress, each_awaiting, each_blocking, gather
from queue_services_client.call import Lost, Pause, Reply, Request, Retries, Steps
from queue_services_client.calls import Calls
from queue_services_client.either import Awaiting, Blocking
from queue_services_client.templates import Compile, dollar_templates
from queue_services_client.types import ScheduledMany, ScheduleResult

if TYPE_CHECKING:
    from queue_services_client.campaigns import AsyncCampaign, Campaign
    from queue_services_client.plan import Step

T = TypeVar("T")
TIMEOUT = 10.0
NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)


def utc_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class QueueService(Calls, Blocking):
    """Queue Services as an application sees it; waits for each answer.

    `base_url` and `key` default to QUEUE_SERVICES_URL and QUEUE_SERVICES_KEY; a base URL
    may carry the key as a password (`https://any:KEY@host`). `timeout` in seconds is for
    each of connecting, writing and reading. `raise_errors` makes the schedule calls raise
    instead of answering a ScheduleResult with `success` False. `transport`, `now` and
    `sleep` are for tests.

    Raises ValidationFailed for a base URL that is not http(s).

    >>> with QueueService("http://127.0.0.1:3000", timeout=5) as service:
    ...     service.raise_errors
    False
    """

    def __init__(
        self,
        base_url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        retries: Retries | None = None,
        raise_errors: bool = False,
        transport: httpx2.BaseTransport | None = None,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.retries, self.raise_errors, self.now, self._sleep = (
            retries or Retries(),
            raise_errors,
            now,
            sleep,
        )
        self._http = httpx2.Client(**_connection(base_url, key, timeout), transport=transport)

    def schedule_each(
        self, messages: Iterable[Entry], *, on_progress: OnProgress | None = None
    ) -> Iterator[ScheduleResult]:
        """Schedule any number of messages in bulk, and yield what became of each, in order; see
        `bulk`. Nothing is sent unless it is read.

        `on_progress` is called with the counts so far after every request (at most 1,000 messages).
        """
        return each_blocking(self, messages, on_progress)

    def schedule_many(
        self, messages: Iterable[Entry], *, on_progress: OnProgress | None = None
    ) -> ScheduledMany:
        """Schedule any number of messages in bulk. A message that is refused is a result, never
        an exception.

        >>> texts = [Sms(to="+491701234567", message=f"Part {n}", contact_id="c-1",
        ...     workspace_id="acme") for n in range(3)]
        >>> service.schedule_many(texts).accepted
        3
        """
        return gather(self.schedule_each(messages, on_progress=on_progress))

    def campaign(
        self,
        campaign_id: str,
        *,
        workspace_id: str,
        steps: Iterable[Step] = (),
        zone: str = "UTC",
        kind: str | None = None,
        templates: Compile = dollar_templates,
    ) -> Campaign:
        """The campaign of that id, to launch or to steer; see `campaigns.Campaign`."""
        from queue_services_client.campaigns import (  # noqa: PLC0415
            Campaign,
        )

        return Campaign(
            campaign_id,
            steps,
            zone=zone,
            workspace_id=workspace_id,
            service=self,
            kind=kind,
            templates=templates,
        )

    def run(self, steps: Steps[T]) -> T:
        answer: Reply | Lost | None = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                return cast("T", end.value)
            answer = None
            match step:
                case Request():
                    answer = self.send(step)
                case Pause(seconds):
                    self._sleep(seconds)
                case Awaitable():
                    steps.close()
                    raise TypeError(
                        "QueueService waits and cannot await; give it plain functions, or use"
                        " AsyncQueueService"
                    )

    def send(self, request: Request) -> Reply | Lost:
        """One request, once. Overridden by the fake in `testing`."""
        try:
            return _reply(self._http.send(_outgoing(self._http, request)))
        except httpx2.RequestError as error:
            return _lost(error)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncQueueService(Calls, Awaiting):
    """`QueueService` for asyncio: the same arguments and calls, each awaited; iterators are
    async, and bulk keeps a few requests in flight.
    """

    def __init__(
        self,
        base_url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        retries: Retries | None = None,
        raise_errors: bool = False,
        transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.retries, self.raise_errors, self.now, self._sleep = (
            retries or Retries(),
            raise_errors,
            now,
            sleep,
        )
        self._http = httpx2.AsyncClient(**_connection(base_url, key, timeout), transport=transport)

    def schedule_each(
        self,
        messages: Iterable[Entry] | AsyncIterable[Entry],
        *,
        on_progress: OnProgress | None = None,
    ) -> AsyncIterator[ScheduleResult]:
        """Schedule any number of messages in bulk, and yield what became of each, in order; see
        `QueueService.schedule_each`.
        """
        return each_awaiting(self, messages, on_progress)

    async def schedule_many(
        self,
        messages: Iterable[Entry] | AsyncIterable[Entry],
        *,
        on_progress: OnProgress | None = None,
    ) -> ScheduledMany:
        """Schedule any number of messages in bulk; see `QueueService.schedule_many`."""
        return gather(
            [result async for result in self.schedule_each(messages, on_progress=on_progress)]
        )

    def campaign(
        self,
        campaign_id: str,
        *,
        workspace_id: str,
        steps: Iterable[Step] = (),
        zone: str = "UTC",
        kind: str | None = None,
        templates: Compile = dollar_templates,
    ) -> AsyncCampaign:
        """The campaign of that id, to launch or to steer; see `campaigns.Campaign`."""
        from queue_services_client.campaigns import (  # noqa: PLC0415
            AsyncCampaign,
        )

        return AsyncCampaign(
            campaign_id,
            steps,
            zone=zone,
            workspace_id=workspace_id,
            service=self,
            kind=kind,
            templates=templates,
        )

    async def run(self, steps: Steps[T]) -> T:
        answer: Reply | Lost | None = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                return cast("T", end.value)
            answer = None
            match step:
                case Request():
                    answer = await self.send(step)
                case Pause(seconds):
                    await self._sleep(seconds)
                case Awaitable():
                    await step

    async def send(self, request: Request) -> Reply | Lost:
        """One request, once. Overridden by the fake in `testing`."""
        try:
            return _reply(await self._http.send(_outgoing(self._http, request)))
        except httpx2.RequestError as error:
            return _lost(error)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _connection(base_url: str | None, key: str | None, timeout: float) -> dict[str, Any]:
    given = settings.from_environment(url=base_url, key=key)
    return {
        "base_url": given.url,
        "headers": {"authorization": f"Bearer {given.key}"} if given.key else {},
        "timeout": timeout,
    }


def _outgoing(http: httpx2.Client | httpx2.AsyncClient, request: Request) -> httpx2.Request:
    headers = {"content-type": request.content_type} if request.content is not None else {}
    return http.build_request(
        request.method,
        request.path,
        params=request.query or None,
        content=request.content,
        headers=headers,
    )


def _reply(response: httpx2.Response) -> Reply:
    return Reply(response.status_code, response.content, response.headers)


def _lost(error: httpx2.RequestError) -> Lost:
    return Lost(f"{type(error).__name__}: {error}", sent=not isinstance(error, NEVER_SENT))
