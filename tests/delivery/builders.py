"""Deliveries, gates and senders for tests."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from queue_services.delivery.callback import CallbackSender
from queue_services.delivery.http1.dialler import AddressGuard
from queue_services.delivery.sender import Delivery, Gate
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.outcome import Answer
from queue_services.settings.slices import CallbackSettings

NOW = 1_700_000_000 * SECOND


async def open_gate() -> None:
    """A slot that has come already."""


async def send(sender: CallbackSender, delivery: Delivery, gate: Gate = open_gate) -> Answer:
    """What a delivery came to, without the answer's body."""
    return bodiless(await sender.send(delivery, gate))


def bodiless(answer: Answer) -> Answer:
    return msgspec.structs.replace(answer, body=None)


def sms(**fields: Any) -> Delivery:
    """An SMS; `text`, `endpoint`, `metadata` and `traceparent` go into its content, the
    rest into the delivery.
    """
    content = {"to": "+15550100", "text": "Hello"} | {
        name: fields.pop(name)
        for name in ("text", "endpoint", "metadata", "traceparent")
        if name in fields
    }
    values: dict[str, Any] = {
        "id": "job-1",
        "workspace": "workspace-1",
        "channel": Channel.SMS,
        "contact": "contact-1",
        "attempt": 1,
    }
    return Delivery(**values | {"payload": json.dumps(content)} | fields)


def email(html: str = "<p>Hello</p>") -> Delivery:
    content = {"to": "ada@example.com", "subject": "Hello", "html": html}
    return Delivery(
        id="job-2",
        workspace="workspace-1",
        channel=Channel.EMAIL,
        contact="contact-1",
        attempt=1,
        payload=json.dumps(content),
    )


@contextlib.asynccontextmanager
async def sending(
    base_url: str | None = None, *, guard: AddressGuard | None = None, **settings: Any
) -> AsyncIterator[CallbackSender]:
    """A sender that POSTs to `base_url`, closed at the end."""
    sender = CallbackSender(
        CallbackSettings(sms_api_url=base_url, email_api_url=base_url, **settings),
        lambda: NOW,
        guard,
    )
    try:
        yield sender
    finally:
        await sender.close()
