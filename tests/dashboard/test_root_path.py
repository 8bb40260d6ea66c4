"""The service under a path of a proxy, which strips it or keeps it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest

from queue_services.settings.slices import ApiSettings
from tests.api.service import BASE_URL, SMS
from tests.dashboard.site import PAGES, Site, opened

ROOT = "/mail/queue"
LINK = re.compile(r'(?:href|src|action|data-live-from|data-from)="([^"#]*)"')


class Proxy(httpx2.AsyncBaseTransport):
    """A proxy that offers the service under `ROOT` alone."""

    def __init__(self, site: Site, *, strips: bool) -> None:
        self._to = httpx2.ASGITransport(app=site.service.app, raise_app_exceptions=False)
        self._strips = strips

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode()
        assert path.startswith(ROOT), path
        if self._strips:
            request.url = request.url.copy_with(raw_path=(path[len(ROOT) :] or "/").encode())
        return await self._to.handle_async_request(request)


@pytest.mark.parametrize("strips", [True, False], ids=["strips", "keeps"])
async def test_every_link_and_form_leads_through_the_proxy(tmp_path: Path, strips: bool) -> None:
    async with opened(tmp_path, admin_key="k" * 32, root_path=ROOT) as site:
        client = httpx2.AsyncClient(transport=Proxy(site, strips=strips), base_url=BASE_URL)
        key = {"authorization": f"Bearer {'k' * 32}"}
        sent = await client.post(f"{ROOT}/api/schedule-sms", json=SMS, headers=key)
        assert sent.status_code == 200
        problem = (await client.get(f"{ROOT}/api/jobs")).json()
        assert problem["type"] == f"{ROOT}/docs#no-valid-key"
        document = (await client.get(f"{ROOT}/openapi.json")).json()
        assert document["servers"] == [{"url": ROOT}]
        docs = await client.get(f"{ROOT}/docs")
        for link in ("docs.css", "openapi.json"):
            assert f'href="{link}"' in docs.text
        asked = await client.get(f"{ROOT}/admin/queues/jobs", headers={"accept": "text/html"})
        assert asked.headers["location"].startswith(f"{ROOT}/admin/queues/login?after=%2Fmail")
        login = await client.get(asked.headers["location"])
        fields = dict(re.findall(r'name="(token|after)" value="([^"]*)"', login.text))
        entered = await client.post(
            f"{ROOT}/admin/queues/login", data={**fields, "password": "k" * 32}
        )
        assert entered.headers["location"] == f"{ROOT}/admin/queues/jobs"
        assert f"Path={ROOT}/admin/queues;" in entered.headers["set-cookie"]
        for path in PAGES:
            page = await client.get(f"{ROOT}/admin/queues{path}")
            assert page.status_code == 200
            links = {link for link in LINK.findall(page.text) if not link.startswith("data:")}
            assert links
            assert [link for link in links if not link.startswith((ROOT, "?"))] == []
        assert 'aria-current="page"' in page.text


async def test_without_a_root_path_a_proxys_prefix_is_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as site:
        assert (await site.service.client.get(f"{ROOT}/health")).status_code == 404
        assert ApiSettings().root_path == ""
