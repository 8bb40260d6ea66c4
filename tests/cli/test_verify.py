"""The command `verify`: an exit code a script can use, a report a person can read, and
nothing changed by asking.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from queue_services import cli


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code of a command, and all that it said."""
    code = 0
    try:
        cli.main(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, "".join(capsys.readouterr())


@pytest.fixture
def url(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A store with one message in it."""
    url = f"sqlite:///{tmp_path}/queue.db"
    common = ("--to", "+15550100", "--workspace", "acme", "--contact", "c1", "--message", "hello")
    code, said = run(capsys, "schedule", "sms", *common, "--database-url", url)
    assert code == 0, said
    return url


def test_a_store_in_order_is_told_so_and_exits_with_0(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "verify", "--database-url", url)
    assert code == 0
    assert "1 messages: 1 wait, 0 have ended" in said
    assert "BROKEN" not in said


def test_a_broken_store_is_reported_by_rule_and_job_and_exits_with_1(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        [job] = connection.execute("delete from pending returning id").fetchone()
    code, said = run(capsys, "verify", "--database-url", url)
    assert code == 1
    assert f"- {job}: neither waits nor has an end" in said
    assert "sms of the whole service: waiting: 1 counted, 0 there" in said


def test_a_store_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "verify", "--database-url", f"sqlite:///{tmp_path}/nowhere.db")
    assert code == 2
    assert "there is no file" in said
    assert list(tmp_path.iterdir()) == []
