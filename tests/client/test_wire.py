"""What the client says on the wire: names, instants, delays, and what JSON cannot hold."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from queue_services_client import wire
from queue_services_client.errors import ValidationFailed
from queue_services_client.types import Message, ScheduleResult, SendWindow, Workspace
from tests.client.builders import email, sms


def line(message: Message) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(wire.batch_line(message))
    return members


def test_an_sms_goes_out_with_the_members_of_the_original_endpoint_and_no_others() -> None:
    expected = {
        "channel": "sms",
        "phoneNumber": "+49 170 1234567",
        "message": "See you at ten",
        "contactId": "c-1",
        "workspaceId": "acme",
    }
    assert line(sms()) == expected


def test_an_email_goes_out_with_its_own_members() -> None:
    expected = {
        "channel": "email",
        "to": "ada@example.org",
        "subject": "Welcome",
        "html": "<p>Hello</p>",
        "contactId": "c-1",
        "workspaceId": "acme",
    }
    assert line(email()) == expected


def test_every_option_has_its_place() -> None:
    message = sms(
        delay=1500,
        media_url="https://example.org/a.png",
        metadata={"order": 7},
        priority="high",
        expires_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
        idempotency_key="k",
        campaign_id="spring",
        message_id="1",
        source="crm",
        callback_endpoint="/hooks/sms",
    )
    assert line(message) | {"to": 0} == line(sms()) | {
        "to": 0,
        "delay": 1500,
        "mediaUrl": "https://example.org/a.png",
        "priority": "high",
        "expiresAt": "2026-03-01T10:00:00.000Z",
        "idempotencyKey": "k",
        "metadata": {
            "order": 7,
            "campaignId": "spring",
            "messageId": "1",
            "source": "crm",
            "callbackEndpoint": "/hooks/sms",
        },
    }


def test_metadata_given_as_such_is_not_changed_by_sending_it() -> None:
    metadata = {"order": 7}
    line(sms(metadata=metadata, campaign_id="spring"))
    assert metadata == {"order": 7}


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (0, {"delay": 0}),
        (2.6, {"delay": 3}),
        (timedelta(days=1, milliseconds=1), {"delay": 86_400_001}),
        (
            datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=2))),
            {"scheduledFor": "2026-03-01T07:30:00.000Z"},
        ),
        (None, {}),
    ],
)
def test_a_delay_is_milliseconds_a_timedelta_or_an_instant(
    delay: Any, expected: dict[str, Any]
) -> None:
    assert wire.due(delay) == expected


@pytest.mark.parametrize(
    "delay",
    [-1, math.nan, math.inf, True, "5", timedelta(seconds=-1), datetime(2026, 3, 1)],  # noqa: DTZ001
)
def test_a_delay_that_is_none_is_refused_before_it_is_sent(delay: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        wire.due(delay)
    assert refused.value.faults[0].field in {"delay", "scheduledFor"}


@pytest.mark.parametrize("value", [object(), "\ud800", {1j: 1}])
def test_what_json_cannot_hold_is_refused_before_it_is_sent(value: Any) -> None:
    with pytest.raises(ValidationFailed, match="JSON"):
        wire.batch_line(sms(metadata={"value": value}))


def test_an_answer_may_have_members_that_are_not_known_yet() -> None:
    answer = wire.decode(
        ScheduleResult,
        b'{"success": true, "jobId": "j", "scheduledFor": "2025-03-22T10:15:30.123Z", "planet":'
        b' "Mars"}',
    )
    assert (answer.job_id, answer.scheduled_for) == (
        "j",
        datetime(2025, 3, 22, 10, 15, 30, 123_000, tzinfo=UTC),
    )


@pytest.mark.parametrize("shape", ['{"success": true, %s}', '{"success": true, "workspace": {%s}}'])
def test_a_workspace_is_read_at_the_top_level_and_under_its_name(shape: str) -> None:
    content = (
        shape
        % '"workspaceId": "acme", "limits": {"sms": 0.5}, "sendWindow": {"start": "08:00", "end":'
        ' "21:00", "days": [1]}'
    )
    window = SendWindow(start="08:00", end="21:00", days=(1,))
    assert wire.decode_workspace(content.encode()) == Workspace(
        workspace_id="acme",
        limits={"sms": 0.5},  # type: ignore[dict-item]
        send_window=window,
    )
