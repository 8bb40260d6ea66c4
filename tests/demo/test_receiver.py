"""The example application at the receiving end."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import httpx2
import pytest

from queue_services.demo.stage import examples


@pytest.fixture(scope="module")
def receiver() -> ModuleType:
    """`examples/receiver.py`, which is a script and no part of a package."""
    specification = importlib.util.spec_from_file_location(
        "receiver_example", examples() / "receiver.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    import sys

    sys.modules[module.__name__] = module  # dataclasses look their module up there
    specification.loader.exec_module(module)
    return module


async def deliver(client: httpx2.AsyncClient, job: str, path: str = "/send-sms") -> int:
    body = {"workspaceId": "acme", "contactId": "c-1", "to": "+15550100", "message": "hello"}
    answer = await client.post(path, json=body, headers={"idempotency-key": job, "x-attempt": "1"})
    return answer.status_code


async def arrivals(client: httpx2.AsyncClient, after: int = 0) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await client.get("/arrivals", params={"after": after})).json()[
        "arrivals"
    ]
    return listed


def connect(module: ModuleType, **options: int) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=module.Receiver(**options).app()),
        base_url="http://127.0.0.1",
    )


async def test_it_takes_both_channels_and_lists_what_came(receiver: ModuleType) -> None:
    async with connect(receiver) as client:
        assert await deliver(client, "j1") == 200
        assert await deliver(client, "j2", "/api/email/send") == 200
        listed = await arrivals(client)
    assert [(one["job"], one["channel"], one["workspace"], one["answer"]) for one in listed] == [
        ("j1", "sms", "acme", "accepted"),
        ("j2", "email", "acme", "accepted"),
    ]
    assert listed[0]["monotonic"] <= listed[1]["monotonic"]


async def test_it_answers_a_repeat_with_success_and_counts_it_apart(receiver: ModuleType) -> None:
    async with connect(receiver) as client:
        assert [await deliver(client, "j1"), await deliver(client, "j1")] == [200, 200]
        assert [one["answer"] for one in await arrivals(client)] == ["accepted", "repeated"]


async def test_it_fails_the_first_try_of_every_nth_message_and_takes_the_second(
    receiver: ModuleType,
) -> None:
    async with connect(receiver, fail_every=2) as client:
        assert [await deliver(client, job) for job in ("j1", "j2", "j2", "j3", "j4")] == [
            200,
            503,
            200,
            200,
            503,
        ]
        assert [one["answer"] for one in await arrivals(client, after=1)] == [
            "failed",
            "accepted",
            "accepted",
            "failed",
        ]


async def test_it_lists_a_line_each_where_that_is_asked_for(receiver: ModuleType) -> None:
    async with connect(receiver) as client:
        await deliver(client, "j1")
        await deliver(client, "j2")
        listed = await client.get("/arrivals", headers={"accept": "application/x-ndjson"})
    assert len(listed.text.splitlines()) == 2


async def test_a_batch_is_answered_for_each_message_and_what_was_taken_is_known(
    receiver: ModuleType,
) -> None:
    async with connect(receiver, fail_every=2) as client:
        members = {"workspaceId": "acme", "contactId": "c-1", "to": "+15550100", "message": "hi"}
        messages = [{**members, "jobId": job, "attempt": 1} for job in ("a", "b")]
        batch = {
            "batchId": "x",
            "workspaceId": "acme",
            "channel": "sms",
            "messages": messages,
        }
        answer = (await client.post("/send-sms-batch", json=batch)).json()
        assert [(one["jobId"], one["success"]) for one in answer["results"]] == [
            ("a", True),
            ("b", False),
        ]
        asked = [(await client.get(f"/sms-sent/{job}")).json() for job in ("a", "b")]
        assert asked == [{"delivered": True}, {"delivered": False}]
        assert [one["job"] for one in await arrivals(client)] == ["a", "b"]
