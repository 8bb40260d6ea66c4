"""The sender ports: how the dispatcher hands a message to the world, whatever carries it
there, and tells the application of an event.

The dispatcher calls `send` once for each claimed message or event and settles the Answer. A
sender decides nothing about retries, holds or limits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from queue_services.domain.message import Channel, Instant
from queue_services.domain.outcome import Answer

Gate = Callable[[], Awaitable[None]]
"""Awaited by a sender once a connection stands, immediately before the request's first
byte: it returns when the slot has come.

It may wait for seconds: a slot that was missed is reserved anew while the connection is kept.
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


class Sender(Protocol):
    """Anything that delivers: HTTP callbacks, SMTP, an SMS provider."""

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
