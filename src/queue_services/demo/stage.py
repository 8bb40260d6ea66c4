"""The demo's stage: a receiver and the service, each a process of its own, both ended when
the demo ends. Called by `run`.

Nothing of the caller's settings, keys or store is used: what the processes write is in the
folder they are given.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import sysconfig
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from queue_services.delivery.http1.answer import Failure, Response
from queue_services.delivery.http1.client import Client
from queue_services.delivery.http1.target import Request, get, read_target
from queue_services.errors import QueueServicesError
from queue_services.settings import environment_for

START_SECONDS, STOP_SECONDS = 15, 10
ANSWER_SECONDS, ANSWER_BYTES = 60, 32 * 1024 * 1024
FAIL_EVERY = 40
"""The receiver answers the first try of every fortieth message with 503, so that retries show."""


class DemoFailed(QueueServicesError):
    """The demo could not run: a process did not start, or did not do what was asked."""


@dataclass(frozen=True)
class Stage:
    """What is running: the URLs of service and receiver, and a client to call both."""

    service: str
    receiver: str
    client: Client

    async def ask(self, request: Request) -> Response:
        """Send a request. Raises DemoFailed where no answer comes."""
        outcome = await self.client.fetch(request)
        if isinstance(outcome, Failure):
            raise DemoFailed(f"A request got no answer: {outcome.reason}")
        return outcome


@contextlib.asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    """Start the receiver, then the service that delivers to it; end both, whatever happens.
    Raises DemoFailed.
    """
    receiver_command = [
        sys.executable,
        str(examples() / "receiver.py"),
        "--port",
        "0",
        "--fail-every",
        str(FAIL_EVERY),
    ]
    async with _child(receiver_command, folder / "receiver.log", environment_for()) as receiver:
        receiver_url = (await _first_line(receiver, folder / "receiver.log")).rpartition(" ")[2]
        port = _free_port()
        environment = environment_for(SMS_API_URL=receiver_url, EMAIL_API_URL=receiver_url)
        command = [
            sys.executable,
            "-m",
            "queue_services",
            "serve",
            "--port",
            str(port),
            "--database-url",
            f"sqlite:///{folder / 'demo.db'}",
        ]
        async with (
            _child(command, folder / "service.log", environment) as service,
            Client(ANSWER_SECONDS, 8, body_bytes=ANSWER_BYTES) as client,
        ):
            stage = Stage(f"http://127.0.0.1:{port}", receiver_url, client)
            await _ready(stage, service, folder / "service.log")
            yield stage


def examples() -> Path:
    """The folder of examples: beside the source in a checkout, else where the installation
    put its shared files. Raises DemoFailed.
    """
    checkout = Path(__file__).parents[3] / "examples"
    installed = Path(sysconfig.get_path("data")) / "share" / "queue-services" / "examples"
    for folder in (checkout, installed):
        if (folder / "receiver.py").exists():
            return folder
    raise DemoFailed(
        f"The examples are missing; they should be in {installed}. Install the package again, or"
        " run the demo from a checkout."
    )


@contextlib.asynccontextmanager
async def _child(
    command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of its own session, so that Ctrl-C reaches it only through us; told to stop
    at the end, and killed if it does not.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        try:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                process.terminate()
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()


async def _first_line(process: asyncio.subprocess.Process, log: Path) -> str:
    output = cast("asyncio.StreamReader", process.stdout)
    with contextlib.suppress(TimeoutError):
        if line := await asyncio.wait_for(output.readline(), START_SECONDS):
            return line.decode().strip()
    raise DemoFailed(f"The receiver did not start:\n{_end_of(log)}")


async def _ready(stage: Stage, service: asyncio.subprocess.Process, log: Path) -> None:
    """Return when the service answers that it is ready. Raises DemoFailed with the end of
    its log.
    """
    ready = get(read_target(f"{stage.service}/health/ready"), {})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_SECONDS):
            while service.returncode is None:
                outcome = await stage.client.fetch(ready)
                if isinstance(outcome, Response) and outcome.status == 200:
                    return
                await asyncio.sleep(0.05)
    raise DemoFailed(f"The service did not start:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
