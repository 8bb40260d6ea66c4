"""Queue Services in memory, behind the very clients that an application uses. For tests;
opens no socket and never waits.

    service = FakeQueueService(send_message)  # or {"/send-sms": send_sms, ...}
    service.schedule_sms(..., delay=timedelta(days=1))
    service.advance(days=2)  # send_message got a CallbackRequest

What is asked is checked, written and read as for the real service; `routes` answers it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from inspect import isawaitable
from typing import TypeAlias

from queue_services_client.call import Lost, Reply, Request, Retries
from queue_services_client.service import AsyncQueueService, QueueService
from queue_services_client.testing.clock import QueueClock
from queue_services_client.testing.exchanges import Exchange, Exchanges
from queue_services_client.testing.figures import FakeFigures
from queue_services_client.testing.intake import Accepted
from queue_services_client.testing.queue import FakeQueue
from queue_services_client.testing.routes import Routes
from queue_services_client.types import CallbackAnswer, CallbackRequest, Channel, ChannelName

Answer: TypeAlias = CallbackAnswer | int | None
"""A whole answer, an HTTP status, or None for 200."""
Endpoint: TypeAlias = Callable[[CallbackRequest], Awaitable[Answer] | Answer]
Endpoints: TypeAlias = Endpoint | Mapping[str, Endpoint]
"""One callable for every callback, or one by path; a path that is not there answers 404.
OSError raised by one is "not reached", TimeoutError a time-out.
"""


class Fake:
    """What both fakes have: the messages accepted so far, the callbacks made so far, and
    what a test may do to the service.
    """

    def __init__(
        self,
        deliver: Endpoints | None,
        clock: QueueClock | None,
        signing_secret: str | None,
        batch_endpoints: Mapping[ChannelName, str] | None,
        ask_endpoints: Mapping[ChannelName, str] | None,
    ) -> None:
        self.clock = clock or QueueClock()
        self.deliver: Endpoints = deliver if deliver is not None else _accepts
        self.signing_secret = signing_secret
        self.callbacks: list[CallbackRequest] = []
        self._queue = FakeQueue(self.clock)
        self._exchanges = Exchanges(self._queue, batch_endpoints or {}, ask_endpoints or {})
        self._figures = FakeFigures(self._queue)
        self._routes = Routes(self._queue, self._figures)
        self._failures: list[Reply | Lost] = []

    @property
    def messages(self) -> list[Accepted]:
        """Everything that was accepted, in order."""
        return [held.message for held in self._queue.held.values()]

    def fail_next(self, *failures: int | Lost) -> None:
        """Let the next requests fail: with an HTTP status, or without an answer."""
        self._failures += [
            Reply(failure, b"", {}) if isinstance(failure, int) else failure for failure in failures
        ]

    def exceed_limit(self, workspace_id: str, channel: ChannelName, due: int = 100) -> None:
        """Let the workspace have exceeded its limit now, with `due` messages due."""
        self._figures.exceed(workspace_id, Channel(channel), due)

    def use_limit(self, workspace_id: str, channel: ChannelName, utilization: float) -> None:
        """Let the workspace use that share (0-1) of its limit from now on."""
        self._figures.use(workspace_id, Channel(channel), utilization)

    def _answer(self, request: Request) -> Reply | Lost:
        return self._failures.pop(0) if self._failures else self._routes.answer(request)

    def _take(self, until: datetime) -> Exchange | None:
        return self._exchanges.take(until, self.signing_secret)

    def _request(self, exchange: Exchange) -> Awaitable[Answer] | Answer | OSError:
        request = exchange.request
        self.callbacks.append(request)
        try:
            return self._endpoint(request.path.partition("?")[0])(request)
        except OSError as error:
            return error
        except BaseException:
            self._release(exchange)
            raise

    def _endpoint(self, path: str) -> Endpoint:
        """The endpoint at `path`; that of a question is found without its job id."""
        if not isinstance(self.deliver, Mapping):
            return self.deliver
        return self.deliver.get(path) or self.deliver.get(path.rpartition("/")[0]) or _missing

    def _release(self, exchange: Exchange) -> None:
        for held in exchange.messages:
            self._queue.release(held)


class FakeQueueService(Fake, QueueService):
    """A QueueService without a service. `deliver` gets the callbacks when `advance` reaches
    them; without it every one is accepted.

    `batch_endpoints` and `ask_endpoints` (`{"sms": "/sms-batch"}`) are the paths to which
    whole batches go, and at which the service asks whether a message was delivered whose
    endpoint had raised TimeoutError.

    >>> fake = FakeQueueService()
    >>> job_id = fake.schedule_sms("+491701234567", "Hi", contact_id="c-1",
    ...     workspace_id="acme", delay=timedelta(days=2)).job_id
    >>> fake.advance(days=2)
    >>> fake.status(job_id).status.value, len(fake.callbacks)
    ('COMPLETED', 1)
    """

    def __init__(
        self,
        deliver: Endpoints | None = None,
        *,
        clock: QueueClock | None = None,
        signing_secret: str | None = None,
        raise_errors: bool = False,
        batch_endpoints: Mapping[ChannelName, str] | None = None,
        ask_endpoints: Mapping[ChannelName, str] | None = None,
    ) -> None:
        Fake.__init__(self, deliver, clock, signing_secret, batch_endpoints, ask_endpoints)
        self.retries, self.raise_errors, self.now, self._sleep = (
            Retries(),
            raise_errors,
            self.clock.now,
            self.clock.sleep,
        )

    def advance(self, by: timedelta = timedelta(0), **units: float) -> None:
        """Move the clock (by `days=7`, say) and deliver in order what falls due on the way, at
        its time; with no argument, what is due now.

        Raises whatever an endpoint raises but OSError; the message then waits as before. Raises
        ValueError for a step back.
        """
        until = self.clock.now() + _step(by, units)
        while exchange := self._take(until):
            answer = self._request(exchange)
            if isawaitable(answer):
                raise TypeError(
                    "an endpoint of FakeQueueService is a plain function; AsyncFakeQueueService"
                    " awaits"
                )
            exchange.settle(_whole(answer))
        self.clock.move_to(until)

    def send(self, request: Request) -> Reply | Lost:
        return self._answer(request)

    def close(self) -> None:
        """Nothing is open."""


class AsyncFakeQueueService(Fake, AsyncQueueService):
    """`FakeQueueService` as an AsyncQueueService; `advance` is awaited, and endpoints may
    be coroutine functions.
    """

    def __init__(
        self,
        deliver: Endpoints | None = None,
        *,
        clock: QueueClock | None = None,
        signing_secret: str | None = None,
        raise_errors: bool = False,
        batch_endpoints: Mapping[ChannelName, str] | None = None,
        ask_endpoints: Mapping[ChannelName, str] | None = None,
    ) -> None:
        Fake.__init__(self, deliver, clock, signing_secret, batch_endpoints, ask_endpoints)
        self.retries, self.raise_errors, self.now, self._sleep = (
            Retries(),
            raise_errors,
            self.clock.now,
            self.clock.sleep_awaiting,
        )

    async def advance(self, by: timedelta = timedelta(0), **units: float) -> None:
        """Move the clock and deliver what falls due on the way; see `FakeQueueService.advance`."""
        until = self.clock.now() + _step(by, units)
        while exchange := self._take(until):
            answer = self._request(exchange)
            if isawaitable(answer):
                answer = await self._awaited(exchange, answer)
            exchange.settle(_whole(answer))
        self.clock.move_to(until)

    async def send(self, request: Request) -> Reply | Lost:
        return self._answer(request)

    async def close(self) -> None:
        """Nothing is open."""

    async def _awaited(self, exchange: Exchange, answer: Awaitable[Answer]) -> Answer | OSError:
        try:
            return await answer
        except OSError as error:
            return error
        except BaseException:
            self._release(exchange)
            raise


def _whole(answer: Answer | OSError) -> CallbackAnswer | OSError:
    match answer:
        case None:
            return CallbackAnswer()
        case int():
            return CallbackAnswer(status=answer, body=b"")
        case _:
            return answer


def _step(by: timedelta, units: Mapping[str, float]) -> timedelta:
    step = by + timedelta(**units)
    if step < timedelta(0):
        raise ValueError("the clock only moves forward")
    return step


def _accepts(_: CallbackRequest) -> Answer:
    return None


def _missing(_: CallbackRequest) -> Answer:
    return 404
