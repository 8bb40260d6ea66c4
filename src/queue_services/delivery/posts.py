"""Requests to the application over HTTP, and what their outcomes mean: what callbacks and
events have in common on the wire.

Used by the senders. Connections to URLs set by API are a pool of their own, whose addresses
are guarded: one opened unguarded must never serve them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from queue_services.delivery.http1.answer import Failure, Outcome, Stage
from queue_services.delivery.http1.client import Client
from queue_services.delivery.http1.dialler import AddressGuard
from queue_services.delivery.http1.target import Request
from queue_services.delivery.sender import Gate, Watcher
from queue_services.domain.message import Instant
from queue_services.domain.outcome import (
    ANSWER_BYTES,
    ERROR_CHARACTERS,
    Answer,
    AnswerBody,
    Kind,
    read_answer,
)

SLOT_GRACE_SECONDS = 0.005  # how long after its slot a request may still start

_KINDS = {
    Stage.FORBIDDEN: Kind.REJECTED,
    Stage.CONNECTING: Kind.UNREACHABLE,
    Stage.SENT: Kind.FAILED,
    Stage.TIMED_OUT: Kind.TIMEOUT,
}


class Posts:
    """Sends on at most `connections` connections of each pool.

    `seconds` bounds connecting, and again the time from a request's start to its answer's
    end. `clock` gives the instants of Retry-After. `address_guard` is asked about every
    address that a guarded request leads to, when it is dialled; what it refuses is REJECTED.
    """

    def __init__(
        self,
        seconds: float,
        connections: int,
        clock: Callable[[], Instant],
        address_guard: AddressGuard | None,
    ) -> None:
        self._seconds, self._connections = seconds, connections
        self._clock, self._address_guard = clock, address_guard
        self._clients: dict[bool, Client] = {}

    def begin(self, request: Request, watcher: Watcher, *, guarded: bool) -> Post:
        """Begin a request; see `delivery.sender.Sender.begin`."""
        return Post(self._client(guarded=guarded), request, watcher, self._clock)

    async def send(self, request: Request, *, guarded: bool) -> Answer:
        """Send a request at once. Raises nothing but CancelledError."""
        outcome = await self._client(guarded=guarded).fetch(request)
        return read_outcome(outcome, self._clock())

    async def close(self) -> None:
        """Close every connection."""
        while self._clients:
            await self._clients.popitem()[1].close()

    def _client(self, *, guarded: bool) -> Client:
        client = self._clients.get(guarded)
        if client is None:
            guard = self._address_guard if guarded else None
            client = self._clients[guarded] = Client(self._seconds, self._connections, guard)
        return client


class Post:
    """One request on its way, as the sender's port has it."""

    __slots__ = ("_clock", "_exchange", "_watcher")

    def __init__(
        self, client: Client, request: Request, watcher: Watcher, clock: Callable[[], Instant]
    ) -> None:
        self._watcher, self._clock = watcher, clock
        self._exchange = client.begin(request, self)

    @property
    def stands(self) -> bool:
        """Whether it has a connection."""
        return self._exchange.stands

    def want(self) -> None:
        """Have the watcher told when it has one."""
        self._exchange.want()

    def start(self) -> bool:
        """Write the request now; see `delivery.sender.Outgoing.start`."""
        return self._exchange.start()

    def abandon(self, *, keep: bool = True) -> None:
        """Tell the watcher nothing more, and close the connection unless `keep`."""
        self._exchange.abandon(keep=keep)

    def ready(self) -> None:
        """The client's: a connection stands."""
        self._watcher.ready()

    def finished(self, outcome: Outcome) -> None:
        """The client's: the outcome."""
        self._watcher.answered(read_outcome(outcome, self._clock()))


class Unsendable:
    """A request that could not be built: its watcher hears so in the next step."""

    stands = False

    def __init__(self, answer: Answer, watcher: Watcher) -> None:
        self._telling = asyncio.get_running_loop().call_soon(watcher.answered, answer)

    def want(self) -> None:
        """Nothing will stand."""

    def start(self) -> bool:
        """Nothing to write."""
        return False

    def abandon(self, *, keep: bool = True) -> None:  # noqa: ARG002 - as a Post has it
        """Tell nothing."""
        self._telling.cancel()


class GatedWatcher:
    """Waits for what a watcher hears: the request as one coroutine."""

    def __init__(self) -> None:
        self._answer: Answer | None = None
        self._heard = asyncio.Event()

    def ready(self) -> None:
        """A connection stands."""
        self._heard.set()

    def answered(self, answer: Answer) -> None:
        """The outcome."""
        self._answer = answer
        self._heard.set()

    async def pass_gate(self, post: Post | Unsendable, gate: Gate) -> Answer:
        """Start the request when `gate` has returned, on a connection that stands by then, and
        wait for its answer. Raises what the gate raises, and CancelledError; then its
        connection is closed.
        """
        now: Callable[[], float] = asyncio.get_running_loop().time
        opened_at = float("-inf")
        try:
            if not post.stands:
                post.want()
                await self._hear()
            while self._answer is None:
                if now() - opened_at > SLOT_GRACE_SECONDS:
                    await gate()
                    opened_at = now()
                post.start()
                await self._hear()
        except BaseException:
            post.abandon(keep=False)
            raise
        return self._answer

    def _hear(self) -> Awaitable[bool]:
        self._heard.clear()
        return self._heard.wait()


def read_outcome(outcome: Outcome, now: Instant) -> Answer:
    """What an outcome means to a message."""
    if isinstance(outcome, Failure):
        return Answer(_KINDS[outcome.stage], error=outcome.reason[:ERROR_CHARACTERS])
    content_type, body = outcome.content_type, outcome.body
    answer = read_answer(outcome.status, body, content_type, outcome.retry_after, now)
    if not body:
        return answer
    cut = len(body) > ANSWER_BYTES or not outcome.whole
    kept = AnswerBody(body[:ANSWER_BYTES], content_type, cut)
    return Answer(answer.kind, answer.status_code, answer.error, answer.wait_until, kept)
