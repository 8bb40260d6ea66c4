"""Events to the application: POSTs one to the workspace's events URL, else to the
service's, signed, on connections of their own.

Called by `dispatcher.events`. What becomes of an event that is not taken is decided there.
"""

from __future__ import annotations

from collections.abc import Callable

from queue_services.delivery.http1.dialler import AddressGuard
from queue_services.delivery.http1.target import post, read_target
from queue_services.delivery.posts import Posts
from queue_services.delivery.sender import Notice
from queue_services.delivery.signing import signature_headers
from queue_services.domain.message import Instant
from queue_services.domain.outcome import ERROR_CHARACTERS, Answer, Kind
from queue_services.settings.slices import EventSettings
from queue_services.wire.events import event_body

CONNECTIONS = 32
"""Events on their way at once, of one process: connections that no message has."""


class EventSender:
    """POSTs events. `clock` gives the instants of signatures; `address_guard` is asked
    about addresses that URLs set by API lead to.
    """

    def __init__(
        self,
        settings: EventSettings,
        clock: Callable[[], Instant],
        address_guard: AddressGuard | None = None,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._posts = Posts(settings.delivery_timeout_seconds, CONNECTIONS, clock, address_guard)

    async def send(self, notice: Notice) -> Answer:
        """POST an event, and return what was answered, or how far it came. Raises nothing but
        CancelledError.
        """
        address = notice.url or self._settings.events_url
        if address is None:
            return Answer(Kind.UNREACHABLE, error="There is no URL for events: set EVENTS_URL.")
        try:
            target = read_target(address)
            body = event_body(
                identity=notice.id,
                kind=notice.type,
                job=notice.job,
                workspace=notice.workspace,
                channel=notice.channel,
                facts=notice.facts,
                created_at=notice.created_at,
            )
            headers = {"idempotency-key": notice.id, "x-attempt": str(notice.attempt)}
            if authorization := target.credentials or (
                None if notice.url else self._settings.callback_authorization
            ):
                headers["authorization"] = authorization
            if secrets := self._secrets(notice):
                headers |= signature_headers(secrets, notice.id, self._clock(), body)
            request = post(target, headers, body)
        except ValueError as fault:
            return Answer(
                Kind.REJECTED, error=f"The request cannot be built: {fault}"[:ERROR_CHARACTERS]
            )
        return await self._posts.send(request, guarded=notice.url is not None)

    async def close(self) -> None:
        """Close every connection. No `send` may be running."""
        await self._posts.close()

    def _secrets(self, notice: Notice) -> tuple[str, ...]:
        """What signs an event: on the workspace's own URL its own secrets alone, if any; on the
        service's, the service's secret as well.
        """
        services = (self._settings.signing_secret,) if self._settings.signing_secret else ()
        return notice.secrets if notice.url else (*services, *notice.secrets)
