"""A cancelled campaign's messages reach the change feed also where only the API runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2

from tests.acceptance.processes import get, running, schedule, sms

COUNT = 3_000


async def test_the_change_feed_follows_a_cancel_while_no_dispatcher_runs(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    async with running("api", database_url=url, receiver_url="http://127.0.0.1:9") as [service]:
        jobs = await schedule(
            service.url,
            [sms(n, delay=3_600_000, metadata={"campaignId": "spring"}) for n in range(COUNT)],
        )
        async with httpx2.AsyncClient(base_url=service.url) as client:
            answer = await client.post("/api/campaigns/spring/cancel?workspaceId=acme")
            assert answer.json() == {"success": True, "count": COUNT}
        seen: dict[str, str] = {}
        path = "/api/changes?limit=1000"
        async with asyncio.timeout(20):
            while len(seen) < COUNT:
                page = await get(service.url, path)
                seen |= {change["jobId"]: change["status"] for change in page["changes"]}
                path = f"/api/changes?limit=1000&after={page['cursor']}"
    assert seen == dict.fromkeys(jobs, "CANCELLED")
