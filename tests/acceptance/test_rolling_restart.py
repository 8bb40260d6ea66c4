"""Every process is replaced under load, one after the other, and no client notices: no
request fails, nothing is lost, nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.processes import Arrivals, receiving, running, sms, start

pytestmark = pytest.mark.alone


@dataclass
class Application:
    """Schedules without a pause, by connections that it keeps and by new ones, and never
    tries again.
    """

    url: str
    jobs: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def keep_on(self, client: httpx2.AsyncClient) -> None:
        while True:
            began = time.monotonic()
            try:
                answer = await client.post(
                    "/api/schedule-sms", json=sms(next(self._numbers), workspaceId="acme")
                )
                if answer.status_code == 200:
                    self.jobs.append(answer.json()["jobId"])
                else:
                    self.failures.append(answer.text)
            except httpx2.HTTPError as error:
                self.failures.append(repr(error))
            self.slowest = max(self.slowest, time.monotonic() - began)

    @contextlib.asynccontextmanager
    async def at_work(self, keeping: int = 2, opening: int = 2) -> AsyncIterator[None]:
        kept = httpx2.AsyncClient(
            base_url=self.url,
            timeout=10,
            limits=httpx2.Limits(max_connections=keeping, max_keepalive_connections=keeping),
        )
        opened = httpx2.AsyncClient(
            base_url=self.url, timeout=10, limits=httpx2.Limits(max_keepalive_connections=0)
        )
        async with kept, opened:
            tasks = [
                asyncio.create_task(self.keep_on(client))
                for client, number in ((kept, keeping), (opened, opening))
                for _ in range(number)
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def free_port() -> int:
    """A port that several processes can share; the kernel gives out another to whoever asks
    for any.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def not_ready(client: httpx2.AsyncClient) -> httpx2.Response:
    """Ask by a connection that is kept until the process says that it ends."""
    while (answer := await client.get("/health/ready")).status_code == 200:
        pass
    return answer


ONE_OF_EACH = ("api", "dispatcher")
TWO_OF_EACH = ("api", "api", "dispatcher", "dispatcher")


@pytest.mark.long(bounded=True)
@pytest.mark.parametrize(("commands", "rounds"), [(ONE_OF_EACH, 1), (TWO_OF_EACH, 5)])
async def test_processes_are_replaced_in_turn_and_no_request_fails(
    postgres_url: str, commands: tuple[str, ...], rounds: int
) -> None:
    port, arrivals = free_port(), Arrivals()
    settings: dict[str, Any] = {
        "port": port,
        "share_port": True,
        "sms_per_second": 1000,
        "shutdown_seconds": 5,
    }
    async with (
        receiving(arrivals) as receiver,
        running(
            *commands, database_url=postgres_url, receiver_url=receiver.url, **settings
        ) as services,
    ):
        application = Application(f"http://127.0.0.1:{port}")
        async with application.at_work():
            for place in [*range(len(commands))] * rounds:
                old, services[place] = (
                    services[place],
                    await start(commands[place], postgres_url, receiver.url, **settings),
                )
                assert await old.stop() == 0, old.log
        await receiver.until(lambda: not set(application.jobs) - set(arrivals.jobs()))
    print(
        f"{len(commands) * rounds} replaced: {len(application.jobs)} accepted,"
        f" {len(application.failures)} failed, slowest {application.slowest:.2f} s"
    )
    assert application.failures == []
    assert set(arrivals.jobs().values()) == {1}
    assert len(application.jobs) > 50 * rounds


async def test_a_process_without_the_setting_does_not_share_its_port(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/queue.db"
    async with running("serve", database_url=url, receiver_url="http://127.0.0.1:9") as [first]:
        with pytest.raises(AssertionError, match="in use"):
            await start(
                "api",
                url,
                "http://127.0.0.1:9",
                port=int(first.url.rpartition(":")[2]),
                share_port=True,
            )


async def test_a_load_balancer_is_told_before_the_process_stops_listening(tmp_path: Path) -> None:
    async with running(
        "serve",
        database_url=f"sqlite:///{tmp_path}/queue.db",
        receiver_url="http://127.0.0.1:9",
        drain_seconds=1,
    ) as [service]:
        async with httpx2.AsyncClient(base_url=service.url) as client:
            assert (await client.get("/health/ready")).status_code == 200
            leaving = asyncio.create_task(service.stop())
            ready = await not_ready(client)
            assert (
                ready.status_code,
                ready.headers["connection"],
                ready.headers["retry-after"],
            ) == (503, "close", "1")
            answer = await client.post("/api/schedule-sms", json=sms())
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert await leaving == 0


async def test_a_connection_that_was_opened_while_the_process_stops_is_answered(
    tmp_path: Path,
) -> None:
    async with running(
        "serve",
        database_url=f"sqlite:///{tmp_path}/queue.db",
        receiver_url="http://127.0.0.1:9",
        drain_seconds=1,
    ) as [service]:
        host, _, port = service.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        leaving = asyncio.create_task(service.stop())
        async with httpx2.AsyncClient(base_url=service.url) as client:
            await not_ready(client)
        writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        writer.close()
        assert await leaving == 0
