"""Node and packages of npm, for tests of what JavaScript programs see."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def with_package(folder: Path, package: str) -> Path:
    """Make `folder` one in which Node finds the package. Skips the test where there is no
    Node, or npm cannot get the package.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine: apt-get install nodejs npm")
    command = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
        package,
    ]
    try:
        installed = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not get the package within two minutes")
    if installed.returncode:
        pytest.skip(f"npm cannot get the package: {installed.stderr.strip()[-300:]}")
    return folder


def run(folder: Path, program: str, given: Any) -> Any:
    """Run a program with the JSON of `given` on its standard input; what it printed, read
    as JSON.
    """
    ran = subprocess.run(
        ["node", "-e", program],
        cwd=folder,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(ran.stdout)
