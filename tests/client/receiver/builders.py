"""Callbacks as the service sends them, signed by the `standardwebhooks` package and not by
the code under test.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from queue_services_client.types import CallbackRequest

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NOW = 1_742_638_530.0


def sms(**members: Any) -> dict[str, Any]:
    return {
        "to": "+15550100",
        "message": "Hello",
        "contactId": "c1",
        "workspaceId": "w1",
        "jobId": "job-1",
        **members,
    }


def email(**members: Any) -> dict[str, Any]:
    base = {
        "to": "ann@example.com",
        "subject": "Hello",
        "html": "<p>Hi</p>",
        "content": "<p>Hi</p>",
        "contactId": "c1",
        "workspaceId": "w1",
        "jobId": "job-1",
    }
    return {**base, **members}


def event(**members: Any) -> dict[str, Any]:
    base = {
        "eventId": "e1",
        "type": "message.failed",
        "jobId": "job-1",
        "status": "failed",
        "error": "500",
        "workspaceId": "w1",
    }
    return {
        **base,
        "channel": "sms",
        "contactId": "c1",
        "campaignId": None,
        "timestamp": "2025-03-22T10:15:30.123Z",
        **members,
    }


def signed_headers(
    body: bytes, secret: str = SECRET, now: float = NOW, message_id: str = "job-1"
) -> dict[str, str]:
    signature = Webhook(secret).sign(message_id, datetime.fromtimestamp(now, UTC), body.decode())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": signature,
    }


def callback(
    body: Any, *, secret: str = SECRET, now: float = NOW, **headers: str
) -> CallbackRequest:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return CallbackRequest(
        path="/send-sms", headers={**signed_headers(encoded, secret, now), **named}, body=encoded
    )


class Clock:
    """A clock that a test moves by setting `now`, in Unix seconds."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
