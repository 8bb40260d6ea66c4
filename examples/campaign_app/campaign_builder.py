"""Launches campaigns, every message tracked, and says how far they are."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from campaign_app.contacts import Contacts
from queue_services_client import Launch, QueueService, Step
from queue_services_client.tracking import TrackedCampaign
from queue_services_client.tracking.sqlalchemy import QueuedMessage, SqlTracker

WELCOME = (
    Step(
        0,
        "09:30",
        "email",
        subject="Welcome, $name",
        template="<p>Good to have you here, $name.</p>",
    ),
    Step(2, "10:00", "sms", template="$name, have you seen the tour? Reply STOP to end."),
    Step(7, "18:15", "email", subject="Your first week", template="<p>How was it, $name?</p>"),
)


class CampaignBuilder:
    def __init__(
        self, service: QueueService, tracker: SqlTracker, contacts: Contacts, engine: Engine
    ) -> None:
        self._service, self._tracker, self._contacts, self._engine = (
            service,
            tracker,
            contacts,
            engine,
        )

    def launch(
        self, campaign_id: str, workspace_id: str, steps: Sequence[Step] = WELCOME
    ) -> Launch:
        """Schedules every step for every contact of the workspace. Launching twice schedules
        once. Raises ValidationFailed for bad steps.
        """
        zone = self._contacts.timezone_of(workspace_id) or "UTC"
        campaign = TrackedCampaign(
            campaign_id,
            steps,
            zone=zone,
            workspace_id=workspace_id,
            service=self._service,
            tracker=self._tracker,
        )
        return campaign.launch(self._contacts.of(workspace_id))

    def progress(self, campaign_id: str, workspace_id: str) -> dict[str, int]:
        """How many of the campaign's messages have each status, as this application knows it."""
        mine = (QueuedMessage.campaign_id == campaign_id) & (
            QueuedMessage.workspace_id == workspace_id
        )
        with Session(self._engine) as session:
            counted = session.execute(
                select(QueuedMessage.queue_status, func.count())
                .where(mine)
                .group_by(QueuedMessage.queue_status)
            )
            return {status.value: count for status, count in counted}
