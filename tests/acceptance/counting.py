"""A receiver in a process of its own that only notes when a callback of which workspace
came: it keeps up with any limit that is measured here.

    python -m tests.acceptance.counting

Started by `counting` for the crowds' tests and benchmarks. It says its port on its first
line; `GET /until/M/W` is answered when M messages of W workspaces have come, `GET /log`
with every one of them: [monotonic seconds, workspace]. Monotonic time is the machine's, the
same in every process. It is no HTTP server for anybody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

import httpx2
import msgspec
import uvloop

from tests.delivery.receiver import OK, response

END = b"\r\n\r\n"
ANSWER = response(200, OK)
LOG: list[tuple[float, str]] = []
WORKSPACES: set[str] = set()
WAITING: list[tuple[int, int, asyncio.WriteTransport]] = []


class Counting(asyncio.Protocol):
    """One connection: requests one after the other, each noted when all of it has come."""

    def __init__(self) -> None:
        self._came = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(END)) >= 0:
            head = self._came[:end].lower()
            whole = end + len(END) + int(_header(head, b"content-length") or 0)
            if len(self._came) < whole:
                return
            self._answer(bytes(head))
            del self._came[:whole]

    def _answer(self, head: bytes) -> None:
        if head.startswith(b"get /log"):
            self._transport.write(response(200, msgspec.json.encode(LOG)))
        elif head.startswith(b"get /until"):
            _, messages, workspaces = head.split(b" ")[1].removeprefix(b"/").split(b"/")
            WAITING.append((int(messages), int(workspaces), self._transport))
            _tell()
        else:
            workspace = _header(head, b"x-workspace-id").decode()
            LOG.append((time.monotonic(), workspace))
            WORKSPACES.add(workspace)
            self._transport.write(ANSWER)
            if WAITING:
                _tell()


def _tell() -> None:
    """Answer whoever waits, if so much has come."""
    messages, workspaces, transport = WAITING[-1]
    if len(LOG) >= messages and len(WORKSPACES) >= workspaces:
        WAITING.pop()
        transport.write(ANSWER)


def _header(head: bytes | bytearray, name: bytes) -> bytes:
    return bytes(head.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0])


@dataclass
class Counts:
    """The receiver as the process that started it sees it."""

    url: str
    client: httpx2.AsyncClient

    async def until(self, *, messages: int = 0, workspaces: int = 0, within: float) -> None:
        """Wait until so much has come; raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            await self._get(f"/until/{messages}/{workspaces}")

    async def log(self) -> list[tuple[float, str]]:
        """When each came, of which workspace."""
        return msgspec.json.decode(await self._get("/log"), type=list[tuple[float, str]])

    async def _get(self, path: str) -> bytes:
        return (await self.client.get(self.url + path)).content


@contextlib.asynccontextmanager
async def counting() -> AsyncIterator[Counts]:
    """Start the process; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        async with httpx2.AsyncClient(timeout=120) as client:
            yield Counts(f"http://127.0.0.1:{port}", client)
    finally:
        process.kill()
        await process.wait()


async def main() -> None:
    """Serve until the process is ended. What is measured must not starve what measures: no
    garbage is collected, and where that is allowed it goes first.
    """
    gc.disable()
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    server = await asyncio.get_running_loop().create_server(Counting, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
