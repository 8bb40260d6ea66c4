"""`python -m tests.openapi`: what others make of the OpenAPI document. Linters read it, three
generators make clients of it, which compile strictly and call the service.

Needs node and npm; what they and Python need besides is installed, by locks, in build/openapi,
where everything that is made is, too.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import msgspec

from queue_services.api.app import CALLS
from queue_services.api.openapi import document
from tests.acceptance.processes import running

CLIENTS = Path(__file__).parent / "clients"
BUILD = Path(__file__).parents[2] / "build" / "openapi"
PYTHON = BUILD / "venv" / "bin" / "python"
KEY = "the-administrators-key-of-the-settings"
SAID = {"accepted": True, "status": "SCHEDULED", "fields": ["to"]}
"""What each program says at its end."""


def run(*command: str | Path, cwd: Path = BUILD) -> str:
    """What a command prints. Raises SystemExit with all of it where the command fails."""
    print("$", *(Path(word).name if Path(word).is_absolute() else word for word in command))
    path = os.pathsep.join([str(PYTHON.parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "MYPYPATH": str(BUILD)}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=240,
    )
    if done.returncode:
        raise SystemExit(done.stdout)
    return done.stdout


def tool(name: str) -> Path:
    """A command of the npm packages."""
    return BUILD / "node_modules" / ".bin" / name


def prepare() -> None:
    """The document and the programs, the npm packages, and the Python generator's own
    environment.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "openapi.json").write_bytes(msgspec.json.encode(document(CALLS)))
    for file in CLIENTS.iterdir():
        if file.is_file():
            shutil.copy(file, BUILD / file.name)
    run("npm", "ci", "--silent")
    if not PYTHON.exists():
        venv.create(BUILD / "venv", with_pip=True, clear=True)
    locked = ("--require-hashes", "--no-deps", "-r", CLIENTS / "requirements.lock")
    run(PYTHON, "-m", "pip", "install", "--quiet", *locked)


def lint() -> None:
    """No error of redocly or spectral."""
    run(tool("redocly"), "lint", "openapi.json", "--config", "redocly.yaml")
    run(tool("spectral"), "lint", "openapi.json", "--fail-severity=error")


def generate() -> None:
    """The three clients. The Python one must be whole: a warning means that something of the
    document was left out.
    """
    shutil.rmtree(BUILD / "generated", ignore_errors=True)
    shutil.rmtree(BUILD / "generated_client", ignore_errors=True)
    run(tool("openapi-typescript"), "openapi.json", "-o", "generated/types.ts")
    run(tool("openapi-ts"))
    generator = PYTHON.with_name("openapi-python-client")
    made = ("--path", "openapi.json", "--output-path", "generated_client", "--meta", "none")
    said = run(generator, "generate", *made, "--fail-on-warning")
    if "warning" in said.lower():
        raise SystemExit(said)


def compile_strictly() -> None:
    """TypeScript's and Python's strict checks of the clients and the programs over them."""
    run(tool("tsc"), "--project", "tsconfig.json")
    program = BUILD / "with_openapi_python_client.py"
    run(
        sys.executable,
        "-m",
        "mypy",
        "--config-file=mypy.ini",
        f"--python-executable={PYTHON}",
        program,
    )


async def call(folder: Path) -> None:
    """Each program against a service of its own."""
    emitted = ("--project", "tsconfig.json", "--noEmit", "false", "--outDir", "js")
    run(tool("tsc"), *emitted)
    programs: dict[str, tuple[str | Path, ...]] = {
        "openapi-typescript": ("node", "js/with-openapi-fetch.js"),
        "hey-api": ("node", "js/with-hey-api.js"),
        "openapi-python-client": (PYTHON, "with_openapi_python_client.py"),
    }
    store = f"sqlite:///{folder}/queue.db"
    async with running(
        "api", database_url=store, receiver_url="http://127.0.0.1:9", admin_key=KEY
    ) as [service]:
        for name, program in programs.items():
            said = await asyncio.to_thread(run, *program, service.url, KEY)
            found = json.loads(said.splitlines()[-1])
            if found | {"fields": sorted(found["fields"])} != SAID:
                raise SystemExit(f"the client of {name} said {said}")


def main() -> None:
    """All of it, or an exit status of 1 with what a step printed."""
    prepare()
    lint()
    generate()
    compile_strictly()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(call(Path(folder)))
    print("linted, generated, compiled and called")


if __name__ == "__main__":
    main()
