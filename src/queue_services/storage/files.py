"""Who may read the files of an SQLite store: its owner alone. They hold recipients, contents
and signing secrets. Called where one is opened or copied.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from pathlib import Path

PRIVATE = 0o600
OTHERS = 0o077


def create_private(path: str | Path) -> None:
    """Create an empty file that its owner alone may read, unless there is one. What SQLite keeps
    next to it gets the same rights. Where it cannot be made, SQLite will say why.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))


def readable_by_others(path: str | Path) -> list[str]:
    """The files of the store at `path` that not only their owner may read."""
    files = (Path(f"{path}{suffix}") for suffix in ("", "-wal", "-shm"))
    return [str(file) for file in files if file.exists() and file.stat().st_mode & OTHERS]


def command_to_hide(files: list[str]) -> str:
    """The command that leaves files to their owner."""
    return shlex.join(["chmod", f"{PRIVATE:o}", *files])
