"""The two distributions: the files of each, and the client's installed without the service."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import queue_services
import queue_services_client
from queue_services_client.extras import Extra

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "python"
NOT_SOURCE = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
IMPORT_EVERYTHING = """
import pkgutil, sys
from importlib import import_module
import queue_services_client as client
found = pkgutil.walk_packages(client.__path__, client.__name__ + ".")
for name in sorted(module.name for module in found if not module.name.endswith(".__main__")):
    try:
        import_module(name)
    except ImportError as error:
        print(name, error, sep=": ")
for name in client.__all__:
    getattr(client, name)
"""
NEEDS_AN_EXTRA = {
    "receiver.django": "django",
    "receiver.flask": "flask",
    "receiver.sqlalchemy": "sqlalchemy",
    "receiver.starlette": "starlette",
    "tracking.sqlalchemy": "sqlalchemy",
    "tracking.tables": "sqlalchemy",
}
OF_PYTEST = "pytest_plugin"


def build(folder: Path, tmp_path: Path) -> Path:
    """The wheel of the distribution in `folder`, built from a copy of its source."""
    source = tmp_path / "source" / folder.name
    for name in ("src", "pyproject.toml", "README.md", "LICENSE", "examples"):
        if (folder / name).is_dir():
            shutil.copytree(folder / name, source / name, ignore=NOT_SOURCE)
        elif (folder / name).exists():
            shutil.copy(folder / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp_path / folder.name), str(source)]
    subprocess.run(command, check=True, timeout=120)
    (wheel,) = (tmp_path / folder.name).glob("*.whl")
    return wheel


def locked(tmp_path: Path) -> Path:
    """The locked versions, as constraints."""
    lines = re.findall(r"^[\w.-]+==[\w.]+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(lines))
    return constraints


def test_both_distributions_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = queue_services.__version__
    assert queue_services_client.__version__ == version
    assert f"queue-services-client=={version}" in project["dependencies"]
    assert project["optional-dependencies"]["client"] == [f"queue-services-client=={version}"]


def test_a_missing_library_is_an_import_error_that_names_the_extra() -> None:
    with (
        pytest.raises(ImportError, match=r"pip install 'queue-services-client\[flask\]'"),
        Extra("flask"),
    ):
        import no_such_library  # type: ignore[import-not-found]  # noqa: F401


@pytest.mark.long(bounded=True)
def test_the_distributions_have_no_file_in_common(tmp_path: Path) -> None:
    client, service = build(CLIENT, tmp_path), build(ROOT, tmp_path)
    with zipfile.ZipFile(client) as ours, zipfile.ZipFile(service) as theirs:
        assert set(ours.namelist()) & set(theirs.namelist()) == set()
        metadata = next(name for name in theirs.namelist() if name.endswith("/METADATA"))
        requirement = f"Requires-Dist: queue-services-client=={queue_services.__version__}\n"
        assert requirement in theirs.read(metadata).decode()
        assert not [name for name in theirs.namelist() if name.endswith("entry_points.txt")
                    and b"pytest11" in theirs.read(name)]  # fmt: skip
        assert "queue_services_client/py.typed" in ours.namelist()


@pytest.mark.long(bounded=True)
def test_the_client_is_installed_without_the_service(tmp_path: Path) -> None:
    """In an empty environment, with the versions of the lock."""
    wheel = build(CLIENT, tmp_path)
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "-c", str(locked(tmp_path)), str(wheel)]
    subprocess.run(install, check=True, timeout=300)

    listed = [python, "-m", "pip", "list", "--format=freeze"]
    installed = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    names = {line.partition("==")[0].lower().replace("_", "-") for line in installed.split()}
    assert {"queue-services-client", "httpx2", "msgspec", "tzdata"} <= names
    assert names & {"queue-services", "starlette", "aiohttp", "asyncpg", "sqlalchemy"} == set()

    run = subprocess.run(
        [python, "-I", "-W", "error", "-c", IMPORT_EVERYTHING],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    missing = dict(line.removeprefix("queue_services_client.").split(": ", 1)
                   for line in run.stdout.splitlines())  # fmt: skip
    assert missing.pop(OF_PYTEST) == "No module named 'pytest'"
    assert missing.keys() == NEEDS_AN_EXTRA.keys()
    for module, extra in NEEDS_AN_EXTRA.items():
        assert f"pip install 'queue-services-client[{extra}]'" in missing[module]
