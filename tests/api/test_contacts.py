"""Forgetting a contact over HTTP."""

from __future__ import annotations

from tests.api.service import Service

ERASE = "/api/contacts/contact-1/erase"


async def test_a_contact_s_jobs_lose_their_content_and_those_that_wait_are_cancelled(
    service: Service,
) -> None:
    job = await service.schedule(metadata={"name": "Ada"})
    other = await service.schedule(contactId="contact-2")
    assert await service.ask("POST", f"{ERASE}?workspaceId=workspace-1") == {
        "success": True,
        "erased": 1,
        "cancelled": 1,
        "inFlight": 0,
    }
    erased = await service.job(job)
    assert (erased["status"], erased["metadata"]) == ("CANCELLED", {})
    assert (await service.job(other))["status"] == "SCHEDULED"
    await service.ask("POST", f"/api/retry-job/{job}", 409)


async def test_an_unknown_contact_has_nothing_to_erase_and_a_workspace_must_be_named(
    service: Service,
) -> None:
    assert (await service.ask("POST", "/api/contacts/nobody/erase?workspaceId=workspace-1"))[
        "erased"
    ] == 0
    await service.ask("POST", ERASE, 400)
    await service.ask("POST", f"/api/contacts/{'x' * 256}/erase?workspaceId=workspace-1", 404)
