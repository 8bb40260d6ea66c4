"""The dashboard on PostgreSQL: every page, and what is done to many jobs."""

from __future__ import annotations

from pathlib import Path

from queue_services.storage import open_database
from tests.dashboard.site import PAGES, opened


async def test_every_page_is_drawn_and_what_was_asked_for_is_done(
    tmp_path: Path, postgres_url: str
) -> None:
    async with opened(tmp_path, database=open_database(postgres_url)) as site:
        failed = await site.service.schedule(delay=0, metadata={"campaignId": "spring"})
        await site.fail(failed)
        waiting = [await site.service.schedule(metadata={"campaignId": "spring"}) for _ in range(2)]
        site.service.pass_time(1)
        more = [
            f"/jobs/{failed}",
            f"/jobs/{waiting[0]}",
            "/campaign?workspace=workspace-1&campaign=spring",
            "/jobs?recipient=15550109999&status=scheduled",
        ]
        for path in (
            *PAGES,
            *more,
            "/jobs?from=2025-01-01T00:00",
            "/jobs?status=delivered",
            "/?span=7d",
        ):
            await site.get(path, 303 if path.startswith("/?") else 200)
        for action, status in (
            ("cancel", "scheduled"),
            ("retry", "cancelled"),
            ("promote", "scheduled"),
        ):
            where = (
                await site.post(
                    "/jobs/bulk/start",
                    action=action,
                    scope="matching",
                    status=status,
                    campaign="spring",
                    workspace="workspace-1",
                )
            ).to
            await site.finish_operations()
            assert "State Finished Done 2" in (await site.get(where)).text
            site.service.pass_time(1)
        assert "promote jobs all that match" in (await site.get("/operations")).text
