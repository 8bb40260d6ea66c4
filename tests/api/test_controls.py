"""Channels, pauses and limits with an end and a reason, by the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.service import Service

LATER = "2025-03-22T11:15:30.123Z"
SETTING = {
    "channel": "sms",
    "paused": False,
    "perSecond": 50,
    "source": "setting",
    "until": None,
    "reason": None,
    "pausedUntil": None,
    "pausedReason": None,
}


async def test_channels_show_their_pause_and_their_limit(service: Service) -> None:
    answer = await service.ask("GET", "/api/channels")
    assert answer["channels"][0] == SETTING
    assert answer["channels"][1]["perSecond"] == 100
    assert await service.ask("GET", "/api/channels/sms") == {"success": True, **SETTING}
    await service.ask("GET", "/api/channels/fax", 404)


async def test_a_stored_limit_is_in_force_until_null_takes_it_away(service: Service) -> None:
    body = {"perSecond": 5, "until": LATER, "reason": "the provider asked"}
    answer = await service.ask("PUT", "/api/channels/sms", json=body)
    stored = {"perSecond": 5, "source": "stored", "until": LATER, "reason": "the provider asked"}
    assert answer == {"success": True, **SETTING, **stored}
    metrics = await service.ask("GET", "/api/metrics/workspace/acme")
    assert metrics["sms"]["limitPerSecond"] == 5
    answer = await service.ask("PUT", "/api/channels/sms", json={"perSecond": None})
    assert answer == {"success": True, **SETTING}


async def test_a_pause_of_a_channel_takes_an_end_and_a_reason(service: Service) -> None:
    body = {"until": LATER, "reason": "maintenance"}
    answer = await service.ask("POST", "/api/channels/sms/pause", json=body)
    timed = {"until": LATER, "reason": "maintenance"}
    named = {"pausedUntil": LATER, "pausedReason": "maintenance"}
    assert answer == {"success": True, **SETTING, "paused": True, **timed, **named}
    assert await service.ask("POST", "/api/channels/sms/resume") == {"success": True, **SETTING}


async def test_a_workspace_shows_the_ends_and_reasons_it_was_given(service: Service) -> None:
    body = {
        "paused": {"sms": True},
        "pausedUntil": {"sms": LATER},
        "pausedReason": {"sms": "holiday"},
        "limits": {"email": 5},
        "limitsUntil": {"email": LATER},
        "limitsReason": {"email": "warm-up"},
    }
    answer = await service.ask("PUT", "/api/workspaces/acme", json=body)
    assert answer["paused"] == {"sms": True, "email": False}
    assert answer["pausedUntil"] == {"sms": LATER, "email": None}
    assert answer["pausedReason"] == {"sms": "holiday", "email": None}
    assert answer["limitsUntil"] == {"sms": None, "email": LATER}
    assert answer["limitsReason"] == {"sms": None, "email": "warm-up"}
    answer = await service.ask("PUT", "/api/workspaces/acme", json={"paused": {"sms": False}})
    assert answer["pausedUntil"] == {"sms": None, "email": None}


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/api/channels/sms", {"until": LATER}, "until"),
        ("PUT", "/api/channels/sms", {"perSecond": 5, "until": "2020-01-01T00:00:00Z"}, "until"),
        ("PUT", "/api/channels/sms", {"perSecond": 0}, "perSecond"),
        ("PUT", "/api/channels/sms", {"perSecond": 1.5}, "perSecond"),
        ("PUT", "/api/channels/sms", {"colour": "red"}, "colour"),
        ("POST", "/api/channels/sms/pause", {"until": "soon"}, "until"),
        ("PUT", "/api/workspaces/acme", {"pausedUntil": {"sms": LATER}}, "pausedUntil.sms"),
        ("PUT", "/api/workspaces/acme", {"limitsUntil": {"email": LATER}}, "limitsUntil.email"),
        ("PUT", "/api/workspaces/acme", {"pausedUntil": {"sms": "soon"}}, "pausedUntil.sms"),
        ("PUT", "/api/workspaces/acme", {"pausedReason": {"sms": ""}}, "pausedReason.sms"),
    ],
)
async def test_a_wrong_end_is_refused_by_its_field(
    service: Service, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await service.ask(method, path, 400, json=body)
    assert answer["errors"][0]["field"] == field


async def test_a_campaigns_pause_takes_an_end(service: Service) -> None:
    await service.schedule(metadata={"campaignId": "spring"})
    path = "/api/campaigns/spring/pause?workspaceId=workspace-1"
    await service.ask("POST", path, json={"until": LATER, "reason": "checking the text"})
    await service.ask("POST", path, 400, json={"until": "2020-01-01T00:00:00Z"})
    state = await service.ask("GET", "/api/campaigns/spring?workspaceId=workspace-1")
    assert state["state"] == "paused"


async def test_a_change_of_a_channel_is_recorded_with_both_limits(service: Service) -> None:
    await service.ask("PUT", "/api/channels/email", json={"perSecond": 7})
    [entry] = (await service.ask("GET", "/api/audit"))["entries"]
    assert (entry["action"], entry["subject"], entry["workspaceId"]) == (
        "change channel",
        "email",
        None,
    )
    assert (entry["old"]["per_second"], entry["new"]["per_second"]) == (100, 7)


async def test_a_workspaces_key_does_not_see_channels(service: Service) -> None:
    made = await service.ask("POST", "/api/keys", json={"workspaceId": "acme"})
    service.client.headers["authorization"] = f"Bearer {made['key']}"
    await service.ask("GET", "/api/channels", 403)
    await service.ask("PUT", "/api/channels/sms", 403, json={"perSecond": 1})
