"""Evaluates the alerts every 5 s and delivers their notifications; one process at a time does
so, whichever holds the watch.

Run by `bootstrap` in every process, API processes included: an alert about dispatchers must
not depend on one.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

import structlog

from queue_services.clock import Clock
from queue_services.delivery.notifications import Notifier
from queue_services.domain.message import SECOND
from queue_services.errors import StoreUnavailable
from queue_services.queue import alert_figures, alerts, notifications
from queue_services.queue.forecasts import Forecasts
from queue_services.queue.notifications import Notification
from queue_services.storage.port import Database

INTERVAL = 5 * SECOND
DELIVERY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class AlertRunner:
    """The alerts of one process."""

    def __init__(
        self, database: Database, clock: Clock, forecasts: Forecasts, notifier: Notifier
    ) -> None:
        self._database, self._clock = database, clock
        self._forecasts, self._notifier = forecasts, notifier
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{id(self)}"

    async def run(self) -> None:
        """Evaluate and deliver until cancelled."""
        await asyncio.gather(
            self._every(INTERVAL / SECOND, self.evaluate),
            self._every(DELIVERY_SECONDS, self.deliver),
        )

    async def evaluate(self) -> None:
        """One evaluation, where this process holds the watch."""
        found = await alerts.every.run(self._database)
        if not found:
            return
        now = self._clock.now()
        if not await alerts.hold_watch.run(self._database, self._holder, now):
            return
        subjects = {one.rule.subject for one in found}
        values = await alert_figures.read(self._database, self._forecasts, subjects, now)
        # Most evaluations change nothing but the value shown: one write for all of them.
        for report in await alerts.advance.run(self._database, values, now):
            log.warning(
                "alert.transition",
                alert=report.alert,
                transition=report.transition.value,
                figure=report.rule.subject.figure.value,
                value=report.value,
            )

    async def deliver(self) -> None:
        """Deliver the notifications that are due, whichever process they come from."""
        if not await notifications.any_due.run(self._database, self._clock.now()):
            return
        claimed = await notifications.claim.run(self._database, self._clock.now())
        await asyncio.gather(*(self._deliver(one) for one in claimed))

    async def _deliver(self, notification: Notification) -> None:
        error = await self._notifier.send(notification.id, notification.sink, notification.report)
        if error is not None:
            log.warning(
                "alert.notification_failed",
                sink=notification.sink_name,
                alert=notification.report.alert,
                tries=notification.tries,
                error=error,
            )
        await notifications.settle.run(
            self._database, notification, delivered=error is None, now=self._clock.now()
        )

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._clock.pause(seconds)
            try:
                await work()
            except StoreUnavailable:
                continue
            except Exception:
                log.exception("alert.evaluation_failed")
