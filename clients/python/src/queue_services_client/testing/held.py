"""One message in the fake service, and how it is shown. Used by `queue`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from queue_services_client import wire
from queue_services_client.testing.intake import Accepted
from queue_services_client.types import Attempt, Channel, Job, Status

MAX_ATTEMPTS = 3


@dataclass(slots=True)
class Held:
    """A message from its acceptance on.

    `due` is when it was last asked for, `visible_at` when it is next looked at (a later
    try), `tries` counts since it was last scheduled. `unconfirmed`: whether the last POST
    arrived is asked first. `batch_limit`: a larger batch was refused.
    """

    job_id: str
    message: Accepted
    created_at: datetime
    due: datetime
    visible_at: datetime
    status: Status = Status.SCHEDULED
    reason: str | None = None
    error: str | None = None
    finished_at: datetime | None = None
    tries: int = 0
    refused_since: datetime | None = None
    refusals: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    unconfirmed: bool = False
    batch_limit: int | None = None

    def end(self, status: Status, reason: str | None, now: datetime) -> None:
        self.status, self.reason, self.finished_at = status, reason, now

    def job(self, *, paused: bool = False, attempts: bool = False) -> Job:
        waiting = self.status is Status.SCHEDULED
        return Job(
            job_id=self.job_id,
            status=self.status,
            channel=self.message.channel,
            workspace_id=self.message.workspace_id,
            contact_id=self.message.contact_id,
            campaign_id=self.message.campaign_id,
            scheduled_for=self.due,
            created_at=self.created_at,
            reason=self.reason,
            finished_at=self.finished_at,
            attempts_made=self.tries,
            max_attempts=MAX_ATTEMPTS,
            next_attempt_at=self.visible_at if waiting and self.attempts else None,
            estimated_at=self.visible_at if waiting and not paused else None,
            waiting_for=self._waiting_for(paused=paused) if waiting else None,
            error=self.error,
            metadata=dict(self.message.metadata),
            attempts=tuple(self.attempts) if attempts else (),
        )

    def members(self) -> dict[str, Any]:
        """The members of its callback's body."""
        message = self.message
        ids = wire.members(
            contact_id=message.contact_id, workspace_id=message.workspace_id, job_id=self.job_id
        )
        body: dict[str, Any] = {"to": message.to, **wire.members(**message.content), **ids}
        if message.channel is Channel.EMAIL:
            body["content"] = body["html"]
        return {**message.metadata, **body}

    @property
    def own_endpoint(self) -> str | None:
        """The path that its metadata names, None for the channel's."""
        return self.message.metadata.get(wire.IN_METADATA["callback_endpoint"]) or None

    def _waiting_for(self, *, paused: bool) -> str:
        if paused:
            return "pause"
        return "confirmation" if self.unconfirmed else "due"


def counts(held: Sequence[Held]) -> dict[Status, int]:
    """How many have each status, every status named."""
    return {status: sum(one.status is status for one in held) for status in Status}
