"""The files of an SQLite store are their owner's alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from queue_services import bootstrap
from queue_services.storage import backup, open_database
from queue_services.storage.files import command_to_hide, readable_by_others


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """What a shell gives: new files that everybody may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_a_new_store_its_log_and_its_backup_are_readable_by_their_owner_alone(
    tmp_path: Path,
) -> None:
    path, copy = tmp_path / "queue.db", tmp_path / "copy.db"
    database = open_database(f"sqlite:///{path}")
    await database.migrate()
    assert modes(tmp_path) == dict.fromkeys(("queue.db", "queue.db-shm", "queue.db-wal"), 0o600)
    assert readable_by_others(path) == []
    backup.copy(str(path), copy)
    assert modes(tmp_path)["copy.db"] == 0o600
    await database.close()


async def test_files_that_others_can_read_are_reported_with_the_command_that_ends_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "my queue.db"
    path.touch(0o644)
    database = open_database(f"sqlite:///{path}")
    await database.migrate()
    with structlog.testing.capture_logs() as logged:
        bootstrap._report_readable_files(database)
    [line] = logged
    assert line["event"] == "store.readable_by_others"
    assert line["files"] == [f"{path}{suffix}" for suffix in ("", "-wal", "-shm")]
    assert line["command"].startswith("chmod 600 '")
    assert command_to_hide(["a b"]) == "chmod 600 'a b'"
    await database.close()
