"""Messages, contacts and transports for the client's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2

from queue_services_client import Email, Sms
from queue_services_client.call import Retries

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PROBLEM = {"content-type": "application/problem+json"}


def sms(**members: Any) -> Sms:
    return Sms(
        **{
            "to": "+49 170 1234567",
            "message": "See you at ten",
            "contact_id": "c-1",
            "workspace_id": "acme",
            **members,
        }
    )


def email(**members: Any) -> Email:
    base = {
        "to": "ada@example.org",
        "subject": "Welcome",
        "html": "<p>Hello</p>",
        "contact_id": "c-1",
        "workspace_id": "acme",
    }
    return Email(**{**base, **members})


def problem(
    status: int, detail: str = "no", headers: dict[str, str] | None = None, **members: Any
) -> httpx2.Response:
    body = {
        "title": "Refused",
        "status": status,
        "detail": detail,
        "success": False,
        "message": detail,
        **members,
    }
    return httpx2.Response(status, json=body, headers={**PROBLEM, **(headers or {})})


def answer(**members: Any) -> httpx2.Response:
    return httpx2.Response(200, json={"success": True, **members})


SCHEDULED: dict[str, Any] = {
    "jobId": "job-1",
    "message": "SMS scheduled successfully",
    "status": "SCHEDULED",
    "scheduledFor": "2026-03-02T09:00:00.000Z",
}
JOB: dict[str, Any] = {
    "jobId": "job-1",
    "status": "SCHEDULED",
    "reason": None,
    "channel": "sms",
    "workspaceId": "acme",
    "contactId": "c-1",
    "campaignId": None,
    "scheduledFor": "2026-03-02T09:00:00.000Z",
    "createdAt": "2026-03-02T08:00:00.000Z",
    "finishedAt": None,
    "attemptsMade": 0,
    "maxAttempts": 3,
    "nextAttemptAt": None,
    "estimatedAt": None,
    "waitingFor": "due",
    "error": None,
    "metadata": {},
}


class Script:
    """A transport that answers with what it was given, in order, the last again and again,
    and keeps what it was asked.
    """

    def __init__(
        self, *answers: httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]
    ) -> None:
        self._answers = list(answers)
        self.requests: list[httpx2.Request] = []
        self.transport = httpx2.MockTransport(self._answer)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(found, Exception):
            raise found
        return (
            found(request)
            if callable(found)
            else httpx2.Response(found.status_code, content=found.content, headers=found.headers)
        )


class Naps:
    """Takes the place of sleeping, and keeps how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    async def awaited(self, seconds: float) -> None:
        self.seconds.append(seconds)


LONGEST_WAITS = Retries(
    attempts=4, first=1.0, longest=8.0, patience=60.0, jitter=lambda longest: longest
)
"""Retries that draw the longest wait each time, so that a test can name it."""
