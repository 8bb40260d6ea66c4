"""Requests generated from the OpenAPI document, alone and one after another: each is answered as the document says, and never with 5xx."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.acceptance.processes import running

KEY = "the-administrators-key"
RULES = Path(__file__).with_name("schemathesis.toml")


async def generate(url: str, folder: Path, *options: str) -> None:
    """Let schemathesis ask; fails with all that it found, and how to ask the same again."""
    command = ["-m", "schemathesis.cli", "--config-file", str(RULES), "run", f"{url}/openapi.json", "-H", f"Authorization: Bearer {KEY}", *options]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "NO_COLOR": "1", "COLUMNS": "160"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-20_000:]


JOBS = "^/api/(schedule|job|retry|promote|reschedule|cancel|campaigns|forecast)"
FEW = {
    "jobs": ["--phases", "fuzzing", "--include-path-regex", JOBS],
    "the others": ["--phases", "fuzzing", "--exclude-path-regex", JOBS],
    "one after another": ["--phases", "stateful"],
}
"""The default run, in parts for several workers."""


async def survives(tmp_path: Path, *options: str) -> None:
    """Generate requests to an API of its own, whose store is there all the time."""
    async with running("api", database_url=f"sqlite:///{tmp_path}/queue.db", receiver_url="http://127.0.0.1:9", admin_key=KEY) as [service]:
        await generate(service.url, tmp_path, *options)
        assert not [line for line in service.log if '"level": "error"' in line]


@pytest.mark.parametrize("part", FEW)
async def test_every_generated_request_is_answered_as_the_document_says(tmp_path: Path, part: str) -> None:
    await survives(tmp_path, "--max-examples", "20", "--seed", "1", *FEW[part])


@pytest.mark.long
async def test_each_of_very_many_generated_requests_is_answered_as_the_document_says(tmp_path: Path) -> None:
    await survives(tmp_path, "--max-examples", "500", "--phases", "examples,coverage,fuzzing,stateful")
