"""The change feed over HTTP: followed from cursor to cursor; a workspace's key sees its own
alone.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from queue_services.api.guard import ADMINISTRATOR, Caller, Scope
from tests.api.service import Service, fields, serving


class TwoKeys:
    """An administrator's key and one of workspace `mine`."""

    async def exist(self) -> bool:
        return True

    async def caller(self, key: str) -> Caller | None:
        return {
            "admin": ADMINISTRATOR,
            "mine": Caller("mine", frozenset({Scope.READ, Scope.SEND, Scope.MANAGE})),
        }.get(key)


async def test_a_follower_sees_each_end_and_each_retry_and_then_nothing_more(
    service: Service,
) -> None:
    jobs = [await service.schedule() for _ in range(3)]
    for job in jobs:
        await service.ask("POST", f"/api/cancel-job/{job}")
    first = await service.ask("GET", "/api/changes?limit=2")
    assert first["changes"] == [
        {"jobId": job, "status": "CANCELLED", "changedAt": "2025-03-22T10:15:30.123Z"}
        for job in jobs[:2]
    ]
    service.pass_time(1)
    await service.ask("POST", f"/api/retry-job/{jobs[0]}")
    second = await service.ask("GET", f"/api/changes?after={first['cursor']}")
    assert [
        (change["jobId"], change["status"], change["changedAt"][-6:])
        for change in second["changes"]
    ] == [
        (jobs[2], "CANCELLED", "0.123Z"),
        (jobs[0], "SCHEDULED", "1.123Z"),
    ]
    third = await service.ask("GET", f"/api/changes?after={second['cursor']}")
    assert (third["success"], third["changes"], third["cursor"]) == (True, [], second["cursor"])


async def test_a_workspaces_key_sees_its_own_changes_alone(tmp_path: Path) -> None:
    async with serving(tmp_path, keys=TwoKeys()) as service:
        admin, mine = ({"authorization": f"Bearer {key}"} for key in ("admin", "mine"))
        service.client.headers.update(admin)
        jobs = {
            workspace: await service.schedule(workspaceId=workspace)
            for workspace in ("mine", "other")
        }
        for job in jobs.values():
            await service.ask("POST", f"/api/cancel-job/{job}")

        async def seen(query: str, headers: dict[str, str]) -> list[str]:
            return [
                change["jobId"]
                for change in (await service.ask("GET", f"/api/changes{query}", headers=headers))[
                    "changes"
                ]
            ]

        assert await seen("", admin) == list(jobs.values())
        assert await seen("?workspaceId=other", admin) == [jobs["other"]]
        assert await seen("", mine) == await seen("?workspaceId=mine", mine) == [jobs["mine"]]
        await service.ask("GET", "/api/changes?workspaceId=other", 403, headers=mine)


@pytest.mark.parametrize(
    "cursor", ["", "x", "1", "1-", "-1", "1-2-3", "1-2\n", "1-" + "9" * 19, "١-٢"]
)
async def test_what_is_no_cursor_is_refused(service: Service, cursor: str) -> None:
    assert fields(await service.ask("GET", f"/api/changes?after={quote(cursor)}", 400)) == {"after"}


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
async def test_a_page_has_1_to_1000_changes(service: Service, limit: str) -> None:
    assert fields(await service.ask("GET", f"/api/changes?limit={limit}", 400)) == {"limit"}


MINE, ADMIN = {"authorization": "Bearer mine"}, {"authorization": "Bearer admin"}


async def cancelled(service: Service, workspace: str) -> str:
    """A job that has ended."""
    job = await service.schedule(workspaceId=workspace)
    await service.ask("POST", f"/api/cancel-job/{job}", headers=ADMIN)
    return job


async def test_a_workspaces_cursors_tell_nothing_of_how_much_others_send(tmp_path: Path) -> None:
    async with serving(tmp_path, keys=TwoKeys()) as service:
        service.client.headers.update(ADMIN)
        jobs = [await cancelled(service, "mine")]
        first = await service.ask("GET", "/api/changes?limit=1", headers=MINE)
        for _ in range(5):
            await cancelled(service, "other")
        jobs.append(await cancelled(service, "mine"))
        second = await service.ask("GET", f"/api/changes?after={first['cursor']}", headers=MINE)
        found = [change["jobId"] for change in first["changes"] + second["changes"]]
        assert found == jobs
        for cursor in (first["cursor"], second["cursor"]):
            assert len(cursor) == 38
            assert not any(number in cursor for number in ("0-1", "0-7"))
        third = await service.ask("GET", f"/api/changes?after={second['cursor']}", headers=MINE)
        assert (third["changes"], third["cursor"]) == ([], second["cursor"])


async def test_a_cursor_that_was_changed_or_is_anothers_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, keys=TwoKeys()) as service:
        service.client.headers.update(ADMIN)
        cursor = (await service.ask("GET", "/api/changes", headers=MINE))["cursor"]
        changed = cursor[:-2] + ("AA" if not cursor.endswith("AA") else "BB")
        assert fields(
            await service.ask("GET", f"/api/changes?after={changed}", 400, headers=MINE)
        ) == {"after"}
        await service.ask("GET", f"/api/changes?after={cursor}", 400)


async def test_cursors_of_former_versions_and_of_other_processes_stay_valid(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, keys=TwoKeys()) as service:
        service.client.headers.update(ADMIN)
        jobs = [await cancelled(service, "mine") for _ in range(2)]
        former = await service.ask("GET", "/api/changes?after=0-1", headers=MINE)
        assert [change["jobId"] for change in former["changes"]] == jobs[1:]
    async with serving(tmp_path, keys=TwoKeys()) as service:
        service.client.headers.update(ADMIN)
        jobs.append(await cancelled(service, "mine"))
        after = f"/api/changes?after={former['cursor']}"
        found = await service.ask("GET", after, headers=MINE)
        assert [change["jobId"] for change in found["changes"]] == jobs[2:]
