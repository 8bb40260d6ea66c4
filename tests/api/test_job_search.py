"""The search of the job list: `q` and its metadata paths."""

from __future__ import annotations

from pathlib import Path

from queue_services.settings.slices import ApiSettings
from tests.api.service import Service, serving

DAY = "from=2025-03-22T00:00:00Z&to=2025-03-23T00:00:00Z"


async def ids(service: Service, query: str) -> list[str]:
    return [job["jobId"] for job in (await service.ask("GET", f"/api/jobs?{query}"))["jobs"]]


async def test_one_text_finds_a_recipient_a_contact_a_campaign_an_id_and_a_key(
    service: Service,
) -> None:
    job = await service.schedule(
        phoneNumber="+1 (555) 867-5309",
        contactId="Customer-9",
        metadata={"campaignId": "Autumn"},
        idempotencyKey="order-77",
    )
    await service.schedule()
    for text in ("%2B1555867", "1 555 867", "customer", "autu", "order-77", job[:23].upper()):
        assert await ids(service, f"q={text}") == [job], text
    await service.ask("GET", "/api/jobs?q=x", 400)


async def test_a_path_of_the_metadata_without_an_index_needs_a_workspace_and_a_day(
    service: Service,
) -> None:
    job = await service.schedule(workspaceId="acme", metadata={"order": {"id": 17}})
    answer = await service.ask("GET", "/api/jobs?q=metadata.order.id=17", 400)
    assert answer["errors"][0]["field"] == "q"
    assert "QUEUE_SERVICES_SEARCH_METADATA" in answer["errors"][0]["message"]
    await service.ask("GET", f"/api/jobs?q=metadata.order.id=17&{DAY}", 400)
    assert await ids(service, f"q=metadata.order.id=17&workspaceId=acme&{DAY}") == [job]
    assert await ids(service, f"q=metadata.order.id=18&workspaceId=acme&{DAY}") == []
    await service.ask("GET", f"/api/jobs?q=metadata.a..b=1&workspaceId=acme&{DAY}", 400)


async def test_a_path_that_the_settings_name_is_found_by_its_index(tmp_path: Path) -> None:
    settings = ApiSettings(search_metadata=("order.id",))
    async with serving(tmp_path, settings) as service:
        job = await service.schedule(metadata={"order": {"id": "A-1"}})
        await service.schedule(metadata={"order": {"id": "A-2"}})
        assert await ids(service, "q=metadata.order.id=A-1") == [job]
        body = {"action": "cancel", "filter": {"status": "SCHEDULED", "q": "metadata.order.id=A-1"}}
        answer = await service.client.post("/api/operations", json=body)
        assert answer.json()["count"] == 1
