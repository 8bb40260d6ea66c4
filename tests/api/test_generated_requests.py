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


@pytest.mark.parametrize(
    ("examples", "phases"), [(8, "fuzzing,stateful"), pytest.param(500, "examples,coverage,fuzzing,stateful", marks=pytest.mark.long)], ids=["few", "many"]
)
async def test_every_generated_request_is_answered_as_the_document_says(tmp_path: Path, examples: int, phases: str) -> None:
    async with running("api", database_url=f"sqlite:///{tmp_path}/queue.db", receiver_url="http://127.0.0.1:9", admin_key=KEY) as [service]:
        seed = ["--seed", "1"] if examples < 500 else []
        await generate(service.url, tmp_path, "--max-examples", str(examples), "--phases", phases, *seed)
        assert not [line for line in service.log if '"level": "error"' in line]
