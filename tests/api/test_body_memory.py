"""The bodies of all requests together are bounded: what is over is told when to come again,
and what is small is served all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from queue_services.settings.slices import ApiSettings
from queue_services.web.bodies import MIB, UNCOUNTED
from tests.api.service import JSON, NDJSON, SMS, Service, ndjson, serving

MOST = 100_000
BATCH = "/api/schedule-batch"


def large(size: int) -> bytes:
    message = {"channel": "sms", **SMS, "message": ""}
    return ndjson({**message, "message": "x" * (size - len(ndjson(message)))})


async def in_parts(body: bytes) -> AsyncIterator[bytes]:
    """Sent without its length."""
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(tmp_path, ApiSettings(body_memory_mib=MOST / MIB)) as service:
        yield service


async def test_a_body_that_does_not_fit_is_503_with_a_time_to_come_again(small: Service) -> None:
    for content in (large(MOST + UNCOUNTED + 1), in_parts(large(MOST + UNCOUNTED + 1))):
        answer = await small.client.post(BATCH, content=content, headers=NDJSON)
        assert (
            answer.status_code,
            answer.headers["retry-after"],
            answer.headers["connection"],
        ) == (503, "2", "close")
        assert answer.json()["status"] == 503
    assert (await small.ask("GET", "/api/jobs"))["jobs"] == []


async def test_what_a_body_held_is_given_back_whatever_became_of_it(small: Service) -> None:
    body = large(MOST + UNCOUNTED)
    for content in (body, in_parts(body), body[:-1], in_parts(body[:-1])):
        answer = await small.client.post(BATCH, content=content, headers=NDJSON)
        assert answer.json()["accepted"] + answer.json()["rejected"] == 1
    assert (
        await small.client.post("/api/schedule-sms", content=body[:-1], headers=JSON)
    ).status_code == 400


async def test_a_body_in_progress_keeps_its_share_and_small_ones_are_served_beside(
    small: Service,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield large(MOST + UNCOUNTED)
        begun.set()
        await go_on.wait()

    first = asyncio.create_task(small.client.post(BATCH, content=slow(), headers=NDJSON))
    await begun.wait()
    assert (await small.client.post(BATCH, content=large(MOST), headers=NDJSON)).status_code == 503
    assert (
        await small.client.post(
            "/api/schedule-sms",
            content=large(UNCOUNTED).replace(b'"channel": "sms", ', b""),
            headers=JSON,
        )
    ).status_code == 200
    go_on.set()
    assert (await first).json()["accepted"] == 1
    assert (await small.client.post(BATCH, content=large(MOST), headers=NDJSON)).status_code == 200
