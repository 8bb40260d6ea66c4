"""Copies an SQLite store while it is used: one consistent state, on disk when it is done.
Called by the command `backup`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from queue_services.storage.files import create_private


def copy(source: str, target: Path) -> int:
    """Copy the store at `source` into the new file `target`; its size in bytes. Raises
    FileExistsError rather than overwrite, and OSError.

    The copy is one read transaction: writers go on meanwhile, and their pages stay in the
    log until it has ended.
    """
    if target.exists():
        raise FileExistsError(f"{target} is there already; give a new file's name")
    unfinished = target.with_name(target.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    create_private(unfinished)
    try:
        with (
            contextlib.closing(
                sqlite3.connect(f"{Path(source).resolve().as_uri()}?mode=ro", uri=True)
            ) as origin,
            contextlib.closing(sqlite3.connect(unfinished)) as made,
        ):
            origin.backup(made)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.rename(target)
    except sqlite3.Error as error:
        raise OSError(f"{target} could not be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size
