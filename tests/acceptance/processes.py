"""Real processes of the service, and a receiver that notes when each callback came. Nothing
here waits for time to pass, only for things to happen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.delivery.receiver import OK, Receiver, Request, response

COMMAND = Path(sys.executable).with_name("queue-services")
Program = Sequence[str | Path]


@dataclass
class Arrivals:
    """What the application got: each callback's time (monotonic seconds) and body."""

    answer: Callable[[Request], bytes] = lambda _: response(200, OK)
    seen: list[tuple[float, Request]] = field(default_factory=list)

    async def respond(self, writer: asyncio.StreamWriter, request: Request) -> None:
        self.seen.append((time.monotonic(), request))
        writer.write(self.answer(request))

    def times(self, workspace: str | None = None) -> list[float]:
        return [
            at
            for at, request in self.seen
            if workspace in (None, request.headers["x-workspace-id"])
        ]

    def jobs(self) -> Counter[str]:
        return Counter(request.headers["idempotency-key"] for _, request in self.seen)


@contextlib.asynccontextmanager
async def receiving(
    arrivals: Arrivals, sock: socket.socket | None = None
) -> AsyncIterator[Receiver]:
    async with Receiver.start(arrivals.respond, sock) as receiver:
        yield receiver


@dataclass
class Service:
    """One process of the service. `url` is set where it serves the API."""

    process: asyncio.subprocess.Process
    url: str = ""
    log: list[str] = field(default_factory=list)
    reading: asyncio.Task[None] | None = None

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(30):
            code = await self.process.wait()
        if self.reading is not None:
            await self.reading
        return code


async def start(command: str, database_url: str, receiver_url: str, **settings: Any) -> Service:
    """Start a process and wait until it says that it has started."""
    return await start_program([COMMAND], command, database_url, receiver_url, settings)


async def start_program(
    program: Program, command: str, database_url: str, receiver_url: str, settings: dict[str, Any]
) -> Service:
    """`start`, of another program in place of the service's own."""
    variables = {f"QUEUE_SERVICES_{name.upper()}": str(value) for name, value in settings.items()}
    variables["PORT"] = variables.pop("QUEUE_SERVICES_PORT", "0")
    environment = {
        "PATH": os.environ["PATH"],
        "SMS_API_URL": receiver_url,
        "EMAIL_API_URL": receiver_url,
        **variables,
    }
    environment |= {
        "QUEUE_SERVICES_DATABASE_URL": database_url,
        "QUEUE_SERVICES_LOG_FORMAT": "json",
    }
    process = await asyncio.create_subprocess_exec(
        *program, command, env=environment, stderr=asyncio.subprocess.PIPE
    )
    service = Service(process)
    wanted = {
        "serve": {"listening", "dispatching"},
        "api": {"listening"},
        "dispatcher": {"dispatching"},
    }[command]
    assert process.stderr is not None
    async with asyncio.timeout(20):
        while wanted:
            line = (await process.stderr.readline()).decode()
            assert line, f"it ended: {service.log}"
            service.log.append(line)
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                wanted.discard(event.get("event"))
                service.url = event.get("url", service.url)
    service.reading = asyncio.create_task(_read(service, process.stderr))
    return service


async def _read(service: Service, stream: asyncio.StreamReader) -> None:
    while line := await stream.readline():
        service.log.append(line.decode())


@contextlib.asynccontextmanager
async def running(
    *commands: str, database_url: str, receiver_url: str, **settings: Any
) -> AsyncIterator[list[Service]]:
    """Processes that are ended with the test, whatever happens."""
    services: list[Service] = []
    try:
        for command in commands:
            services += [await start(command, database_url, receiver_url, **settings)]
        yield services
    finally:
        for service in services:
            if service.process.returncode is None:
                service.kill()
        for service in services:
            await service.ended()


def sms(index: int = 0, **members: Any) -> dict[str, Any]:
    return {
        "channel": "sms",
        "to": f"+1 555 01{index % 100:02}",
        "message": "hello",
        "contactId": f"c{index}",
        "workspaceId": "acme",
        **members,
    }


def email(index: int = 0, **members: Any) -> dict[str, Any]:
    address = f"contact{index}@example.com"
    return {
        "channel": "email",
        "to": address,
        "subject": "hello",
        "html": "<p>hello</p>",
        "contactId": f"c{index}",
        "workspaceId": "acme",
        **members,
    }


async def schedule(url: str, messages: list[dict[str, Any]]) -> list[str]:
    """POST a batch; the job ids, in order."""
    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        answer = await client.post("/api/schedule-batch", json={"messages": messages})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert all("jobId" in result for result in results), results[:3]
    return [result["jobId"] for result in results]


async def get(url: str, path: str) -> Any:
    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        return (await client.get(path)).json()


async def statuses(url: str, jobs: list[str]) -> Counter[str]:
    """How many of the jobs have which status."""
    counted: Counter[str] = Counter()
    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        for start in range(0, len(jobs), 1000):
            answer = (
                await client.post("/api/job-status", json={"jobIds": jobs[start : start + 1000]})
            ).json()
            counted.update(job["status"] for job in answer["jobs"])
    return counted
