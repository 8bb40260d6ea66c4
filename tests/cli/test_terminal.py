"""What the command line shows of values that others have made up: the value, and nothing
that it would do to a terminal.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from queue_services import cli

HARM = (
    "[/red] [bold]x[/bold] :warning: \x1b[2J\x1b]0;owned\x07\r\nforged \u202egnp.exe\u2028 \x9b31m"
)
SHOWN = (
    r"[/red] [bold]x[/bold] :warning: \x1b[2J\x1b]0;owned\x07\r\nforged \u202egnp.exe\u2028 \x9b31m"
)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments])
    captured = capsys.readouterr()
    assert ended.value.code in (0, 1)
    return captured.out + captured.err


def test_no_value_is_read_as_markup_or_reaches_the_terminal_as_more_than_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUE_SERVICES_DATABASE_URL", f"sqlite:///{tmp_path}/queue.db")
    said(capsys, "migrate")
    message = (
        "--to",
        "+15550100",
        "--workspace",
        HARM,
        "--contact",
        HARM,
        "--message",
        "hi",
        "--delay",
        "9999999",
    )
    job = said(capsys, "schedule", "sms", *message).split()[0]
    for command in (
        ("jobs",),
        ("jobs", "show", job),
        ("workspace", "list"),
        ("workspace", "show", HARM),
        ("jobs", "--workspace", HARM),
    ):
        shown = said(capsys, *command)
        assert SHOWN in shown, command
        assert all(line.isprintable() for line in shown.split("\n"))
    refused = said(capsys, "jobs", "show", HARM)
    assert all(line.isprintable() for line in refused.split("\n"))
