"""Who is let in, what they see, and what no other site can make them do."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from queue_services.domain.key import Permission
from tests.dashboard.site import PAGES, Site, opened

LOGIN: dict[str, Any] = {
    "bull_board_username": "admin",
    "bull_board_password": "correct horse",
}
HTML = {"accept": "text/html"}


def basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def test_without_a_key_or_a_login_this_machine_is_let_in(site: Site) -> None:
    assert "this machine" in (await site.get()).text
    assert (await site.get("/login", 303)).to == ""
    await site.get(code=403, headers={"host": "queue.example.com"})


@pytest.mark.parametrize("path", [*PAGES, "/live", "/nothing"])
async def test_where_a_login_is_set_every_page_asks_for_it(tmp_path: Path, path: str) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        assert (await site.get(path, 303, headers=HTML)).to.startswith(
            "/login?after=%2Fadmin%2Fqueues"
        )
        refused = await site.get(path, 401)
        assert refused.answer.headers["www-authenticate"].startswith("Basic ")


async def test_the_login_of_the_settings_opens_everything(tmp_path: Path) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        for username, password in (("admin", "wrong"), ("other", "correct horse"), ("admin", "")):
            assert "let nobody in" in (await site.log_in(password, username, 403)).text
        assert (await site.log_in("correct horse", "admin")).to == ""
        assert "admin" in (await site.get()).text
        assert "log in admin done" in (await site.get("/operations")).text
        await site.post("/logout")
        await site.get(code=401)


async def test_a_program_may_send_the_login_with_every_request(tmp_path: Path) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        await site.get(headers=basic("admin", "correct horse"))
        await site.get(code=401, headers=basic("admin", "wrong"))
        await site.get(code=401, headers={"authorization": "Basic !"})


async def test_a_login_leads_to_where_one_wanted_to_go_and_never_elsewhere(tmp_path: Path) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        for after, to in (
            ("/admin/queues/jobs?status=dead", "/jobs?status=dead"),
            ("https://evil.example/", ""),
            ("//evil.example", ""),
            ("/admin/queues@evil.example", ""),
            ("/admin/queues/\\evil.example", ""),
        ):
            assert (
                await site.post(
                    "/login",
                    username="admin",
                    password="correct horse",
                    after=after,
                )
            ).to == to
            await site.post("/logout")


async def test_wrong_logins_are_answered_five_times_a_minute(tmp_path: Path) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        for _ in range(5):
            await site.log_in("wrong", "admin", 403)
        refused = await site.log_in("correct horse", "admin", 429)
        assert refused.answer.headers["retry-after"] == "60"
        await site.get(code=429, headers=basic("admin", "correct horse"))
        site.service.pass_time(61)
        await site.log_in("correct horse", "admin")


async def test_many_wrong_logins_at_once_are_no_more_than_one_after_the_other(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        form = {"token": await site.token(), "username": "admin", "password": "wrong"}
        answers = await asyncio.gather(
            *(site.client.post("/admin/queues/login", data=form) for _ in range(20))
        )
        assert Counter(answer.status_code for answer in answers) == {403: 5, 429: 15}


async def test_right_logins_at_once_use_no_try(tmp_path: Path) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        for _ in range(7):
            await site.get(headers=basic("admin", "correct horse"))


async def test_wrong_logins_lock_out_no_right_one_from_elsewhere(tmp_path: Path) -> None:
    behind: dict[str, Any] = {"trusted_proxies": (ip_network("127.0.0.0/8"),)}
    async with opened(tmp_path, admin_key="k" * 32, **LOGIN, **behind) as site:
        for number in range(20):
            from_here = {"x-forwarded-for": f"2001:db8::{number:x}"}
            code = 401 if number < 5 else 429
            await site.get(code=code, headers=basic("admin", "wrong") | from_here)
        for elsewhere in ("2001:db8:0:1::1", "203.0.113.7"):
            headers = basic("admin", "correct horse") | {"x-forwarded-for": elsewhere}
            await site.get(headers=headers)


async def test_the_session_cookie_cannot_be_read_sent_from_elsewhere_or_made_up(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        cookie = (await site.log_in("correct horse", "admin")).answer.headers["set-cookie"]
        name, _, value = cookie.partition(";")[0].partition("=")
        assert {part.strip().lower() for part in cookie.split(";")[1:]} >= {
            "httponly",
            "samesite=lax",
            "path=/admin/queues",
        }
        stranger = site.another()
        await stranger.get(code=401, headers={"cookie": f"{name}={value[:-8]}{value[-8:][::-1]}"})
        await stranger.get(headers={"cookie": f"{name}={value}"})
        site.service.pass_time(12 * 3600 + 1)
        await stranger.get(code=401, headers={"cookie": f"{name}={value}"})


async def test_a_login_begins_a_session_that_nobody_can_have_planted(tmp_path: Path) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        before = await site.token()
        await site.log_in("correct horse", "admin")
        assert await site.token() != before
        await site.post("/channels/sms/pause", 403, token=before)


async def test_sessions_hold_at_every_process_and_end_when_the_password_changes(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        await site.log_in("correct horse", "admin")
        cookies = site.client.cookies
    for password, code in (("correct horse", 200), ("another", 401)):
        async with opened(
            tmp_path, bull_board_username="admin", bull_board_password=password
        ) as site:
            site.client.cookies = cookies
            await site.get(code=code)


FORMS = [
    "/login",
    "/logout",
    "/recipients",
    "/channels/sms/pause",
    "/jobs/bulk",
    "/jobs/bulk/start",
    "/jobs/01a20bcd-1011-71c5-a418-fddf35d8a67e/cancel",
    "/campaign/cancel",
    "/workspace/limits",
    "/workspace/window",
    "/workspace/lift",
    "/workspace/reset",
    "/workspace/pause",
    "/send",
    "/operations/x/stop",
]


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_another_site_is_refused(site: Site, path: str) -> None:
    await site.get()
    for token in ("", "made up", await site.another().token()):
        assert "another site has sent it" in (await site.post(path, 403, token=token)).text
    for kind in ("application/json", "text/plain"):
        assert (
            await site.client.post(
                "/admin/queues" + path, content=b"token=x", headers={"content-type": kind}
            )
        ).status_code == 415


async def test_an_administrators_key_opens_everything(tmp_path: Path) -> None:
    async with opened(tmp_path, admin_key="qs_administrator") as site:
        await site.log_in("wrong", code=403)
        await site.log_in("qs_administrator")
        await site.act("/channels/sms/pause")
        assert "administrator's key" in (await site.get()).text


async def as_workspace(site: Site, *permissions: Permission) -> None:
    _, text = await site.service.keys.create("workspace-1", permissions or Permission)
    site.service.pass_time(1)  # until every process knows it
    await site.log_in(text)


async def test_a_workspaces_key_sees_that_workspace_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as site:
        mine = await site.service.schedule(metadata={"campaignId": "spring"})
        theirs = await site.service.schedule(workspaceId="other", metadata={"campaignId": "spring"})
        await site.act("/channels/sms/pause")
        await as_workspace(site)
        site.service.pass_time(2)
        await site.get(f"/jobs/{mine}")
        for path in (
            f"/jobs/{theirs}",
            f"/jobs/{theirs}/html",
            "/jobs?workspace=other",
            "/workspace?id=other",
            "/campaign?workspace=other&campaign=spring",
            "/campaigns?workspace=other",
        ):
            await site.get(path, 404)
        assert theirs not in (await site.get("/jobs")).source
        assert "All 1" in (await site.get("/jobs")).text
        assert 'data-live="sms.scheduled">1<' in (await site.get()).source
        assert "other" not in (await site.get("/campaigns")).text
        assert (await site.get("/workspaces", 303)).to == "/workspace?id=workspace-1"
        operations = (await site.get("/operations")).text
        assert "pause channel" not in operations
        assert "Settings in force" not in operations


async def test_a_workspaces_key_changes_that_workspace_alone_and_not_its_limits(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as site:
        mine = await site.service.schedule()
        theirs = await site.service.schedule(workspaceId="other", metadata={"campaignId": "spring"})
        await as_workspace(site)
        await site.act(f"/jobs/{mine}/promote")
        for path, fields in (
            (f"/jobs/{theirs}/cancel", {}),
            ("/campaign/cancel", {"workspace": "other", "campaign": "spring"}),
            ("/workspace/pause", {"id": "other", "channel": "sms"}),
        ):
            await site.post(path, 404, **fields)
        await site.post("/channels/sms/pause", 403)
        await site.post("/workspace/limits", 403, id="workspace-1", tier="premium")
        message = {"phoneNumber": "+1 555 010 0100", "message": "Hi", "contactId": "c"}
        assert (
            "not the workspace of your key"
            in (await site.post("/send", 400, channel="sms", **message, workspaceId="other")).text
        )
        chosen = await site.post("/jobs/bulk", 200, action="cancel", job=[mine, theirs])
        assert "Cancel 1 job?" in chosen.text


async def test_a_key_that_may_only_look_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as site:
        job = await site.service.schedule()
        await as_workspace(site, Permission.READ)
        page = await site.get(f"/jobs/{job}")
        assert "Cancel" not in page.text
        await site.post(f"/jobs/{job}/cancel", 403)
        await site.post("/send", 403, channel="sms")


async def test_a_key_that_may_not_look_is_not_let_in(tmp_path: Path) -> None:
    async with opened(tmp_path) as site:
        _, text = await site.service.keys.create(None, [Permission.SEND])
        await site.log_in(text, code=403)


async def test_a_session_ends_with_its_key(tmp_path: Path) -> None:
    async with opened(tmp_path) as site:
        key, text = await site.service.keys.create("workspace-1", Permission)
        await site.log_in(text)
        await site.get()
        await site.service.keys.revoke(key.id)
        site.service.pass_time(1)
        await site.get(code=401)


async def test_a_stream_of_figures_ends_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = iter([True, True, False])  # before each event

    async def until_revoked(*_: object) -> bool:
        return next(still)

    async with opened(tmp_path) as site:
        await as_workspace(site)
        monkeypatch.setattr("queue_services.dashboard.live.EVERY_SECONDS", 0)
        monkeypatch.setattr("queue_services.dashboard.desk.Desk.may_look", until_revoked)
        assert (await site.get("/live")).source.count("data: ") == 2


async def test_a_read_only_dashboard_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, dashboard_read_only=True) as site:
        job = await site.service.schedule()
        page = await site.get(f"/jobs/{job}")
        assert "read-only" in page.text
        assert "Cancel" not in page.text
        for path in (
            f"/jobs/{job}/cancel",
            "/channels/sms/pause",
            "/send",
            "/jobs/bulk/start",
            "/workspace/window",
        ):
            assert "read-only" in (await site.post(path, 403)).text
        await site.post("/recipients", shown="yes")
