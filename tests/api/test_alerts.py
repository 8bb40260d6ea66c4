"""Alerts and their sinks by the API: for administrators alone, secrets never shown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.service import Service

HOOK = {"type": "webhook", "url": "https://example.com/hook", "secret": "whsec_" + "c2VjcmV0" * 4}
MAIL = {
    "type": "smtp",
    "host": "mail.example.com",
    "port": 587,
    "tls": True,
    "username": "ada",
    "password": "correct horse",
    "from": "alerts@example.com",
    "to": "ops@example.com",
}
LATE = {
    "when": {"figure": "oldestDueSeconds", "channel": "sms", "over": 30, "forSeconds": 60},
    "notify": ["hook"],
    "quietSeconds": 600,
    "clear": 5,
}


async def put(service: Service, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    answer = await service.client.put(path, json=body)
    return answer.status_code, answer.json()


async def test_an_alert_is_answered_as_it_was_set_with_where_it_stands(service: Service) -> None:
    assert (await put(service, "/api/alert-sinks/hook", HOOK))[0] == 200
    status, answer = await put(service, "/api/alerts/late", LATE)
    expected = {
        "name": "late",
        "when": {
            "figure": "oldestDueSeconds",
            "channel": "sms",
            "workspaceId": None,
            "over": 30,
            "under": None,
            "forSeconds": 60,
        },
        "notify": ["hook"],
        "quietSeconds": 600,
        "clear": 5,
        "state": "ok",
        "since": None,
        "value": None,
        "lastNotifiedAt": None,
    }
    assert (status, answer) == (200, {"success": True, **expected})
    assert (await service.client.get("/api/alerts/late")).json() == answer
    listed = (await service.client.get("/api/alerts")).json()
    assert listed == {"success": True, "alerts": [expected]}
    assert (await service.client.delete("/api/alerts/late")).status_code == 200
    assert (await service.client.get("/api/alerts/late")).status_code == 404


async def test_what_is_left_out_of_an_alert_has_its_default(service: Service) -> None:
    when = {"figure": "dispatchers", "under": 1}
    _, answer = await put(service, "/api/alerts/gone", {"when": when})
    assert (answer["when"]["forSeconds"], answer["quietSeconds"]) == (60, 3600)
    assert (answer["clear"], answer["notify"]) == (1, [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"when": {"figure": "dispatchers"}}, "when"),
        ({"when": {"figure": "dispatchers", "over": 1, "under": 1}}, "when"),
        ({"when": {"figure": "dispatchers", "under": 1, "channel": "sms"}}, "when"),
        ({"when": {"figure": "oldest", "over": 1}}, "when"),
        ({"clear": 31}, "clear"),
        ({"notify": ["nobody"]}, "notify"),
        ({"quietSeconds": -1}, "quietSeconds"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_alert_is_refused_by_its_field_and_not_kept(
    service: Service, change: dict[str, Any], field: str
) -> None:
    await put(service, "/api/alert-sinks/hook", HOOK)
    status, answer = await put(service, "/api/alerts/late", LATE | change)
    assert (status, answer["success"]) == (400, False)
    assert answer["errors"][0]["field"].split(".")[0] == field
    assert (await service.client.get("/api/alerts")).json()["alerts"] == []


async def test_secrets_of_sinks_are_never_shown_and_stay_when_left_out(service: Service) -> None:
    for name, body in (("hook", HOOK), ("mail", MAIL)):
        status, _ = await put(service, f"/api/alert-sinks/{name}", body)
        assert status == 200
        kept = {member: body[member] for member in body if member not in ("secret", "password")}
        assert (await put(service, f"/api/alert-sinks/{name}", kept))[0] == 200
    listed = await service.client.get("/api/alert-sinks")
    assert "whsec_" not in listed.text
    assert "correct horse" not in listed.text
    hook, mail = listed.json()["sinks"]
    assert (hook["secretSet"], mail["passwordSet"], mail["to"]) == (True, True, ["ops@example.com"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "fax"}, "type"),
        ({}, "type"),
        ({"type": ["webhook"]}, "type"),
        (HOOK | {"url": "ftp://example.com"}, "url"),
        (HOOK | {"secret": "short"}, "secret"),
        ({"type": "slack", "url": "https://example.com", "secret": "x"}, "secret"),
        (MAIL | {"to": []}, "to"),
        (MAIL | {"to": "no address"}, "to"),
        (MAIL | {"from": "a@b.com\r\nbcc: c@d.com"}, "from"),
        (MAIL | {"port": 0}, "port"),
    ],
)
async def test_a_wrong_sink_is_refused_by_its_field(
    service: Service, body: dict[str, Any], field: str
) -> None:
    status, answer = await put(service, "/api/alert-sinks/x", body)
    assert status == 400
    assert answer["errors"][0]["field"] == field


async def test_a_sink_that_an_alert_uses_is_not_deleted(service: Service) -> None:
    await put(service, "/api/alert-sinks/hook", HOOK)
    await put(service, "/api/alerts/late", LATE)
    assert (await service.client.delete("/api/alert-sinks/hook")).status_code == 409
    await service.client.delete("/api/alerts/late")
    assert (await service.client.delete("/api/alert-sinks/hook")).status_code == 200
    assert (await service.client.delete("/api/alert-sinks/hook")).status_code == 404


async def test_a_test_notification_to_a_refused_address_says_why(service: Service) -> None:
    await put(service, "/api/alert-sinks/hook", HOOK | {"url": "http://127.0.0.1:9/hook"})
    answer = (await service.client.post("/api/alert-sinks/hook/test")).json()
    assert (answer["success"], answer["delivered"]) == (True, False)
    assert "QUEUE_SERVICES_CALLBACK_ALLOW" in answer["error"]


async def test_a_test_notification_to_a_host_that_no_name_can_be_is_not_delivered(
    service: Service,
) -> None:
    await put(service, "/api/alert-sinks/hook", HOOK | {"url": "http://a%C0b/hook"})
    answer = (await service.client.post("/api/alert-sinks/hook/test")).json()
    assert (answer["delivered"], "no host has" in answer["error"]) == (False, True)


async def test_a_workspaces_key_neither_reads_nor_changes_alerts(service: Service) -> None:
    made = await service.client.post("/api/keys", json={"workspaceId": "acme"})
    key = {"authorization": f"Bearer {made.json()['key']}"}
    for method, path in (
        ("GET", "/api/alerts"),
        ("PUT", "/api/alerts/late"),
        ("GET", "/api/alert-sinks"),
        ("POST", "/api/alert-sinks/hook/test"),
    ):
        answer = await service.client.request(method, path, json=LATE, headers=key)
        assert answer.status_code == 403
