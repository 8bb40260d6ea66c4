"""Where the kit's programs are, and a machine on which its image is unpacked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.deploy.kit import KIT, PROGRAM

TOOLS = ROOT / "build" / "deploy" / "bin"
"""What `make test-deploy` installs by tests/deploy/requirements.lock."""
INSTALLED = Path(PROGRAM).parents[1]
ALONE = "mount --make-rprivate / && mount --bind {image} " + str(INSTALLED)
READ_ONLY = " && mount --bind {data} {data} && mount -o remount,bind,ro /"


def program(name: str) -> str:
    """A program's path. The test is skipped where it is not installed."""
    path = os.pathsep.join([str(TOOLS), os.environ["PATH"], "/usr/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"there is no {name} (make test-deploy; .ci/run installs it)")
    return found


def run(*command: str | Path, cwd: Path = KIT) -> str:
    """What a program prints. Fails with all of it where the program does."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the container file's first stage builds at /opt/queue-services: its commands run as
    they are, with what it copies, on this machine's Python. Needs root, for a mount.
    """
    if INSTALLED.exists():
        pytest.skip(f"{INSTALLED} is in use")
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("mounting needs root")
    folder, source = tmp_path_factory.mktemp("image"), tmp_path_factory.mktemp("source")
    text = (KIT / "container" / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    (build,) = re.findall(r"^FROM \S+ AS build\n(.*?)^FROM ", text, re.MULTILINE | re.DOTALL)
    INSTALLED.mkdir(parents=True)
    try:
        for what, words in re.findall(r"^(COPY|RUN) (.+)$", build, re.MULTILINE):
            if what == "COPY":
                copy(words.split(), source)
            else:
                path = f"{sys.base_prefix}/bin:{os.environ['PATH']}"
                alone = ALONE.format(image=folder)
                run("unshare", "-m", "sh", "-ec", f"{alone}\nPATH={path}\n{words}", cwd=source)
        yield folder
    finally:
        INSTALLED.rmdir()


def copy(words: list[str], into: Path) -> None:
    """What COPY does with the checkout, less what a checkout has besides its files."""
    *names, target = words
    for name in names:
        to = into / (name if target == "./" else target)
        to.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
            shutil.copytree(ROOT / name, to, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, to)


@pytest.fixture
def container(image: Path, tmp_path: Path) -> list[str]:
    """The words before a command that run it as in a container: with the image, a root that
    is read-only, and a data folder as its working directory.
    """
    prepared = (ALONE + READ_ONLY).format(image=image, data=tmp_path)
    path = f"PATH={INSTALLED}/bin:$PATH PYTHONDONTWRITEBYTECODE=1"
    return ["unshare", "-m", "sh", "-c", f'{prepared} && cd {tmp_path} && {path} exec "$@"', "sh"]
