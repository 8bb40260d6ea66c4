"""Stores made by version 0.1.0 keep every promise under this version: cursors continue, keys
open, idempotency keys replay, counts agree, and every waiting message is delivered once.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from tests.acceptance.processes import Arrivals, receiving, running
from tests.delivery.receiver import Receiver
from tests.support.postgres import Postgres

RELEASED = Path(__file__).with_name("released")
BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
PASS_XIDS = """
do $$ begin
    while exists (select from result where xid >= pg_current_xact_id()) loop
        commit;
    end loop;
end $$
"""
"""A migrated store stays on its server, whose transaction numbers are beyond those in its rows;
the server of a test must be brought there.
"""
NOT_SENT = {"expiring", "cancelled", "autumn-0", "autumn-1", "autumn-2"}


@pytest.fixture(params=BOTH)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """The URL of a restored store of version 0.1.0, and what that version said of it."""
    facts = json.loads((RELEASED / f"{request.param}.json").read_bytes())
    if request.param == "sqlite":
        path = tmp_path / "queue.db"
        path.write_bytes(gzip.decompress((RELEASED / "sqlite.db.gz").read_bytes()))
        return f"sqlite:///{path}", facts
    server: Postgres = request.getfixturevalue("postgres")
    url: str = request.getfixturevalue("postgres_url")
    database = url.rpartition("/")[2]
    server.run_sql((RELEASED / "postgres.sql").read_text(), database)
    server.run_sql(PASS_XIDS, database)
    return url, facts


class Application:
    """The application that scheduled through version 0.1.0, with the keys it was given then."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx2.AsyncClient(
            base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=20
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._read(await self._client.get(path, params=query))

    async def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._read(await self._client.post(path, json=body or {}))

    async def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._read(await self._client.put(path, json=body))

    async def promote(self, job: str) -> None:
        """Make a job due now; one that has been claimed meanwhile is on its way already."""
        answer = await self._client.post(f"/api/promote-job/{job}", json={})
        assert answer.status_code in (200, 409), answer.text

    async def status(self, job: str) -> str:
        return str((await self.get(f"/api/job-status/{job}"))["status"])

    @staticmethod
    def _read(answer: httpx2.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        read: dict[str, Any] = answer.json()
        return read


async def wait_until(receiver: Receiver, reached: Callable[[], Any]) -> None:
    """Wait until `reached()` is true, asking whenever the receiver has got something, or a
    quarter of a second has gone by: an outcome is recorded shortly after its request.
    """
    async with asyncio.timeout(30):
        while not await reached():
            seen = len(receiver.requests)
            try:
                async with asyncio.timeout(0.25):
                    await receiver.until(lambda: len(receiver.requests) > seen)  # noqa: B023
            except TimeoutError:
                continue


async def check_what_was_kept(app: Application, facts: dict[str, Any]) -> None:
    """Every status, cursor, figure and idempotency key answers as version 0.1.0 did."""
    for name, job in facts["jobs"].items():
        then = facts["statuses"][name]
        now = await app.get(f"/api/job-status/{job}")
        if then["status"] in ENDED:
            kept = {member: now[member] for member in ("status", "reason", "scheduledFor")}
            assert kept == {member: then[member] for member in kept}, name
    page = await app.get("/api/jobs", limit=200, cursor=facts["jobs_cursor"])
    assert [job["jobId"] for job in page["jobs"]] == facts["other_jobs"]
    changes = await app.get("/api/changes", after=facts["cursor_after_two"], limit=1000)
    followed = {change["jobId"] for change in changes["changes"]}
    first = {change["jobId"] for change in facts["first_changes"]}
    ended = {
        facts["jobs"][name] for name, then in facts["statuses"].items() if then["status"] in ENDED
    }
    assert ended - first <= followed
    metrics = await app.get("/api/metrics")
    for channel in ("sms", "email"):
        for member in ("totalProcessed", "successRate"):
            assert metrics[channel][member] == facts["metrics"][channel][member]
    for replay in facts["replays"]:
        answer = await app.post(replay["path"], replay["body"])
        assert (answer["jobId"], answer["replayed"]) == (replay["jobId"], True)


async def check_what_a_tenant_sees(tenant: Application, facts: dict[str, Any]) -> None:
    """A workspace's key and cursor of version 0.1.0 show that workspace's changes alone."""
    own = await tenant.get("/api/changes", after=facts["workspace_cursor_after_one"])
    acme = {job["jobId"] for job in (await tenant.get("/api/jobs", limit=200))["jobs"]}
    assert {change["jobId"] for change in own["changes"]} <= acme
    assert len(own["changes"]) >= 3
    assert facts["jobs"]["held"] not in acme


async def everything_ended(app: Application, jobs: dict[str, str]) -> bool:
    answer = await app.post("/api/job-status", {"jobIds": sorted(jobs.values())})
    return all(job["status"] in ENDED for job in answer["jobs"])


async def release_everything(app: Application, facts: dict[str, Any], url: str) -> None:
    """End the pauses, holds and windows, and make every waiting message due."""
    await app.put("/api/workspaces/gone", {"callbackBaseUrls": {"sms": url}})
    await app.post("/api/workspaces/gone/lift")
    await app.post("/api/workspaces/busy/lift")
    await app.put("/api/workspaces/windowed", {"sendWindow": None})
    await app.put("/api/workspaces/asleep", {"paused": {"sms": False}})
    await app.post("/api/campaigns/spring/resume?workspaceId=acme")
    for name, job in facts["jobs"].items():
        if name not in NOT_SENT and await app.status(job) == "SCHEDULED":
            await app.promote(job)


async def test_a_store_of_version_0_1_0_is_migrated_followed_replayed_and_drained(
    released: tuple[str, dict[str, Any]],
) -> None:
    database_url, facts = released
    jobs: dict[str, str] = facts["jobs"]
    waiting = {
        job
        for name, job in jobs.items()
        if facts["statuses"][name]["status"] not in ENDED and name not in NOT_SENT
    }
    async with receiving(Arrivals()) as receiver:
        settings: dict[str, Any] = {
            "database_url": database_url,
            "receiver_url": receiver.url,
            "callback_allow": "127.0.0.0/8",
        }
        async with (  # nothing is dispatched yet: what is compared stands still
            running("api", **settings) as [service],
            Application(service.url, facts["admin_key"]) as app,
            Application(service.url, facts["workspace_key"]) as tenant,
        ):
            await check_what_was_kept(app, facts)
            await check_what_a_tenant_sees(tenant, facts)
        async with (
            running("serve", **settings) as [service],
            Application(service.url, facts["admin_key"]) as app,
        ):
            await release_everything(app, facts, receiver.url)
            await wait_until(receiver, lambda: everything_ended(app, jobs))
            statuses = {name: await app.status(job) for name, job in jobs.items()}
    assert {statuses[name] for name, job in jobs.items() if job in waiting} == {"COMPLETED"}
    assert statuses["expiring"] == "CANCELLED"
    sent = Arrivals(seen=[(0, request) for request in receiver.requests]).jobs()
    assert sent == dict.fromkeys(waiting, 1)
