"""The same API on PostgreSQL: one walk through every kind of call."""

from __future__ import annotations

from pathlib import Path

from queue_services.storage import open_database
from tests.api.service import EMAIL, NDJSON, SMS, fields, ndjson, serving


async def test_every_kind_of_call_works_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    async with serving(tmp_path, database=open_database(postgres_url)) as service:
        of_spring = {"metadata": {"campaignId": "spring / été"}, "idempotencyKey": "ключ"}
        job = await service.schedule(**of_spring)
        assert await service.schedule(**of_spring) == job
        await service.ask(
            "POST", "/api/schedule-sms", 409, json={**SMS, **of_spring, "message": "Bye"}
        )
        lines = ndjson(
            {"channel": "email", **EMAIL},
            b"{broken",
            {"channel": "sms", **SMS, **of_spring, "message": "Bye"},
        )
        answer = await service.ask("POST", "/api/schedule-batch", content=lines, headers=NDJSON)
        assert (answer["accepted"], fields(answer["results"][2])) == (1, {"idempotencyKey"})
        await service.ask(
            "POST",
            "/api/schedule-batch?atomic=true",
            409,
            json={"messages": [{"channel": "sms", **SMS, **of_spring, "message": "Bye"}]},
        )
        assert (await service.job(job))["metadata"] == of_spring["metadata"]
        assert [
            found["jobId"]
            for found in (
                await service.ask("GET", "/api/jobs?recipient=15550109999&status=SCHEDULED")
            )["jobs"]
        ] == [job]
        campaign = "/api/campaigns/spring%20%2F%20%C3%A9t%C3%A9"
        assert (await service.ask("GET", f"{campaign}?workspaceId=workspace-1"))["counts"][
            "SCHEDULED"
        ] == 1
        assert (await service.ask("POST", f"/api/reschedule-job/{job}", json={"delay": 0}))["job"][
            "scheduledFor"
        ] == "2025-03-22T10:15:30.123Z"
        assert (await service.ask("POST", f"{campaign}/cancel?workspaceId=workspace-1"))[
            "count"
        ] == 1
        assert (await service.ask("POST", f"/api/retry-job/{job}"))["job"]["status"] == "SCHEDULED"
        assert (await service.ask("POST", f"/api/cancel-job/{job}"))["job"]["reason"] == "cancelled"
        await service.ask("GET", "/health/ready")
