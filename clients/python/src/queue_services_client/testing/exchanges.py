"""What the fake service asks of the application, and what it does with the answer: a message,
a batch of them, or whether a message was delivered. Used by the fakes, which carry it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from queue_services_client import wire
from queue_services_client.receiver.signature import decode_secret, sign
from queue_services_client.testing.held import Held
from queue_services_client.testing.queue import FakeQueue
from queue_services_client.types import CallbackAnswer, CallbackRequest, Channel, ChannelName

ENDPOINTS = {Channel.SMS: "/send-sms", Channel.EMAIL: "/api/email/send"}
BATCH_SIZE = 100


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request for messages that are now PROCESSING, and what its answer does to them."""

    messages: Sequence[Held]
    request: CallbackRequest
    settle: Callable[[CallbackAnswer | OSError], None]


class Exchanges:
    """Makes the requests. `batch` and `ask` are the application's paths by channel, for
    whole batches and for the question before a message is sent again; a channel that is
    absent has none.
    """

    def __init__(
        self,
        queue: FakeQueue,
        batch: Mapping[ChannelName, str],
        ask: Mapping[ChannelName, str],
    ) -> None:
        self._queue = queue
        self._batch = {Channel(channel): path for channel, path in batch.items()}
        self._ask = {Channel(channel): path for channel, path in ask.items()}
        self._sent = 0
        queue.asks = frozenset(self._ask)

    def take(self, until: datetime, secret: str | None) -> Exchange | None:
        """The next exchange that is due by `until`, the clock moved to its time."""
        held = self._queue.take(until)
        if held is None:
            return None
        if held.unconfirmed:
            return self._question(held, secret)
        if held.message.channel in self._batch and held.own_endpoint is None:
            return self._batch_of(held, secret)
        return self._single(held, secret)

    def _single(self, held: Held, secret: str | None) -> Exchange:
        content = wire.encode(held.members())
        headers = {
            "content-type": wire.JSON,
            "x-workspace-id": held.message.workspace_id,
            "idempotency-key": held.job_id,
            "x-attempt": str(len(held.attempts) + 1),
            **self._signature(secret, held.job_id, content),
        }
        path = held.own_endpoint or ENDPOINTS[held.message.channel]
        request = CallbackRequest(path=path, headers=headers, body=content)
        return Exchange([held], request, lambda answer: self._queue.settle(held, answer))

    def _batch_of(self, first: Held, secret: str | None) -> Exchange:
        messages = [first, *self._queue.take_more(first, first.batch_limit or BATCH_SIZE)]
        self._sent += 1
        batch_id = f"batch-{self._sent}"
        each = [{**held.members(), "attempt": len(held.attempts) + 1} for held in messages]
        content = wire.encode(
            wire.members(
                batch_id=batch_id,
                workspace_id=first.message.workspace_id,
                channel=first.message.channel,
                messages=each,
            )
        )
        headers = {
            "content-type": wire.JSON,
            "x-workspace-id": first.message.workspace_id,
            "idempotency-key": batch_id,
            **self._signature(secret, batch_id, content),
        }
        path = self._batch[first.message.channel]
        request = CallbackRequest(path=path, headers=headers, body=content)
        return Exchange(
            messages, request, lambda answer: self._queue.settle_batch(messages, answer)
        )

    def _question(self, held: Held, secret: str | None) -> Exchange:
        headers = {
            "x-workspace-id": held.message.workspace_id,
            **self._signature(secret, held.job_id, b""),
        }
        path = f"{self._ask[held.message.channel]}/{held.job_id}"
        request = CallbackRequest(method="GET", path=path, headers=headers, body=b"")
        return Exchange([held], request, lambda answer: self._queue.confirm(held, answer))

    def _signature(self, secret: str | None, message_id: str, content: bytes) -> dict[str, str]:
        if not secret:
            return {}
        timestamp = str(int(self._queue.clock.time()))
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": sign(decode_secret(secret), message_id, timestamp, content),
        }
