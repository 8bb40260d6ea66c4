"""Events from real processes: what became of every message is told, signed, whatever
happens to the processes and the endpoint meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest
import standardwebhooks

from queue_services.delivery.signing import new_secret
from tests.acceptance.processes import Arrivals, get, receiving, running, schedule, sms
from tests.delivery.receiver import OK, Receiver, Request, response

SECRET = new_secret()


def refusing(request: Request) -> bytes:
    """An application that rejects every message that says so."""
    return (
        response(422, b"no such number")
        if request.json["message"] == "reject"
        else response(200, OK)
    )


async def told(
    receiver: Receiver, listening: Arrivals, jobs: set[str], within: float = 60
) -> dict[str, list[Any]]:
    """Wait until something was told of every job; what was, by job, in order, each event once."""
    deadline = time.monotonic() + within
    while True:
        events = {request.headers["webhook-id"]: request.json for _, request in listening.seen}
        if jobs <= {event["jobId"] for event in events.values()}:
            return {
                job: [event for event in events.values() if event["jobId"] == job] for job in jobs
            }
        assert time.monotonic() < deadline, f"{len(events)} events of {len(jobs)} jobs"
        seen = len(listening.seen)
        with contextlib.suppress(
            TimeoutError
        ):  # what a killed dispatcher held is told again when its lease of half a minute ends
            await receiver.until(lambda seen=seen: len(listening.seen) > seen)  # type: ignore[misc]


@pytest.mark.parametrize(
    "store",
    [
        "sqlite",
        pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.long(bounded=True)]),
    ],
)
async def test_what_became_of_every_message_is_told_and_signed(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = (
        f"sqlite:///{tmp_path}/queue.db"
        if store == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    commands = ("serve",) if store == "sqlite" else ("api", "dispatcher")
    taking, listening = Arrivals(refusing), Arrivals()
    async with receiving(taking) as app, receiving(listening) as endpoint:
        settings = {
            "events_url": f"{endpoint.url}/events",
            "signing_secret": SECRET,
            "sms_per_second": 1000,
        }
        async with running(
            *commands, database_url=url, receiver_url=app.url, **settings
        ) as services:
            jobs = await schedule(
                services[0].url, [sms(i, message="reject" if i % 3 else "hello") for i in range(60)]
            )
            [later] = await schedule(
                services[0].url, [sms(delay=3_600_000, metadata={"campaignId": "spring"})]
            )
            async with httpx2.AsyncClient(base_url=services[0].url) as client:
                assert (await client.post(f"/api/cancel-job/{later}")).status_code == 200
            events = await told(endpoint, listening, {*jobs, later})
            figures = await get(services[0].url, "/api/jobs?status=CANCELLED")
    assert Counter(event["status"] for [event] in events.values()) == {
        "completed": 20,
        "failed": 40,
        "cancelled": 1,
    }
    assert {event["error"] for [event] in events.values() if event["status"] == "failed"} == {
        "HTTP 422: no such number"
    }
    assert (events[later][0]["campaignId"], [job["jobId"] for job in figures["jobs"]]) == (
        "spring",
        [later],
    )
    for _, sent in listening.seen:
        assert standardwebhooks.Webhook(SECRET).verify(sent.body, sent.headers) == sent.json
        assert (sent.target, sent.headers["webhook-id"]) == ("/events", sent.json["eventId"])


async def test_what_was_cancelled_before_there_was_a_dispatcher_is_told(tmp_path: Path) -> None:
    listening = Arrivals()
    async with receiving(listening) as endpoint:
        place: dict[str, Any] = {
            "database_url": f"sqlite:///{tmp_path}/queue.db",
            "receiver_url": endpoint.url,
            "events_url": endpoint.url,
            "signing_secret": SECRET,
        }
        async with (
            running("api", **place) as [service],
            httpx2.AsyncClient(base_url=service.url) as client,
        ):
            [job] = await schedule(service.url, [sms(delay=3_600_000)])
            assert (await client.post(f"/api/cancel-job/{job}")).status_code == 200
        async with running("dispatcher", **place):
            events = await told(endpoint, listening, {job})
    assert [event["type"] for event in events[job]] == ["message.cancelled"]


@pytest.mark.long(bounded=True)
async def test_no_event_is_lost_when_dispatchers_are_killed_and_the_endpoint_fails(
    postgres_url: str,
) -> None:
    rnd = random.Random(7)
    taking = Arrivals()
    listening = Arrivals(
        lambda _: response(500, b"busy") if rnd.random() < 0.3 else response(200, OK)
    )
    async with receiving(taking) as app, receiving(listening) as endpoint:
        settings = {
            "events_url": endpoint.url,
            "sms_per_second": 200,
            "lease_seconds": 2,
            "backoff_seconds": 0.2,
            "delivery_timeout_seconds": 0.5,
        }
        settings |= {"signing_secret": SECRET}
        async with running(
            "api", *["dispatcher"] * 4, database_url=postgres_url, receiver_url=app.url, **settings
        ) as services:
            jobs = await schedule(
                services[0].url, [sms(i, workspaceId=f"workspace-{i % 7}") for i in range(1500)]
            )
            for dispatcher in services[1:4]:
                seen = len(listening.seen)
                await endpoint.until(lambda seen=seen: len(listening.seen) > seen + 300)  # type: ignore[misc]
                dispatcher.kill()
            events = await asyncio.wait_for(told(endpoint, listening, set(jobs), within=110), 120)
    assert {event["status"] for of_one in events.values() for event in of_one} == {"completed"}
    assert max(map(len, events.values())) == 1
