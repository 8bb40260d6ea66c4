"""One call of the API as a value, and the exchange that carries it out: requests, pauses,
and what the answers mean. Used by `calls`, `bulk` and `service`.

Nothing here sends or sleeps. `exchange` is a generator that yields what is to be done next,
a `Request` or a `Pause`, and is sent what came of it; the two clients only do so, one
waiting and one awaiting. That is why every rule below exists once.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Generic, TypeAlias, TypeVar

import msgspec

from queue_services_client import wire
from queue_services_client.errors import (
    Conflict,
    NotFound,
    OverQuota,
    QueueServiceError,
    Unauthorized,
    Unavailable,
    ValidationFailed,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """What is asked (`write` makes the body, None for none), and how its answer is read.

    `repeatable`: asked twice it does no more than once, so it may be sent again when its
    answer was lost. `instead` turns an error into a value, where callers want one.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    write: Callable[[], bytes] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = wire.JSON
    repeatable: bool = False
    instead: Callable[[QueueServiceError], T] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What goes out: `content` is None where there is no body."""

    method: str
    path: str
    query: Mapping[str, str]
    content: bytes | None
    content_type: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait this long before the next request."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; header names in lower case."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing came back. `sent` is False only where the service certainly got nothing."""

    reason: str
    sent: bool = True


Steps: TypeAlias = Generator[Request | Pause | Awaitable[object], Reply | Lost | None, T]
"""A flow that returns a T; it is sent the reply to each request, and None after a pause or
an awaitable (which only async callers carry out).
"""


def full_jitter(longest: float) -> float:
    """A pause of 0 to `longest` seconds, evenly spread, so that what failed together does
    not come back together.
    """
    return random.uniform(0, longest)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is tried and how long it waits, in seconds.

    The wait is random up to `first`, doubling to `longest` (full jitter); where the service
    says Retry-After, that long and the jitter on top. A call gives up after `attempts`
    tries, or rather than wait more than `patience` in all.
    """

    attempts: int = 5
    first: float = 0.25
    longest: float = 8.0
    patience: float = 60.0
    jitter: Callable[[float], float] = full_jitter

    def wait(self, tried: int, retry_after: float | None, waited: float) -> float | None:
        """How long to wait after the `tried`-th try, having `waited` already; None to give up."""
        if tried >= self.attempts:
            return None
        pause = (retry_after or 0.0) + self.jitter(min(self.longest, self.first * 2 ** (tried - 1)))
        return pause if waited + pause <= self.patience else None


def exchange(
    call: Call[T], retries: Retries, now: Callable[[], datetime], *, raise_errors: bool = False
) -> Steps[T]:
    """Carry out `call`. Returns what it reads; raises a QueueServiceError, unless the call
    has a value for it.
    """
    try:
        content = yield from _answered(call, retries, now)
    except QueueServiceError as error:
        if call.instead is None or raise_errors:
            raise
        return call.instead(error)
    try:
        return call.read(content)
    except msgspec.DecodeError as error:
        raise Unavailable(
            f"The answer to {call.method} {call.path} is not one of Queue Services: {error}"
        ) from error


def _answered(call: Call[T], retries: Retries, now: Callable[[], datetime]) -> Steps[bytes]:
    request = Request(
        call.method, call.path, call.query, call.write() if call.write else None, call.content_type
    )
    tried, waited = 0, 0.0
    while True:
        reply = yield request
        tried += 1
        if reply is None:
            raise RuntimeError("a request is answered with a Reply or a Lost")
        error = refusal(reply, now)
        if error is None and isinstance(reply, Reply):
            return reply.content
        pause = (
            retries.wait(tried, getattr(error, "retry_after", None), waited)
            if may_repeat(call, reply)
            else None
        )
        if pause is None:
            raise error or RuntimeError("a reply is an answer or a refusal")
        waited += pause
        yield Pause(pause)


def may_repeat(call: Call[T], reply: Reply | Lost) -> bool:
    """Whether the call may be sent again: what was refused unread always, what may have
    been carried out only if it is repeatable.
    """
    if isinstance(reply, Lost):
        return call.repeatable or not reply.sent
    return reply.status == 429 or (call.repeatable and reply.status in {502, 503, 504})


def refusal(reply: Reply | Lost, now: Callable[[], datetime]) -> QueueServiceError | None:
    """The error that a reply stands for; None for a 2xx.

    A 404 counts as NotFound only in the service's own words (application/problem+json): a
    proxy's page must not read as "no such job".
    """
    if isinstance(reply, Lost):
        return Unavailable(f"Queue Services did not answer: {reply.reason}")
    status = reply.status
    if 200 <= status < 300:
        return None
    problem, ours = _problem(reply)
    message = problem.detail or problem.title or f"Queue Services answered {status}"
    match status:
        case 401 | 403:
            return Unauthorized(message, status=status)
        case 404 if ours:
            return NotFound(message, status=status)
        case 409:
            return Conflict(message, status=status)
        case 429:
            return OverQuota(message, retry_after(reply, now) or 1.0, status=status)
        case 404 | _ if status == 404 or not 400 <= status < 500:
            return Unavailable(message, retry_after(reply, now), status=status)
        case _:
            return ValidationFailed(message, problem.errors, status=status)


def retry_after(reply: Reply, now: Callable[[], datetime]) -> float | None:
    """The seconds that Retry-After (RFC 9110, 10.2.3: seconds or a date) asks for; None
    where it is absent or unreadable.
    """
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now()).total_seconds())


def _problem(reply: Reply) -> tuple[wire.Problem, bool]:
    if not reply.headers.get("content-type", "").startswith(wire.PROBLEM):
        return wire.Problem(), False
    try:
        return wire.decode(wire.Problem, reply.content), True
    except msgspec.DecodeError:
        return wire.Problem(), True
