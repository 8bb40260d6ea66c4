"""The main job with real processes, sockets and signals: what is promised, measured at a
receiver. SQLite in one process, PostgreSQL in three.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.processes import (
    Arrivals,
    Service,
    email,
    receiving,
    running,
    schedule,
    sms,
    start,
    statuses,
)
from tests.delivery.receiver import Receiver
from tests.support.densest import densest

ONE_PROCESS = ("serve",)
THREE_PROCESSES = ("api", "dispatcher", "dispatcher")
SOONER_OR_LATER = [
    "sqlite",
    pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.long(bounded=True)]),
]
"""The stores of what takes longest: on PostgreSQL the long run tries it, and so do the
tests of crashes.
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A database's URL and the commands that run the service on it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/queue.db", ONE_PROCESS
    else:
        yield request.getfixturevalue("postgres_url"), THREE_PROCESSES


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


@pytest.fixture
async def receiver(arrivals: Arrivals) -> AsyncIterator[Receiver]:
    async with receiving(arrivals) as receiver:
        yield receiver


async def arrived(
    receiver: Receiver, arrivals: Arrivals, jobs: list[str], within: float = 60
) -> None:
    """Wait until every job has come at least once."""
    deadline = time.monotonic() + within
    while set(jobs) - set(arrivals.jobs()):
        assert time.monotonic() < deadline, (
            f"{len(set(jobs) - set(arrivals.jobs()))} of {len(jobs)} never came"
        )
        seen = len(arrivals.seen)
        await receiver.until(lambda seen=seen: len(arrivals.seen) > seen)  # type: ignore[misc]


def used(times: list[float]) -> float:
    """Messages a second from the first to the last."""
    return (len(times) - 1) / (max(times) - min(times))


@pytest.mark.alone
@pytest.mark.parametrize("count", [100, pytest.param(400, marks=pytest.mark.long(bounded=True))])
async def test_sms_of_five_workspaces_arrive_at_the_limit_and_never_over_it(
    store: tuple[str, tuple[str, ...]], receiver: Receiver, arrivals: Arrivals, count: int
) -> None:
    url, commands = store
    async with running(*commands, database_url=url, receiver_url=receiver.url) as services:
        jobs = await schedule(
            services[0].url, [sms(i, workspaceId=f"workspace-{i % 5}") for i in range(count)]
        )
        await arrived(receiver, arrivals, jobs)
    assert densest(arrivals.times()) <= 50
    assert used(arrivals.times()) >= 48.5
    assert all(seen == 1 for seen in arrivals.jobs().values())


@pytest.mark.alone
@pytest.mark.parametrize("store", SOONER_OR_LATER, indirect=True)
async def test_one_email_of_a_workspace_does_not_wait_behind_3000_of_another(
    store: tuple[str, tuple[str, ...]], receiver: Receiver, arrivals: Arrivals
) -> None:
    url, commands = store
    async with running(*commands, database_url=url, receiver_url=receiver.url) as services:
        await schedule(services[0].url, [email(i, workspaceId="big") for i in range(3000)])
        asked_at = time.monotonic()
        [job] = await schedule(services[0].url, [email(workspaceId="small")])
        await arrived(receiver, arrivals, [job])
        assert arrivals.times("small")[0] - asked_at < 0.5


@pytest.mark.parametrize("store", SOONER_OR_LATER, indirect=True)
@pytest.mark.parametrize(
    ("count", "kills"), [(300, 1), pytest.param(3000, 5, marks=pytest.mark.long(bounded=True))]
)
async def test_killing_every_process_in_the_middle_loses_nothing(
    store: tuple[str, tuple[str, ...]],
    receiver: Receiver,
    arrivals: Arrivals,
    count: int,
    kills: int,
) -> None:
    url, commands = store
    settings = {"email_per_second": 400, "lease_seconds": 1}
    async with running(
        commands[0], database_url=url, receiver_url=receiver.url, **settings
    ) as services:
        jobs = await schedule(
            services[0].url,
            [email(i, workspaceId=f"workspace-{i % 7}", delay=300) for i in range(count)],
        )
    crashing: list[Service] = []
    for number in range(1, kills + 1):
        crashing = [await start(command, url, receiver.url, **settings) for command in commands]
        await receiver.until(
            lambda number=number: len(arrivals.jobs()) >= number * count // (kills + 2)  # type: ignore[misc]
        )
        for service in crashing:
            service.kill()
            await service.ended()
    async with running(
        *commands, database_url=url, receiver_url=receiver.url, **settings
    ) as services:
        await arrived(receiver, arrivals, jobs)
        while (await statuses(services[0].url, jobs))["COMPLETED"] < count:
            pass
    assert set(arrivals.jobs()) == set(jobs)
    assert sum(arrivals.jobs().values()) <= count + kills * 256


@pytest.mark.parametrize("store", SOONER_OR_LATER, indirect=True)
async def test_a_sigterm_drains_and_the_rest_is_delivered_by_the_next_process(
    store: tuple[str, tuple[str, ...]], receiver: Receiver, arrivals: Arrivals
) -> None:
    url, commands = store
    async with running(*commands, database_url=url, receiver_url=receiver.url) as services:
        jobs = await schedule(services[0].url, [email(i) for i in range(150)])
        await receiver.until(lambda: len(arrivals.seen) >= 50)
        assert [await service.stop() for service in services] == [0] * len(services)
    before = len(arrivals.seen)
    async with running(*commands, database_url=url, receiver_url=receiver.url) as services:
        assert (await statuses(services[0].url, jobs))["COMPLETED"] >= before
        await arrived(receiver, arrivals, jobs)
    assert all(seen == 1 for seen in arrivals.jobs().values())
