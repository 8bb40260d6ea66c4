"""Messages at once: password resets, codes, receipts. They have priority high, so they pass
their workspace's campaigns and its send window.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar, Unpack

from queue_services_client.call import Call, Steps
from queue_services_client.calls import scheduling
from queue_services_client.either import Awaiting, Blocking, Caller, Part, call
from queue_services_client.service import AsyncQueueService, QueueService
from queue_services_client.types import Email, Options, ScheduleResult, Sms

T = TypeVar("T")
S = TypeVar("S", bound=Caller)


class Notifications(Part[S]):
    """What both notification managers do, for one workspace; `defaults` (such as
    `callback_endpoint` or `source`) hold for every message.
    """

    def __init__(self, service: S, *, workspace_id: str, **defaults: Unpack[Options]) -> None:
        super().__init__(service)
        self._workspace_id = workspace_id
        self._defaults: dict[str, Any] = {"priority": "high", **defaults}

    @call
    def send_sms(
        self,
        to: str,
        message: str,
        *,
        contact_id: str,
        expires_after: timedelta | None = None,
        raise_errors: bool = False,
        **options: Unpack[Options],
    ) -> Call[ScheduleResult]:
        """Send an SMS now; not at all where it could not be sent within `expires_after`. Raises
        as `QueueService.schedule_sms`.
        """
        return scheduling(
            Sms(to=to, message=message, **self._common(contact_id, expires_after, options)),
            raise_errors=raise_errors,
        )

    @call
    def send_email(
        self,
        to: str,
        subject: str,
        html: str,
        *,
        contact_id: str,
        expires_after: timedelta | None = None,
        raise_errors: bool = False,
        **options: Unpack[Options],
    ) -> Call[ScheduleResult]:
        """Send an email now; not at all where it could not be sent within `expires_after`.
        Raises as `QueueService.schedule_sms`.
        """
        return scheduling(
            Email(
                to=to,
                subject=subject,
                html=html,
                **self._common(contact_id, expires_after, options),
            ),
            raise_errors=raise_errors,
        )

    def _common(
        self, contact_id: str, expires_after: timedelta | None, options: Options
    ) -> dict[str, Any]:
        expires = {} if expires_after is None else {"expires_at": self.now() + expires_after}
        return {
            "contact_id": contact_id,
            "workspace_id": self._workspace_id,
            **self._defaults,
            **expires,
            **options,
        }


class NotificationManager(Notifications[QueueService], Blocking):
    """Notifications through a QueueService.

    >>> notifications = NotificationManager(service, workspace_id="acme", source="accounts")
    >>> notifications.send_email("ada@example.org", "Your code", "<p>123456</p>",
    ...     contact_id="c-1", expires_after=timedelta(minutes=10)).success
    True
    """

    def run(self, steps: Steps[T]) -> T:
        return self._service.run(steps)


class AsyncNotificationManager(Notifications[AsyncQueueService], Awaiting):
    """`NotificationManager` through an AsyncQueueService: the same calls, each awaited."""

    async def run(self, steps: Steps[T]) -> T:
        return await self._service.run(steps)
