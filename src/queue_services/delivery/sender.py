"""The sender ports: how the dispatcher hands a message to the world, whatever carries it
there, and tells the application of an event.

The dispatcher begins each claimed message shortly before its slot, starts it in the step in
which the slot opens, and settles the Answer. A sender decides nothing about retries, holds
or limits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from queue_services.domain.message import Channel, Instant
from queue_services.domain.outcome import Answer

Gate = Callable[[], Awaitable[None]]
"""Awaited by a coroutine that delivers, once a connection stands and immediately before the
request's first byte: it returns when the slot has come.
"""


class Delivery(msgspec.Struct, frozen=True):
    """One message on its way out.

    `attempt` is the number this POST takes. `payload` is the JSON of
    `domain.message.Content`. `base_url` is the workspace's own, set by API; None means the
    service's. `secrets` are the signing secrets (`whsec_...`), newest first; empty means
    unsigned.
    """

    id: str
    workspace: str
    channel: Channel
    contact: str
    attempt: int
    payload: str
    base_url: str | None = None
    secrets: tuple[str, ...] = ()


class Watcher(Protocol):
    """Who begins a delivery and hears what comes of it, on the event loop and never from
    within `begin` or `start`.
    """

    def ready(self) -> None:
        """A connection stands where there was none at the last `start`: call it again."""
        ...

    def answered(self, answer: Answer) -> None:
        """What the delivery came to: called once, and last. Before a `start` that wrote the
        request it means that nothing was sent.
        """
        ...


class Outgoing(Protocol):
    """One delivery that was begun: its request is built, its connection found or being opened."""

    def start(self) -> bool:
        """Write the request now, in this step. False where no connection stands at this moment:
        nothing was written, and `Watcher.ready` follows when one does.
        """
        ...

    def abandon(self) -> None:
        """Drop the delivery; its watcher is not called any more. A connection that nothing was
        written to is kept for others, one that waits for its answer is closed.
        """
        ...


class Sender(Protocol):
    """Anything that delivers: HTTP callbacks, SMTP, an SMS provider."""

    def begin(self, delivery: Delivery, watcher: Watcher) -> Outgoing:
        """Build the request and look for a connection. Raises nothing: every failure is an
        Answer.

        The time limit of connecting begins here, that of the answer at `start`; the wait
        between the two counts in neither. A connection that is lost before `start` is replaced.
        """
        ...

    async def close(self) -> None:
        """Close every connection. Nothing that was begun may be unanswered."""
        ...


class CoroutineSender(Protocol):
    """A sender written as one coroutine a delivery; `delivery.tasks.TaskSender` makes a
    `Sender` of it.
    """

    async def send(self, delivery: Delivery, gate: Gate) -> Answer:
        """Deliver once, its first byte not before `gate` has returned. Raises nothing of its
        own: every failure is an Answer.

        What `gate` raises passes through, and then nothing was sent; so does CancelledError,
        and then the connection is closed.
        """
        ...

    async def close(self) -> None:
        """Close every connection. No `send` may be running."""
        ...


class Notice(msgspec.Struct, frozen=True):
    """One event on its way out. `facts` is JSON.

    `url` is the workspace's own, set by API; None means the service's. `secrets` are the
    workspace's, newest first.
    """

    id: str
    type: str
    job: str | None
    workspace: str
    channel: str | None
    facts: str
    created_at: Instant
    attempt: int
    url: str | None
    secrets: tuple[str, ...]


class Messenger(Protocol):
    """Anything that tells the application of events."""

    async def send(self, notice: Notice) -> Answer:
        """Tell of one event. Raises nothing of its own: every failure is an Answer."""
        ...

    async def close(self) -> None:
        """Close every connection. No `send` may be running."""
        ...
