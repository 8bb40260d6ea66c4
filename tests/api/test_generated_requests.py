"""Requests generated from the OpenAPI document, alone and one after another: each is
answered as the document says, and never with 5xx.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.acceptance.processes import running

KEY = "the-administrators-key-of-the-settings"
RULES = Path(__file__).with_name("schemathesis.toml")


async def generate(url: str, folder: Path, *options: str) -> None:
    """Let schemathesis ask; fails with all that it found, and how to ask the same again."""
    command = [
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(RULES),
        "run",
        f"{url}/openapi.json",
        "-H",
        f"Authorization: Bearer {KEY}",
        *options,
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NO_COLOR": "1",
        "COLUMNS": "160",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-20_000:]
    print(*re.findall(r"\d+ generated|Seed: \d+", said.decode()))


JOBS = "^/api/(schedule|job|retry|promote|reschedule|cancel|campaigns|forecast)"
ALONE = "examples,coverage,fuzzing"
PARTS = {
    "jobs": ["--include-path-regex", JOBS],
    "the others": ["--exclude-path-regex", JOBS],
}
"""For several processors."""

SEQUENCES = ["--phases", "stateful"]


async def survives(folder: Path, *options: str, store: str = "queue") -> None:
    """Generate requests to an API of its own, whose store is there all the time."""
    async with running(
        "api",
        database_url=f"sqlite:///{folder}/{store}.db",
        receiver_url="http://127.0.0.1:9",
        admin_key=KEY,
    ) as [service]:
        await generate(service.url, folder, *options)
        assert not [line for line in service.log if '"level": "error"' in line]


@pytest.mark.parametrize("part", PARTS)
async def test_every_generated_request_is_answered_as_the_document_says(
    tmp_path: Path, part: str
) -> None:
    await survives(
        tmp_path, "--max-examples", "20", "--seed", "1", "--phases", "fuzzing", *PARTS[part]
    )


async def test_generated_requests_one_after_another_are_answered_as_the_document_says(
    tmp_path: Path,
) -> None:
    await survives(tmp_path, "--max-examples", "20", "--seed", "1", *SEQUENCES)


@pytest.mark.long
async def test_each_of_very_many_generated_requests_is_answered_as_the_document_says(
    tmp_path: Path,
) -> None:
    """Of another seed each time, which what fails says."""
    async with asyncio.TaskGroup() as group:
        for number, options in enumerate(
            [*(["--phases", ALONE, *part] for part in PARTS.values()), SEQUENCES]
        ):
            group.create_task(
                survives(tmp_path, "--max-examples", "500", *options, store=f"queue-{number}")
            )
