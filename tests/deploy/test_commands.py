"""The commands of the container file and the units run as they stand there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.processes import (
    Arrivals,
    Service,
    receiving,
    schedule,
    sms,
    start_program,
)
from tests.delivery.receiver import OK, Request, response
from tests.deploy import kit
from tests.deploy.conftest import program

pytestmark = [pytest.mark.deploy]
KEY = {"admin_key": "k" * 32}


async def healthy(container: list[str], service: Service) -> int:
    """The exit code of the image's health check."""
    check = json.loads(re.split(r"CMD ", kit.container_file()["HEALTHCHECK"])[1])
    port = service.url.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *container, *check, env={**os.environ, "PORT": port}, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(20):
        return await process.wait()


@pytest.mark.parametrize("where", [w for w, c in kit.commands().items() if c[1] != "migrate"])
async def test_a_command_starts_on_a_read_only_root_and_ends_by_a_stop(
    where: str, container: list[str], tmp_path: Path
) -> None:
    name, command = kit.commands()[where]
    entry = json.loads(kit.container_file()["ENTRYPOINT"])
    words = [*entry, name] if "systemd" not in where else [kit.PROGRAM]
    program("tini")
    store, nowhere = "sqlite:///queue-services.db", "http://127.0.0.1:9"
    service = await start_program([*container, *words], command, store, nowhere, KEY)
    try:
        if command != "dispatcher":
            assert await healthy(container, service) == 0
    finally:
        code = await service.stop()
    assert code == 0
    assert (tmp_path / "queue-services.db").exists()
    if command != "dispatcher":
        assert await healthy(container, service) != 0


def test_the_migration_makes_the_store(container: list[str], tmp_path: Path) -> None:
    command = kit.commands()["Job queue-services-migrate"]
    subprocess.run([*container, *command], check=True, timeout=60)
    assert (tmp_path / "queue-services.db").exists()


async def test_the_image_delivers_a_message(container: list[str]) -> None:
    arrived = asyncio.Event()

    def answer(_: Request) -> bytes:
        arrived.set()
        return response(200, OK)

    arrivals = Arrivals(answer)
    async with receiving(arrivals) as receiver:
        command = kit.commands()["Containerfile"][1]
        words = [*container, "queue-services"]
        service = await start_program(words, command, "sqlite:///q.db", receiver.url, {})
        try:
            (job,) = await schedule(service.url, [sms()])
            async with asyncio.timeout(20):
                await arrived.wait()
        finally:
            await service.stop()
    assert arrivals.jobs() == {job: 1}
