"""Who may call: programs of this machine while there is no key, then whoever has one; and
what a workspace's key sees.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from queue_services.api.app import CALLS
from queue_services.api.guard import ADMINISTRATOR, Caller, Scope, is_loopback
from queue_services.settings.slices import ApiSettings
from tests.api.service import EMAIL, SMS, Service, fields, serving

KEY = "qs_0123456789"
BEARER = {"authorization": f"Bearer {KEY}"}


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"any:{password}".encode()).decode()}


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[Service]:
    """The API with an administrator's key."""
    async with serving(tmp_path, ApiSettings(admin_key=KEY)) as running:
        yield running


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "queue.example.com"},
        {"host": "10.0.0.7:3000"},
        {"host": "localhost.evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "https://127.0.0.1:3000"},
        {"forwarded": "for=10.0.0.7"},
        {"x-forwarded-for": "10.0.0.7"},
        {"X-Forwarded-Host": "127.0.0.1"},
        {"x-forwarded-proto": "https"},
        {"via": "1.1 edge"},
        {"x-real-ip": "10.0.0.7"},
        {"cf-connecting-ip": "10.0.0.7"},
        {"True-Client-IP": "10.0.0.7"},
    ],
)
async def test_without_a_key_what_a_program_of_this_machine_would_not_send_is_403(
    service: Service, headers: dict[str, str]
) -> None:
    for method, path in (
        ("POST", "/api/schedule-sms"),
        ("GET", "/api/jobs"),
        ("GET", "/health"),
        ("GET", "/nope"),
        ("OPTIONS", "/api/jobs"),
    ):
        problem = await service.ask(method, path, 403, headers=headers)
        assert "make a key" in problem["message"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:3000",
        "127.9.9.9",
        "localhost",
        "LOCALHOST:80",
        "[::1]:3000",
        "[::1]",
        "queue.localhost:3000",
    ],
)
async def test_without_a_key_this_machine_is_served_by_any_of_its_names(
    service: Service, host: str
) -> None:
    await service.ask("GET", "/api/jobs", headers={"host": host, "origin": f"http://{host}"})


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.com",
        "127.0.0.1.example.com",
        "0.0.0.0",  # noqa: S104
        "[::]",
        "[fe80::1]:80",
        "localhost.example.com",
        "2130706433",
    ],
)
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


async def test_an_origin_that_is_configured_is_not_foreign(tmp_path: Path) -> None:
    async with serving(tmp_path, ApiSettings(cors_origins=("https://app.example",))) as service:
        answer = await service.client.get("/api/jobs", headers={"origin": "https://app.example"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
            200,
            "https://app.example",
        )
        preflight = {
            "origin": "https://app.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,idempotency-key",
        }
        assert (
            await service.client.options("/api/schedule-sms", headers=preflight)
        ).status_code == 200
        await service.ask(
            "OPTIONS",
            "/api/schedule-sms",
            403,
            headers={**preflight, "origin": "https://evil.example"},
        )


async def test_cross_origin_answers_are_for_configured_origins_errors_too(tmp_path: Path) -> None:
    async with serving(
        tmp_path, ApiSettings(admin_key=KEY, cors_origins=("https://app.example",))
    ) as service:
        for origin, allowed in (
            ("https://app.example", "https://app.example"),
            ("https://evil.example", None),
        ):
            answer = await service.client.get("/api/jobs", headers={"origin": origin})
            assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (
                401,
                allowed,
            )
        preflight = {"origin": "https://evil.example", "access-control-request-method": "POST"}
        assert (
            "CORS"
            in (await service.ask("OPTIONS", "/api/schedule-sms", 403, headers=preflight))[
                "message"
            ]
        )


async def test_insecure_serves_everybody_without_a_key(tmp_path: Path) -> None:
    async with serving(tmp_path, ApiSettings(insecure=True)) as service:
        await service.ask(
            "POST",
            "/api/schedule-sms",
            json=SMS,
            headers={"host": "queue.example.com", "x-forwarded-for": "10.0.0.7"},
        )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": KEY},
        {"authorization": "Basic !"},
        basic("wrong"),
        basic(""),
    ],
)
async def test_with_a_key_every_call_needs_it(keyed: Service, headers: dict[str, str]) -> None:
    for call in CALLS:
        if call.path.startswith("/api/"):
            answer = await keyed.client.request(
                call.method, call.path.replace("{", "").replace("}", ""), headers=headers
            )
            assert (answer.status_code, answer.json()["status"]) == (401, 401)
            assert answer.headers["www-authenticate"].startswith("Bearer")
    await keyed.ask("GET", "/api/nope", 401, headers=headers)


@pytest.mark.parametrize("headers", [BEARER, {"authorization": f"bearer  {KEY} "}, basic(KEY)])
async def test_the_key_is_sent_as_bearer_or_as_the_password_of_basic(
    keyed: Service, headers: dict[str, str]
) -> None:
    await keyed.ask("POST", "/api/schedule-sms", json=SMS, headers=headers)


async def test_a_base_url_with_the_key_in_it_works_as_it_is(keyed: Service) -> None:
    answer = await keyed.client.post(f"http://any:{KEY}@127.0.0.1:3000/api/schedule-sms", json=SMS)
    assert answer.status_code == 200


async def test_with_a_key_any_host_and_any_proxy_is_served(keyed: Service) -> None:
    headers = {
        **BEARER,
        "host": "queue.example.com",
        "origin": "https://queue.example.com",
        "x-forwarded-for": "10.0.0.7",
    }
    await keyed.ask("POST", "/api/schedule-sms", json=SMS, headers=headers)


async def test_health_and_the_document_need_no_key(keyed: Service) -> None:
    for path in ("/health", "/health/live", "/health/ready", "/openapi.json", "/docs"):
        assert (await keyed.client.get(path)).status_code == 200


class WorkspaceKeys:
    """A key that is the administrator's, one of workspace-1 for everything, and one of it
    for reading alone.
    """

    callers: ClassVar = {
        KEY: ADMINISTRATOR,
        "all": Caller("workspace-1", frozenset({Scope.READ, Scope.SEND, Scope.MANAGE})),
        "read": Caller("workspace-1", frozenset({Scope.READ})),
    }

    async def exist(self) -> bool:
        return True

    async def caller(self, key: str) -> Caller | None:
        return self.callers.get(key)


@pytest.fixture
async def tenants(tmp_path: Path) -> AsyncIterator[Service]:
    """The API with keys of workspaces."""
    async with serving(tmp_path, keys=WorkspaceKeys()) as running:
        yield running


ALL, READ = {"authorization": "Bearer all"}, {"authorization": "Bearer read"}


async def test_a_workspace_s_key_schedules_for_its_workspace_alone(tenants: Service) -> None:
    await tenants.ask("POST", "/api/schedule-sms", json=SMS, headers=ALL)
    await tenants.ask(
        "POST", "/api/schedule-sms", 403, json={**SMS, "workspaceId": "workspace-2"}, headers=ALL
    )
    messages = [
        {"channel": "sms", **SMS},
        {"channel": "email", **EMAIL, "workspaceId": "workspace-2"},
    ]
    answer = await tenants.ask(
        "POST", "/api/schedule-batch", json={"messages": messages}, headers=ALL
    )
    assert (answer["accepted"], fields(answer["results"][1])) == (1, {"workspaceId"})
    assert len((await tenants.ask("GET", "/api/jobs", headers=BEARER))["jobs"]) == 2


async def test_another_workspace_s_job_is_404_in_every_call(tenants: Service) -> None:
    body = {
        **SMS,
        "workspaceId": "workspace-2",
        "metadata": {"campaignId": "spring"},
        "delay": 60_000,
    }
    job = (await tenants.ask("POST", "/api/schedule-sms", json=body, headers=BEARER))["jobId"]
    await tenants.ask("GET", f"/api/job-status/{job}", 404, headers=ALL)
    for call in ("retry-job", "promote-job", "cancel-job"):
        await tenants.ask("POST", f"/api/{call}/{job}", 404, headers=ALL)
    await tenants.ask("POST", f"/api/reschedule-job/{job}", 404, json={"delay": 5}, headers=ALL)
    assert await tenants.ask("POST", "/api/job-status", json={"jobIds": [job]}, headers=ALL) == {
        "success": True,
        "jobs": [],
        "unknown": [job],
    }
    await tenants.ask("GET", "/api/campaigns/spring?workspaceId=workspace-2", 404, headers=ALL)
    for action in ("cancel", "pause", "resume"):
        await tenants.ask(
            "POST", f"/api/campaigns/spring/{action}?workspaceId=workspace-2", 404, headers=ALL
        )
    assert (await tenants.ask("GET", f"/api/job-status/{job}", headers=BEARER))[
        "status"
    ] == "SCHEDULED"


async def test_a_list_holds_its_own_workspace_s_jobs_alone(tenants: Service) -> None:
    for workspace in ("workspace-1", "workspace-2"):
        await tenants.ask(
            "POST", "/api/schedule-sms", json={**SMS, "workspaceId": workspace}, headers=BEARER
        )
    assert [
        job["workspaceId"] for job in (await tenants.ask("GET", "/api/jobs", headers=ALL))["jobs"]
    ] == ["workspace-1"]
    await tenants.ask("GET", "/api/jobs?workspaceId=workspace-2", 403, headers=ALL)


async def test_a_key_for_reading_neither_sends_nor_manages(tenants: Service) -> None:
    job = (
        await tenants.ask("POST", "/api/schedule-sms", json={**SMS, "delay": 60_000}, headers=ALL)
    )["jobId"]
    await tenants.ask("GET", f"/api/job-status/{job}", headers=READ)
    await tenants.ask("POST", "/api/schedule-sms", 403, json=SMS, headers=READ)
    await tenants.ask("POST", f"/api/cancel-job/{job}", 403, headers=READ)
