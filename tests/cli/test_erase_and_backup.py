"""The commands `erase` and `backup`, on a store that is in use."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.test_verify import run, url

__all__ = ["url"]


def test_erase_forgets_a_contact(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "erase", "c1", "--workspace", "acme", "--database-url", url) == (
        0,
        "1 jobs erased, 1 of them cancelled, 0 perhaps on their way\n",
    )
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("select recipient, payload from message").fetchall() == [
            ("", '{"to":""}')
        ]


def test_a_backup_of_a_store_in_use_is_a_store_of_its_own(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    writer.execute("begin immediate")
    writer.execute("delete from pending")  # not committed: not in the copy
    target = tmp_path / "copy.db"
    code, said = run(capsys, "backup", str(target), "--database-url", url)
    writer.execute("rollback")
    writer.close()
    assert code == 0, said
    code, said = run(capsys, "verify", "--database-url", f"sqlite:///{target}")
    assert (code, said.splitlines()[0]) == (0, "1 messages: 1 wait, 0 have ended")


def test_a_backup_overwrites_nothing(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    code, said = run(capsys, "backup", str(target), "--database-url", url)
    assert code == 1
    assert "there already" in said
    assert target.read_text() == "mine"
    assert list(tmp_path.glob("*.unfinished")) == []
