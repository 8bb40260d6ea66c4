"""One message in the fake service, and how it is shown and delivered. Used by `queue`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from queue_services_client import wire
from queue_services_client.receiver.signature import decode_secret, sign
from queue_services_client.testing.intake import Accepted
from queue_services_client.types import Attempt, CallbackRequest, Channel, Job, Status

MAX_ATTEMPTS = 3
ENDPOINTS = {Channel.SMS: "/send-sms", Channel.EMAIL: "/api/email/send"}


@dataclass(slots=True)
class Held:
    """A message from its acceptance on.

    `due` is when it was last asked for, `visible_at` when it is next looked at (a later
    try), `tries` counts since it was last scheduled.
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
            waiting_for=("pause" if paused else "due") if waiting else None,
            error=self.error,
            metadata=dict(self.message.metadata),
            attempts=tuple(self.attempts) if attempts else (),
        )

    def request(self, now: datetime, secret: str | None) -> CallbackRequest:
        """The POST that the application's endpoint gets, signed where there is a secret."""
        message = self.message
        ids = wire.members(
            contact_id=message.contact_id, workspace_id=message.workspace_id, job_id=self.job_id
        )
        body: dict[str, Any] = {"to": message.to, **wire.members(**message.content), **ids}
        if message.channel is Channel.EMAIL:
            body["content"] = body["html"]
        content = wire.encode({**message.metadata, **body})
        headers = {
            "content-type": wire.JSON,
            "x-workspace-id": message.workspace_id,
            "idempotency-key": self.job_id,
            "x-attempt": str(len(self.attempts) + 1),
        }
        if secret:
            timestamp = str(int(now.timestamp()))
            signature = sign(decode_secret(secret), self.job_id, timestamp, content)
            headers |= {
                "webhook-id": self.job_id,
                "webhook-timestamp": timestamp,
                "webhook-signature": signature,
            }
        path = (
            message.metadata.get(wire.IN_METADATA["callback_endpoint"])
            or ENDPOINTS[message.channel]
        )
        return CallbackRequest(path=path, headers=headers, body=content)


def counts(held: Sequence[Held]) -> dict[Status, int]:
    """How many have each status, every status named."""
    return {status: sum(one.status is status for one in held) for status in Status}
