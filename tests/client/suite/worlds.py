"""The two worlds of the suite: the fake service on its own clock, and the real one as a
process on a free port of the loopback.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from queue_services_client import AsyncQueueService, Job, QueueService, ScheduleResult
from queue_services_client.testing import AsyncFakeQueueService, FakeQueueService
from tests.client.suite.endpoint import Endpoint, served

PATIENCE = 15.0
"""Seconds that the real service gets for what it should do at once."""
COMMAND = [str(Path(sys.executable).with_name("queue-services"))]


class World(ABC):
    """A service, and an application with an endpoint. Each test has a workspace of its own
    in it.
    """

    service: QueueService
    endpoint: Endpoint
    workspace: str

    @abstractmethod
    def now(self) -> datetime: ...

    @abstractmethod
    def awaiting(self) -> AsyncQueueService: ...

    @abstractmethod
    def deliver(self, job_ids: Sequence[str]) -> None:
        """Let the service deliver what is due and has these ids, to the end."""

    @abstractmethod
    def advance(self, by: timedelta) -> None:
        """Move the service's clock; skips the test where it has none that moves."""

    @abstractmethod
    def needs(self, path: str) -> None:
        """Skip the test where the service does not have that call yet."""

    def ended(self, *results: ScheduleResult) -> list[Job]:
        """The jobs of `results`, once nothing more happens to them."""
        ids = [job_id(result) for result in results]
        self.deliver(ids)
        return [self.service.status(one) for one in ids]


def job_id(result: ScheduleResult) -> str:
    assert result.job_id, result.error
    return result.job_id


class FakeWorld(World):
    def __init__(self, workspace: str) -> None:
        self.workspace, self.endpoint = workspace, Endpoint()
        self._fake = FakeQueueService(self.endpoint)
        self.service = self._fake

    def now(self) -> datetime:
        return self._fake.clock.now()

    def awaiting(self) -> AsyncQueueService:
        return AsyncFakeQueueService(self.endpoint, clock=self._fake.clock)

    def deliver(self, job_ids: Sequence[str]) -> None:
        self._fake.advance(minutes=1)

    def advance(self, by: timedelta) -> None:
        self._fake.advance(by)

    def needs(self, path: str) -> None:
        """The fake has every call."""


class RealWorld(World):
    def __init__(
        self, workspace: str, url: str, endpoint: Endpoint, paths: frozenset[str], *, moves: bool
    ) -> None:
        self.workspace, self.endpoint, self._url, self._paths, self._moves = (
            workspace,
            endpoint,
            url,
            paths,
            moves,
        )
        self.service = QueueService(url)

    def now(self) -> datetime:
        return datetime.fromisoformat(
            httpx2.get(f"{self._url}/health").json()["timestamp"]
        )  # its clock may have been moved

    def awaiting(self) -> AsyncQueueService:
        return AsyncQueueService(self._url)

    def deliver(self, job_ids: Sequence[str]) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if all(job.status.final for job in self.service.statuses(job_ids).jobs):
                return
        pytest.fail(f"after {PATIENCE:g} s not all of {job_ids} had ended")

    def advance(self, by: timedelta) -> None:
        if not self._moves:
            pytest.skip("the service has no clock that can be moved (`serve --test-clock`)")
        httpx2.post(
            f"{self._url}/api/test-clock/advance",
            json={"delay": by / timedelta(milliseconds=1)},
            timeout=120,
        ).raise_for_status()

    def needs(self, path: str) -> None:
        if path not in self._paths:
            pytest.skip(f"the service does not have {path} yet")


@contextmanager
def real_service(folder: Path, endpoint: Endpoint) -> Iterator[tuple[str, frozenset[str], bool]]:
    """`queue-services serve` on a store of its own, delivering to `endpoint`: its URL, the
    paths it has, and whether its clock can be moved.
    """
    usage = subprocess.run(
        [*COMMAND, "serve", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    moves = "--test-clock" in usage.stdout
    with served(endpoint) as callbacks, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        settings = {
            "SMS_API_URL": callbacks,
            "EMAIL_API_URL": callbacks,
            "QUEUE_SERVICES_BACKOFF_SECONDS": "0.05",
        }
        database = ["--database-url", f"sqlite:///{folder / 'queue.db'}"]
        command = [
            *COMMAND,
            "serve",
            "--port",
            str(port),
            *database,
            *(["--test-clock"] if moves else []),
        ]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            yield f"http://127.0.0.1:{port}", _paths(f"http://127.0.0.1:{port}", process), moves
        finally:
            process.terminate()
            process.wait(timeout=30)
            process.stderr.close()


def _paths(url: str, process: subprocess.Popen[str]) -> frozenset[str]:
    """The paths of the service's OpenAPI document, once its log says that it listens."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "startup complete" in line:
            Thread(target=process.stderr.read).start()  # a full pipe would stop the service
            return frozenset(httpx2.get(f"{url}/openapi.json").raise_for_status().json()["paths"])
    pytest.fail(f"the service did not start: {said}")
