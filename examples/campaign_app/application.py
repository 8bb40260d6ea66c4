"""The parts of the application, put together. Everything it needs from outside is an
argument, so that tests give it fakes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from campaign_app.campaign_builder import CampaignBuilder
from campaign_app.contacts import Base, Contacts
from campaign_app.sending import Mailer
from queue_services_client import QueueService
from queue_services_client.monitor import Alert, Monitor
from queue_services_client.notifications import NotificationManager
from queue_services_client.receiver import Receiver
from queue_services_client.receiver.sqlalchemy import SqlDeduplicator
from queue_services_client.reconcile import Reconciliation, reconcile
from queue_services_client.tracking.sqlalchemy import QueuedMessage, SqlTracker
from queue_services_client.types import Event

log = logging.getLogger("campaign_app")


class Application:
    """The parts, for whoever needs one: a route, a background task, a test."""

    def __init__(
        self,
        engine: Engine,
        service: QueueService,
        mailer: Mailer,
        signing_secret: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.engine, self.service, self.mailer = engine, service, mailer
        Base.metadata.create_all(engine)
        deduplicator = SqlDeduplicator(engine)
        deduplicator.create_tables()
        self.contacts = Contacts(engine)
        self.tracker = SqlTracker(engine)
        self.tracker.create_tables()
        self.builder = CampaignBuilder(service, self.tracker, self.contacts, engine)
        self.receiver = Receiver(
            signing_secret,
            workspaces=self.contacts.is_known,
            deduplicator=deduplicator,
            clock=clock,
        )
        self.monitor = Monitor(service, on_exceeded=warn_of_limit, on_approaching=warn_of_limit)

    def reset_password(self, workspace_id: str, contact_id: str) -> None:
        """Sends a link at once. Not tracked: it expires in ten minutes, and whoever misses it
        asks again. Raises LookupError, QueueServiceError.
        """
        contact = self.contacts.find(workspace_id, contact_id)
        if contact is None or contact.email is None:
            raise LookupError(contact_id)
        notifications = NotificationManager(self.service, workspace_id=workspace_id)
        html = "<p>Here is your link.</p>"
        notifications.send_email(
            contact.email,
            "Your password",
            html,
            contact_id=contact_id,
            expires_after=timedelta(minutes=10),
            raise_errors=True,
        )

    def message_status(self, key: str) -> dict[str, Any] | None:
        with Session(self.engine) as session:
            row = session.scalar(select(QueuedMessage).where(QueuedMessage.queue_key == key))
        if row is None:
            return None
        return {
            "status": row.queue_status,
            "error": row.queue_error,
            "job_id": row.queue_job_id,
            "scheduled_for": row.scheduled_for,
        }

    def on_event(self, event: Event) -> None:
        self.tracker.apply_event(event)
        if event.type == "message.failed":
            log.warning(
                "message %s to contact %s failed: %s", event.job_id, event.contact_id, event.error
            )

    def reconcile(self) -> Reconciliation:
        return reconcile(self.tracker, self.service)


def warn_of_limit(alert: Alert) -> None:
    log.warning(
        "workspace %s: %s limit %s (%d times)",
        alert.workspace_id,
        alert.channel,
        alert.kind,
        alert.use.count,
    )


def warn_of_late(report: Reconciliation) -> None:
    if report.late_count:
        log.warning("%d messages are late, the first is %s", report.late_count, report.late[0].key)
