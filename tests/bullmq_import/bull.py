"""A Redis of the tests' own, and the real BullMQ of npm, for tests of the import."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from queue_services.queue.bullmq_import.layout import Queue
from queue_services.queue.bullmq_import.redis import Redis, connected

NPM = Path(__file__).parent / "npm"
COMMAND = Path(sys.executable).with_name("queue-services")
NAME = "sms-queue"
QUEUE = Queue("bull", NAME)


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """The port of a new server. Skips where there is none on the machine."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    options = ["--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(
        [program, "--port", str(port), *options], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        assert any("Ready to accept connections" in line for line in server.stdout)
        yield port
    finally:
        server.kill()
        server.communicate()


def npm() -> Path:
    """The folder with BullMQ in it, as the lock file has it. Skips where npm is missing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine: apt-get install nodejs npm")
    if not (NPM / "node_modules" / "bullmq").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        subprocess.run(command, cwd=NPM, check=True, timeout=120)
    return NPM


def data(contact: str, **members: Any) -> dict[str, Any]:
    """The data of an SMS job."""
    message = {"phoneNumber": "+15550100", "message": "Hello", "workspaceId": "w-1"}
    return {**message, "contactId": contact, **members}


def job(contact: str, *, name: str = "sms", **opts: Any) -> dict[str, Any]:
    """An SMS job as `Queue.addBulk` takes it; its id is its contact."""
    return {"name": name, "data": data(contact), "opts": {"jobId": contact, **opts}}


class Worker:
    """A BullMQ worker. `done` are the ids of the jobs it has run, `active` those it has begun."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.done: list[str] = []
        self.active: list[str] = []
        self._said = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def has(self, state: Literal["done", "active"], job: str) -> None:
        """Return when it has said so of a job."""
        async with asyncio.timeout(30), self._said:
            await self._said.wait_for(lambda: job in getattr(self, state))

    async def stop(self) -> None:
        """End it; `done` is then complete."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(30):
            await self._reading
            await self._process.wait()

    async def kill(self) -> None:
        """End it at once, where it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            async with self._said:
                for state, job in json.loads(line).items():
                    getattr(self, state).append(job)
                self._said.notify_all()


@dataclass
class Bull:
    """A Redis with a BullMQ queue, and a store to import into."""

    port: int
    redis: Redis
    database: Path

    async def queue(self, command: str, given: Any = None) -> Any:
        """Run a command of queue.mjs."""
        process = await asyncio.create_subprocess_exec(
            *("node", "queue.mjs", command, str(self.port), NAME),
            cwd=npm(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(json.dumps(given).encode())
        assert process.returncode == 0
        return json.loads(out) if out else None

    @contextlib.asynccontextmanager
    async def working(self, **limiter: int) -> AsyncIterator[Worker]:
        """A worker that runs meanwhile, with a `limiter` of `max` jobs in `duration` ms."""
        process = await asyncio.create_subprocess_exec(
            *("node", "queue.mjs", "work", str(self.port), NAME, json.dumps(limiter)),
            cwd=npm(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        worker = Worker(process)
        try:
            yield worker
        finally:
            await worker.kill()

    async def until_one(self, count: str, part: str) -> None:
        """Return when a part of the queue holds a job."""
        async with asyncio.timeout(30):
            while not await self.redis.call(count, QUEUE.key(part)):
                pass

    async def start(self, *options: str, **environment: str) -> asyncio.subprocess.Process:
        """Start the import."""
        url = f"redis://127.0.0.1:{self.port}"
        return await asyncio.create_subprocess_exec(
            *(str(COMMAND), "import", "bullmq", "--redis", url, "--queue", NAME, *options),
            env={
                "PATH": os.environ["PATH"],
                "QUEUE_SERVICES_DATABASE_URL": f"sqlite:///{self.database}",
                **environment,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def imported(
        self, *options: str, wait: int = 0, **environment: str
    ) -> tuple[int, dict[str, Any]]:
        """Run the import to its end: its exit code and its report."""
        process = await self.start("--json", "--wait", str(wait), *options, **environment)
        out, errors = await process.communicate()
        assert process.returncode is not None
        assert out, errors.decode()
        return process.returncode, json.loads(out)

    def stored(self) -> list[str]:
        """The contacts of the messages in the store."""
        with contextlib.closing(sqlite3.connect(self.database)) as store:
            return [contact for (contact,) in store.execute("select contact from message")]

    async def contents(self) -> dict[bytes, Any]:
        """Every key of the Redis with its value; fields and members in order, as DUMP's are not."""
        keys = await self.redis.call("KEYS", "*")
        kinds = await self.redis.pipeline([("TYPE", key) for key in keys])
        values = await self.redis.pipeline(
            [_READ[kind](key) for key, kind in zip(keys, kinds, strict=True)]
        )
        unordered = {b"hash", b"set"}
        return {
            key: sorted(value) if kind in unordered else value
            for key, kind, value in zip(keys, kinds, values, strict=True)
        }


_READ: dict[bytes, Callable[[bytes], tuple[str | bytes | int, ...]]] = {
    b"string": lambda key: ("GET", key),
    b"hash": lambda key: ("HGETALL", key),
    b"set": lambda key: ("SMEMBERS", key),
    b"list": lambda key: ("LRANGE", key, 0, -1),
    b"zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
    b"stream": lambda key: ("XRANGE", key, "-", "+"),
}


@contextlib.asynccontextmanager
async def bull(folder: Path) -> AsyncIterator[Bull]:
    """A Redis with nothing in it, and an empty store."""
    npm()
    with redis_server(folder) as port:
        async with connected(f"redis://127.0.0.1:{port}") as redis:
            yield Bull(port, redis, folder / "queue.db")
