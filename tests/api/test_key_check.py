"""Wrong keys: counted by the place that they come from, logged, and after a hundred in a minute
not looked at any more.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import structlog

from queue_services.api.key_check import WRONG_KEYS
from queue_services.settings.slices import ApiSettings
from tests.api.service import Service, serving

KEY = "the-administrators-key-of-the-settings"
SETTINGS = ApiSettings(admin_key=KEY, trusted_proxies=(ip_network("127.0.0.0/8"),))


def sent(key: str, place: str = "203.0.113.7") -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "x-forwarded-for": place}


async def guess(service: Service, tries: int, place: str = "203.0.113.7") -> list[Any]:
    """Wrong keys, all at once; the answers that said to wait."""
    answers = await asyncio.gather(
        *(
            service.client.get("/api/jobs", headers=sent(f"guess {number}", place))
            for number in range(tries)
        )
    )
    assert {answer.status_code for answer in answers} == {401}
    return [answer for answer in answers if "retry-after" in answer.headers]


async def test_after_a_hundred_wrong_keys_in_a_minute_no_other_is_looked_at(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, SETTINGS) as service:
        refused = await guess(service, WRONG_KEYS + 7)
        assert [answer.headers["retry-after"] for answer in refused] == ["60"] * 7
        assert "Too many wrong keys" in refused[0].text
        assert "retry-after" in (await service.client.get("/api/jobs", headers=sent(KEY))).headers
        service.pass_time(60)
        await service.ask("GET", "/api/jobs", headers=sent(KEY))


async def test_a_key_that_was_right_from_there_or_comes_from_elsewhere_is_served_all_the_same(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, SETTINGS) as service:
        await service.ask("GET", "/api/jobs", headers=sent(KEY))
        assert await guess(service, WRONG_KEYS + 1)
        await service.ask("GET", "/api/jobs", headers=sent(KEY))
        await service.ask("GET", "/api/jobs", headers=sent(KEY, "203.0.113.8"))


async def test_addresses_of_one_ipv6_network_are_throttled_together(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as service:
        await guess(service, WRONG_KEYS, "2001:db8::1")
        assert await guess(service, 1, "2001:db8::2")
        assert not await guess(service, 1, "2001:db8:0:1::1")


async def test_right_keys_use_no_try(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as service:
        for _ in range(WRONG_KEYS + 1):
            await service.ask("GET", "/api/jobs", headers=sent(KEY))
        assert not await guess(service, WRONG_KEYS)


async def test_wrong_keys_are_logged_with_where_they_came_from_and_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, SETTINGS) as service:
        with structlog.testing.capture_logs() as logged:
            await guess(service, WRONG_KEYS + 5)
    refused = [line for line in logged if line["event"] == "key.refused"]
    assert [(line["address"], line["tries"]) for line in refused] == [
        ("203.0.113.7", 1),
        ("203.0.113.7", WRONG_KEYS),
    ]
    assert "guess" not in str(logged)
