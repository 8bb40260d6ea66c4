"""Programs written for the original service: their scheduling requests as axios sends them,
their answers read as they read them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.api.service import Service

AXIOS = {
    "accept": "application/json, text/plain, */*",
    "content-type": "application/json",
    "user-agent": "axios/1.8.4",
    "accept-encoding": "gzip, compress, deflate, br",
    "connection": "keep-alive",
}
NOT_A_NUMBER = float("nan")
UNDEFINED = object()

EMAIL_DATA = {
    "to": "contact@example.com",
    "subject": "Your spring offer",
    "html": "<h1>Grüße, Ada</h1><p>It's 20 % off 🌱</p>",
    "contactId": "contact-456",
    "workspaceId": "workspace-123",
}
SMS_DATA = {
    "phoneNumber": "+15550109999",
    "message": "Your table is ready",
    "contactId": "contact-456",
    "workspaceId": "workspace-123",
}
JOB_ID = re.compile(r"[0-9a-f-]{36}")


@dataclass
class Response:
    """What `await axios.post(...)` gives: `data` is the parsed body."""

    status: int
    data: Any


class AxiosError(Exception):
    """What it throws for a status that is not 2xx."""

    def __init__(self, response: httpx2.Response) -> None:
        self.message = f"Request failed with status code {response.status_code}"
        self.response = Response(response.status_code, response.json())
        super().__init__(self.message)


def stringify(body: dict[str, Any]) -> bytes:
    """`JSON.stringify`: undefined members are left out, NaN is null, text stays as it is."""
    members = {
        name: None if value is NOT_A_NUMBER else value
        for name, value in body.items()
        if value is not UNDEFINED
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


async def post(service: Service, path: str, body: dict[str, Any]) -> Response:
    """`axios.post(url, body)`."""
    response = await service.client.post(path, content=stringify(body), headers=AXIOS)
    if not 200 <= response.status_code < 300:
        raise AxiosError(response)
    return Response(response.status_code, response.json())


async def schedule_email(service: Service, email: dict[str, Any], delay: Any) -> dict[str, Any]:
    """The service layer's `scheduleEmail(emailData, delayMs)`."""
    try:
        response = await post(service, "/api/schedule-email", {**email, "delay": delay})
    except AxiosError as error:
        return {"success": False, "error": error.message}
    return {"success": True, "jobId": response.data["jobId"]}


async def test_launch_campaign_posts_an_email_with_its_delay(service: Service) -> None:
    day = 24 * 60 * 60 * 1000
    response = await post(
        service, "/api/schedule-email", {**EMAIL_DATA, "delay": 2 * day + 90 * 60 * 1000}
    )
    assert response.status == 200
    assert response.data["success"] is True
    assert response.data["message"] == "Email scheduled successfully"
    assert response.data["status"] == "SCHEDULED"
    assert response.data["scheduledFor"] == "2025-03-24T11:45:30.123Z"


async def test_the_service_layer_gets_a_job_id(service: Service) -> None:
    result = await schedule_email(service, EMAIL_DATA, 5000)
    assert result["success"] is True
    assert JOB_ID.fullmatch(result["jobId"])


async def test_the_notification_manager_schedules_at_once_with_a_delay_of_zero(
    service: Service,
) -> None:
    response = await post(service, "/api/schedule-email", {**EMAIL_DATA, "delay": 0})
    assert response.data["message"] == "Email queued for immediate delivery"
    assert response.data["scheduledFor"] == "2025-03-22T10:15:30.123Z"


@pytest.mark.parametrize("delay", [UNDEFINED, None, NOT_A_NUMBER])
async def test_a_delay_that_javascript_did_not_compute_is_none(
    service: Service, delay: Any
) -> None:
    result = await schedule_email(service, EMAIL_DATA, delay)
    assert (await service.job(result["jobId"]))["scheduledFor"] == "2025-03-22T10:15:30.123Z"


async def test_the_seed_s_delay_to_a_time_tomorrow_is_a_whole_number_of_milliseconds_and_arrives_there(
    service: Service,
) -> None:
    now = datetime.fromisoformat("2025-03-22T10:15:30.123+00:00")
    delay = (
        (now + timedelta(days=1)).replace(hour=9, minute=30, second=0, microsecond=0) - now
    ) / timedelta(milliseconds=1)
    response = await post(service, "/api/schedule-sms", {**SMS_DATA, "delay": delay})
    assert response.data["scheduledFor"] == "2025-03-23T09:30:00.000Z"


async def test_an_sms_is_scheduled_in_five_seconds_as_in_the_testing_strategy(
    service: Service,
) -> None:
    response = await post(
        service,
        "/api/schedule-sms",
        {
            **SMS_DATA,
            "delay": 5000,
            "metadata": {"campaignId": 42, "messageId": "m-1", "source": "campaign"},
        },
    )
    assert response.data["message"] == "SMS scheduled successfully"
    assert JOB_ID.fullmatch(response.data["jobId"])


async def test_what_an_original_program_sends_besides_does_no_harm(service: Service) -> None:
    extra = {
        "from": "shop@example.com",
        "attempts": 3,
        "campaign": {"id": 5},
        "mediaUrl": None,
        "metadata": None,
    }
    assert (await post(service, "/api/schedule-email", {**EMAIL_DATA, **extra})).data[
        "success"
    ] is True
    assert (
        await post(service, "/api/schedule-sms", {**SMS_DATA, "workspaceId": 123, **extra})
    ).data["success"] is True


async def test_a_failure_is_caught_with_its_message(service: Service) -> None:
    result = await schedule_email(service, {**EMAIL_DATA, "to": UNDEFINED}, 5000)
    assert result == {"success": False, "error": "Request failed with status code 400"}


async def test_the_body_of_a_failure_says_why_as_the_original_s_did(service: Service) -> None:
    with pytest.raises(AxiosError) as caught:
        await post(service, "/api/schedule-sms", {"phoneNumber": "555 0100"})
    data = caught.value.response.data
    assert data["success"] is False
    assert "message" in data["message"]
    assert {error["field"] for error in data["errors"]} == {"message", "contactId", "workspaceId"}


async def test_the_status_that_an_application_stores_is_one_of_the_seed_s(service: Service) -> None:
    result = await schedule_email(service, EMAIL_DATA, 60_000)
    row = {"queueJobId": result["jobId"], "queueStatus": "SCHEDULED", "queueError": None}
    status = (
        await service.client.get(f"/api/job-status/{row['queueJobId']}", headers=AXIOS)
    ).json()
    assert status["status"] in ("SCHEDULED", "PROCESSING", "COMPLETED", "FAILED")
    assert (status["status"], status["error"]) == (row["queueStatus"], row["queueError"])
    assert datetime.fromisoformat(status["scheduledFor"]) == datetime.fromisoformat(
        "2025-03-22T10:16:30.123+00:00"
    )
