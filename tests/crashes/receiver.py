"""The application's receiver as a process of its own, so that its times are its own:
nothing that the test does stands between a packet and its time.

`receiving_apart` starts it and hears of every arrival; `python -m tests.crashes.receiver
FD` is the process, on a listening socket that it inherits.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.delivery.receiver import OK, Receiver, Request, response

TICK = 0.005


class Arrival(NamedTuple):
    """One POST: when it had come (monotonic seconds, the same for every process of the
    machine), and what of it is told.
    """

    at: float
    channel: str
    job: str
    number: int


@dataclass
class Apart:
    """What the test knows of the receiver. `stalls` are when the receiver itself stood
    still: what came meanwhile seems to have come at once.
    """

    url: str
    seen: list[Arrival] = field(default_factory=list)
    jobs: Counter[str] = field(default_factory=Counter)
    stalls: list[tuple[float, float]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def moment(self, seconds: float) -> None:
        """Wait for something to arrive, but no longer than that."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def vouched(self) -> list[Arrival]:
        """The arrivals whose times the receiver can vouch for."""
        return [
            one
            for one in self.seen
            if not any(begin <= one.at <= end for begin, end in self.stalls)
        ]

    async def hear(self, stream: asyncio.StreamReader) -> None:
        """Take in what the process tells, until it ends."""
        while line := (await stream.readline()).decode():
            match line.split():
                case ["stall", begin, end]:
                    self.stalls.append((float(begin), float(end)))
                case [at, channel, job, number]:
                    self.seen.append(Arrival(float(at), channel, job, int(number)))
                    self.jobs[job] += 1
                    self._changed.set()


@contextlib.asynccontextmanager
async def receiving_apart(sock: socket.socket | None = None) -> AsyncIterator[Apart]:
    """A receiver that takes everything, on a socket that is bound already or one of its
    own; it ends with the context.
    """
    with sock or socket.create_server(("127.0.0.1", 0)) as listening:
        listening.listen(512)
        host, port = listening.getsockname()[:2]
        number = listening.fileno()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            str(number),
            pass_fds=[number],
            stdout=asyncio.subprocess.PIPE,
        )
    assert process.stdout is not None
    apart = Apart(f"http://{host}:{port}")
    hearing = asyncio.create_task(apart.hear(process.stdout))
    try:
        yield apart
    finally:
        process.kill()
        await process.wait()
        await hearing


async def serve(sock: socket.socket) -> None:
    """Answer everything with success, and tell of it a line each."""
    loop = asyncio.get_running_loop()
    ticked = time.monotonic()

    def tick() -> None:
        nonlocal ticked
        now = time.monotonic()
        if now - ticked > 2 * TICK:
            print(
                "stall", ticked, now + (now - ticked)
            )  # what has gathered meanwhile takes a while, too
        ticked = now
        sys.stdout.flush()
        loop.call_later(TICK, tick)

    async def respond(writer: asyncio.StreamWriter, request: Request) -> None:
        at = time.monotonic()
        writer.write(response(200, OK))
        channel = "email" if "subject" in request.json else "sms"
        print(at, channel, request.headers["idempotency-key"], request.headers["x-attempt"])

    tick()
    async with Receiver.start(respond, sock):
        await loop.create_future()


if __name__ == "__main__":
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1]))))
