"""Delivery by callback: POSTs a due message to the application and reads what became of it.

The dispatcher calls it through the port `delivery.sender`. Retries, holds and limits are
not its business.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from urllib.parse import quote

import msgspec

from queue_services.delivery.http1.dialler import AddressGuard
from queue_services.delivery.http1.target import Request, post, read_target
from queue_services.delivery.posts import GatedWatcher, Post, Posts, Unsendable
from queue_services.delivery.sender import Delivery, Gate, Watcher
from queue_services.delivery.signing import signature_headers
from queue_services.domain.endpoint import request_target
from queue_services.domain.message import Channel, Content, Instant
from queue_services.domain.outcome import ERROR_CHARACTERS, Answer, Kind
from queue_services.settings.slices import CallbackSettings
from queue_services.wire.callback import callback_body

_VISIBLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_read_content = msgspec.json.Decoder(Content).decode


class CallbackSender:
    """The Sender that speaks HTTP.

    `clock` gives the instants of signatures and of Retry-After. `address_guard` is asked
    about every address that a base URL set by API leads to, when it is dialled, and says
    why not; such a message is REJECTED, not UNREACHABLE: waiting a day would not make the
    address a better one.
    """

    def __init__(
        self,
        settings: CallbackSettings,
        clock: Callable[[], Instant],
        address_guard: AddressGuard | None = None,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._posts = Posts(
            settings.delivery_timeout_seconds, settings.concurrency, clock, address_guard
        )

    def begin(self, delivery: Delivery, watcher: Watcher) -> Post | Unsendable:
        """Build the POST of the message and look for a connection; see
        `delivery.sender.Sender.begin`.
        """
        base_url = delivery.base_url or self._base_url(delivery.channel)
        if base_url is None:
            setting = f"{delivery.channel.upper()}_API_URL"
            error = f"There is no base URL for {delivery.channel}: set {setting}."
            return Unsendable(Answer(Kind.UNREACHABLE, error=error), watcher)
        try:
            request = self._request(delivery, base_url)
        except ValueError as fault:
            error = f"The request cannot be built: {fault}"[:ERROR_CHARACTERS]
            return Unsendable(Answer(Kind.REJECTED, error=error), watcher)
        return self._posts.begin(request, watcher, guarded=delivery.base_url is not None)

    async def send(self, delivery: Delivery, gate: Gate) -> Answer:
        """POST the message once `gate` has returned, on a connection that stands by then; see
        `delivery.sender.CoroutineSender.send`.
        """
        watcher = GatedWatcher()
        return await watcher.pass_gate(self.begin(delivery, watcher), gate)

    async def close(self) -> None:
        """Close every connection."""
        await self._posts.close()

    def _base_url(self, channel: Channel) -> str | None:
        return (
            self._settings.sms_api_url if channel is Channel.SMS else self._settings.email_api_url
        )

    def _request(self, delivery: Delivery, base_url: str) -> Request:
        """The request of a delivery. Raises ValueError for what intake should not have let in."""
        content = _read_content(delivery.payload)
        default = (
            self._settings.sms_callback_endpoint
            if delivery.channel is Channel.SMS
            else self._settings.email_callback_endpoint
        )
        target = read_target(base_url, request_target(content.endpoint or default))
        body = callback_body(
            content,
            channel=delivery.channel,
            contact=delivery.contact,
            workspace=delivery.workspace,
            job=delivery.id,
        )
        headers = {
            "x-workspace-id": _header_text(delivery.workspace),
            "idempotency-key": delivery.id,
            "x-attempt": str(delivery.attempt),
        }
        if content.traceparent is not None:
            headers["traceparent"] = content.traceparent
        if authorization := target.credentials or self._authorization(delivery):
            headers["authorization"] = authorization
        if secrets := self._secrets(delivery):
            headers |= signature_headers(secrets, delivery.id, self._clock(), body)
        return post(target, headers, body)

    def _authorization(self, delivery: Delivery) -> str | None:
        """The operator's credential, for the operator's own endpoints alone: a workspace's base
        URL is its tenant's, who could use it on the other tenants' endpoints.
        """
        return None if delivery.base_url else self._settings.callback_authorization

    def _secrets(self, delivery: Delivery) -> tuple[str, ...]:
        """The workspace's secrets; without any the service's, but for a workspace's own base
        URL: whoever verifies there would hold the secret that signs everybody's callbacks.
        """
        if delivery.secrets or delivery.base_url or self._settings.signing_secret is None:
            return delivery.secrets
        return (self._settings.signing_secret,)


@functools.lru_cache(maxsize=1024)
def _header_text(text: str) -> str:
    """As a header can carry it: visible ASCII as it is, all else percent-encoded as UTF-8;
    a line break would end the header.
    """
    return quote(text, safe=_VISIBLE_ASCII)
