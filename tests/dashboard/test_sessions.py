"""Sessions live on the server: they end at logout, can be listed and ended, and nobody makes
one out of a copy of the store.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from queue_services.dashboard.sessions import COOKIE
from queue_services.domain.key import Permission
from tests.dashboard.site import Site, opened
from tests.dashboard.test_login import LOGIN
from tests.storage.store import select


async def as_key(site: Site, workspace: str | None, *permissions: Permission) -> str:
    """Log in with a new key; its id."""
    key, text = await site.service.keys.create(workspace, permissions or Permission)
    site.service.pass_time(1)
    await site.log_in(text)
    return key.id


def copied(site: Site) -> Site:
    """Another browser with the same cookies."""
    other = site.another()
    other.client.cookies.update(site.client.cookies)
    return other


async def test_a_copied_cookie_dies_at_logout(tmp_path: Path) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        await site.log_in("correct horse", "admin")
        thief = copied(site)
        await thief.get()
        await site.post("/logout")
        await thief.get(code=401)
        await site.get(code=401)


async def test_logging_in_again_ends_the_session_before(tmp_path: Path) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        await site.log_in("correct horse", "admin")
        before = copied(site)
        await site.log_in("correct horse", "admin")
        await before.get(code=401)
        await site.get()


async def test_the_store_holds_no_cookie_and_nothing_that_makes_one(tmp_path: Path) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        await site.log_in("correct horse", "admin")
        await as_key(site, None)
        kept = str(await site.service.database.read(select, "select * from session"))
        assert site.client.cookies[COOKIE] not in kept
        assert "correct horse" not in kept
        tables = "select name from sqlite_schema where name = 'dashboard_secret'"
        assert await site.service.database.read(select, tables) == []


async def test_a_session_opens_nothing_at_a_copy_of_the_store_with_another_password(
    tmp_path: Path,
) -> None:
    for name in ("here", "copy"):
        (tmp_path / name).mkdir()
    async with opened(tmp_path / "here", **LOGIN) as site:
        await site.log_in("correct horse", "admin")
        cookies = site.client.cookies
    shutil.copy(tmp_path / "here" / "queue.db", tmp_path / "copy")
    mine: dict[str, Any] = {"bull_board_username": "admin", "bull_board_password": "mine"}
    async with opened(tmp_path / "copy", **mine) as site:
        site.client.cookies = cookies
        await site.get(code=401)


async def test_once_a_key_exists_a_session_of_this_machine_is_not_honoured(site: Site) -> None:
    await site.act("/recipients", shown="yes")
    assert "this machine" in (await site.get("/sessions")).text
    await site.service.keys.create(None)
    site.service.pass_time(1)
    await site.get(code=401)


async def test_a_session_ends_with_its_key(tmp_path: Path) -> None:
    async with opened(tmp_path) as site:
        identity = await as_key(site, None)
        await site.get()
        await site.service.keys.revoke(identity)
        site.service.pass_time(1)
        await site.get(code=401)


async def test_an_administrator_sees_and_ends_every_session(tmp_path: Path) -> None:
    async with opened(tmp_path, admin_key="a" * 32) as site:
        await site.log_in("a" * 32)
        tenant = site.another()
        await as_key(tenant, "acme")
        page = await site.get("/sessions")
        assert "this one" in page.text
        assert "acme" in page.text
        [ended] = [path for path in page.forms("/end") if path not in own_ends(page.source)]
        assert "is ended" in (await site.act(ended)).text
        await tenant.get(code=401)
        await site.post("/sessions/none/end", 404)


def own_ends(source: str) -> str:
    """The row of the session that looks."""
    return next(row for row in source.split("<tr>") if "this one" in row)


async def test_a_tenant_sees_and_ends_the_sessions_of_its_key_alone(tmp_path: Path) -> None:
    async with opened(tmp_path, admin_key="a" * 32) as site:
        await site.log_in("a" * 32)
        [administrators] = (await site.get("/sessions")).forms("/end")
        tenant = site.another()
        await as_key(tenant, "acme")
        assert "administrator" not in (await tenant.get("/sessions")).text
        await tenant.post(administrators, 404)
        await site.get()


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "é" * 43])
async def test_a_made_up_cookie_opens_nothing(tmp_path: Path, cookie: str) -> None:
    async with opened(tmp_path, **LOGIN) as site:
        await site.get(code=401, headers={"cookie": f"{COOKIE}={cookie}".encode()})
