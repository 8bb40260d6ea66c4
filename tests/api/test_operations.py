"""Operations on many jobs, the audit log and the list of campaigns by the API."""

from __future__ import annotations

from typing import Any

import pytest

from queue_services.clock import Clock
from queue_services.queue.audit import Audit, AuditFilter, Via, search
from queue_services.queue.operation_runner import OperationRunner
from tests.api.service import Service

SPRING = {"metadata": {"campaignId": "spring"}, "delay": 60_000}
CANCEL_SPRING = {"action": "cancel", "filter": {"status": "SCHEDULED", "campaignId": "spring"}}


async def status_of(service: Service, job: str) -> str:
    status: str = (await service.job(job))["status"]
    return status


async def finish(service: Service) -> None:
    """Do every operation that was started, as a process that serves the dashboard does."""
    clock = Clock(monotonic=lambda: service.seconds, wall=lambda: service.now / 1_000_000)
    runner = OperationRunner(service.database, clock, "runner")
    while await runner.advance():
        pass


async def start(service: Service, body: dict[str, Any], status: int = 202) -> dict[str, Any]:
    answer = await service.client.post("/api/operations", json=body)
    assert answer.status_code == status, answer.text
    read: dict[str, Any] = answer.json()
    return read


async def entries(service: Service, **query: str) -> list[dict[str, Any]]:
    answer = await service.client.get("/api/audit", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


async def test_an_operation_counts_what_matches_and_acts_on_what_existed_then(
    service: Service,
) -> None:
    jobs = [await service.schedule(**SPRING) for _ in range(3)]
    other = await service.schedule(delay=60_000)
    service.pass_time(1)
    started = await start(service, CANCEL_SPRING)
    assert started["count"] == 3
    service.pass_time(1)
    later = await service.schedule(**SPRING)
    await finish(service)
    answer = (await service.client.get(f"/api/operations/{started['operationId']}")).json()
    members = ("action", "state", "total", "done", "skipped", "by", "error")
    assert [answer[member] for member in members] == [
        "cancel",
        "finished",
        3,
        3,
        0,
        "administrator",
        None,
    ]
    statuses = {job: await status_of(service, job) for job in (*jobs, other, later)}
    assert statuses == dict.fromkeys(jobs, "CANCELLED") | {other: "SCHEDULED", later: "SCHEDULED"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"filter": {"campaignId": "spring"}}, "filter.status"),
        ({"filter": {"status": "SCHEDULED"}}, "filter"),
        ({"filter": {"status": "COMPLETED", "campaignId": "spring"}}, "filter.status"),
        ({"action": "delete"}, "action"),
        ({"action": "reschedule"}, "delay"),
        ({"delay": 5}, "delay"),
        ({"filter": {"status": "SCHEDULED", "colour": "red"}}, "filter"),
    ],
)
async def test_a_wrong_operation_is_refused_by_its_field(
    service: Service, change: dict[str, Any], field: str
) -> None:
    answer = await start(service, CANCEL_SPRING | change, 400)
    assert answer["errors"][0]["field"] == field
    listed = (await service.client.get("/api/operations")).json()
    assert listed == {"success": True, "operations": [], "nextCursor": None}


async def test_failed_jobs_are_retried_and_scheduled_ones_moved(service: Service) -> None:
    job = await service.schedule(**SPRING)
    service.pass_time(1)
    moved = {"action": "reschedule", "delay": 120_000}
    await start(service, CANCEL_SPRING | moved)
    await finish(service)
    shown = (await service.client.get(f"/api/job-status/{job}")).json()
    assert shown["scheduledFor"] == "2025-03-22T10:17:31.123Z"
    await service.client.post(f"/api/cancel-job/{job}")
    retry = {"action": "retry", "filter": {"status": "CANCELLED", "campaignId": "spring"}}
    await start(service, retry)
    await finish(service)
    assert await status_of(service, job) == "SCHEDULED"


async def test_an_operation_is_stopped_once(service: Service) -> None:
    started = await start(service, CANCEL_SPRING)
    path = f"/api/operations/{started['operationId']}/stop"
    assert (await service.client.post(path)).json()["state"] == "stopped"
    assert (await service.client.post(path)).status_code == 409
    assert (await service.client.post("/api/operations/x/stop")).status_code == 404


async def test_operations_are_listed_newest_first_page_by_page(service: Service) -> None:
    started = []
    for _ in range(3):
        service.pass_time(1)
        started.append((await start(service, CANCEL_SPRING))["operationId"])
    page = (await service.client.get("/api/operations?limit=2")).json()
    assert [one["operationId"] for one in page["operations"]] == started[:0:-1]
    query = {"limit": "2", "cursor": page["nextCursor"]}
    rest = (await service.client.get("/api/operations", params=query)).json()
    assert [one["operationId"] for one in rest["operations"]] == started[:1]
    assert rest["nextCursor"] is None


async def test_a_workspaces_key_touches_and_sees_its_own_operations_alone(service: Service) -> None:
    mine = await service.schedule(**SPRING, workspaceId="acme")
    others = await service.schedule(**SPRING, workspaceId="globex")
    admins = (await start(service, CANCEL_SPRING | {"action": "promote"}))["operationId"]
    made = await service.client.post("/api/keys", json={"workspaceId": "acme"})
    service.client.headers["authorization"] = f"Bearer {made.json()['key']}"
    service.pass_time(1)
    assert (await start(service, CANCEL_SPRING))["count"] == 1
    await finish(service)
    assert (await service.client.get(f"/api/operations/{admins}")).status_code == 404
    assert len((await service.client.get("/api/operations")).json()["operations"]) == 1
    assert await status_of(service, mine) == "CANCELLED"
    assert (await service.client.get(f"/api/job-status/{others}")).status_code == 404
    theirs = CANCEL_SPRING | {"filter": {"status": "SCHEDULED", "workspaceId": "globex"}}
    await start(service, theirs, 403)


async def test_changes_are_recorded_with_who_how_and_both_values(service: Service) -> None:
    await service.client.put("/api/workspaces/acme", json={"limits": {"sms": 5}})
    await service.client.put("/api/workspaces/acme", json={"limits": {"sms": 9}})
    [newer, _] = await entries(service, workspaceId="acme")
    assert newer == {
        "at": "2025-03-22T10:15:30.123Z",
        "by": "administrator",
        "via": "api",
        "workspaceId": "acme",
        "action": "change workspace",
        "subject": "acme",
        "old": {"limits": {"sms": 5, "email": None}},
        "new": {"limits": {"sms": 9, "email": None}},
        "outcome": "done",
    }


async def test_scheduling_and_reading_are_not_recorded(service: Service) -> None:
    await service.schedule()
    await service.client.get("/api/jobs")
    await service.client.post("/api/forecast", json={})
    assert await entries(service) == []


async def test_a_refused_change_is_recorded_as_refused(service: Service) -> None:
    job = await service.schedule()
    for _ in range(2):
        await service.client.post(f"/api/cancel-job/{job}")
    second, first = await entries(service, action="cancel job")
    assert first["outcome"] == "done"
    assert second["outcome"].startswith("refused: ")


async def test_a_wrong_request_and_one_about_nothing_leave_no_entry(service: Service) -> None:
    await service.client.post("/api/campaigns/spring/pause?workspaceId=acme")
    await service.client.put("/api/workspaces/acme", json={"limits": {"sms": -1}})
    assert await entries(service) == []


async def test_secrets_never_appear_and_recipients_are_masked(service: Service) -> None:
    secret = "whsec_" + "c2VjcmV0" * 4
    await service.client.put("/api/workspaces/acme", json={"signingSecret": secret})
    sink = {"type": "webhook", "url": "https://ada:pw@example.com/", "secret": secret}
    await service.client.put("/api/alert-sinks/hook", json=sink)
    recipient = {"status": "SCHEDULED", "recipient": "+15550109999"}
    await start(service, {"action": "cancel", "filter": recipient})
    text = (await service.client.get("/api/audit")).text
    assert "c2VjcmV0" not in text
    assert "5550109999" not in text
    assert text.count('"outcome":"done"') == 3


async def test_erasing_a_contact_clears_what_entries_say_of_it(service: Service) -> None:
    job = await service.schedule(contactId="c-1", workspaceId="acme", delay=60_000)
    await service.client.post(f"/api/promote-job/{job}")
    [before] = await entries(service, action="promote job")
    assert before["subject"] == job
    await service.client.post("/api/contacts/c-1/erase?workspaceId=acme")
    [after] = await entries(service, action="promote job")
    assert (after["subject"], after["old"], after["new"]) == ("", None, None)


async def test_keys_tiers_and_channels_are_for_administrators_alone(service: Service) -> None:
    await service.client.put("/api/tiers/gold", json={"weight": 2})
    await service.client.post("/api/channels/sms/pause")
    await service.client.put("/api/workspaces/acme", json={"timezone": "Europe/Berlin"})
    made = await service.client.post("/api/keys", json={"workspaceId": "acme"})
    service.client.headers["authorization"] = f"Bearer {made.json()['key']}"
    assert {one["action"] for one in await entries(service)} == {"change workspace"}
    answer = await service.client.get("/api/audit?workspaceId=globex")
    assert answer.status_code == 403


async def test_the_log_is_filtered_and_read_page_by_page(service: Service) -> None:
    for number in range(5):
        await service.client.put(f"/api/workspaces/w{number}", json={"tier": "standard"})
        service.pass_time(60)
    seen, cursor = list[str](), None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await service.client.get("/api/audit", params=query)).json()
        seen += [one["subject"] for one in page["entries"]]
        if (cursor := page["nextCursor"]) is None:
            break
    assert seen == ["w4", "w3", "w2", "w1", "w0"]
    between = {"from": "2025-03-22T10:16:30.123Z", "to": "2025-03-22T10:18:30.123Z"}
    assert [one["subject"] for one in await entries(service, **between)] == ["w2", "w1"]
    assert await entries(service, by="nobody") == []
    wrong = await service.client.get("/api/audit?from=yesterday")
    assert wrong.json()["errors"][0]["field"] == "from"


async def test_a_failed_login_is_recorded_for_administrators(service: Service) -> None:
    clock = Clock(monotonic=lambda: 0, wall=lambda: service.now / 1_000_000)
    audit = Audit(service.database, clock)
    await audit.failed("ada", "log in", "127.0.0.1", "wrong name or password", Via.DASHBOARD)
    [entry] = await search.run(service.database, AuditFilter(action="log in"))
    assert (entry.actor, entry.workspace) == ("ada", None)
    assert entry.outcome == "refused: wrong name or password"


async def test_campaigns_are_listed_by_workspace_and_state(service: Service) -> None:
    for name in ("spring", "summer", "autumn"):
        await service.schedule(metadata={"campaignId": name}, workspaceId="acme", delay=60_000)
    await service.schedule(metadata={"campaignId": "spring"}, workspaceId="globex", delay=60_000)
    await service.client.post("/api/campaigns/summer/pause?workspaceId=acme")
    answer = await service.client.get("/api/campaigns?workspaceId=acme&limit=2")
    assert [one["campaignId"] for one in answer.json()["campaigns"]] == ["autumn", "summer"]
    assert answer.json()["campaigns"][1]["counts"]["SCHEDULED"] == 1
    cursor = answer.json()["nextCursor"]
    rest = await service.client.get(f"/api/campaigns?workspaceId=acme&cursor={cursor}")
    assert [one["campaignId"] for one in rest.json()["campaigns"]] == ["spring"]
    paused = (await service.client.get("/api/campaigns?state=paused")).json()["campaigns"]
    assert [(one["campaignId"], one["state"]) for one in paused] == [("summer", "paused")]
