"""The command `keys`, and the door that does not open to others without a key."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from queue_services import bootstrap, cli, log
from queue_services.queue.keys import Keys
from queue_services.settings import Settings

OPEN = {"HOST": "0.0.0.0"}  # noqa: S104 - what must not be served without a key


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code of a command, and what it said on stdout and stderr."""
    code = 0
    try:
        cli.main(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, *capsys.readouterr()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/queue.db"


async def door(url: str, **environment: str) -> None:
    """What a process that serves the API asks itself before it does."""
    async with bootstrap.open_core(
        Settings.from_environment({"QUEUE_SERVICES_DATABASE_URL": url, **environment})
    ) as core:
        await bootstrap.refuse_open_door(core)


def test_a_key_is_made_listed_and_revoked(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, key, said = run(
        capsys,
        "keys",
        "create",
        "--workspace",
        "acme",
        "--scope",
        "read",
        "--scope",
        "send",
        "--per-minute",
        "600",
        "--database-url",
        url,
    )
    assert (code, key[:3], len(key.strip())) == (0, "qs_", 67)
    assert "acme" in said
    assert "not shown again" in said
    code, listed, _ = run(capsys, "keys", "list", "--database-url", url)
    [line] = [line for line in listed.splitlines() if "acme" in line]
    assert "read, send" in line
    assert "600" in line
    assert key.strip() not in listed
    identity = line.split()[0]
    assert run(capsys, "keys", "revoke", identity, "--database-url", url)[0] == 0
    assert identity not in run(capsys, "keys", "list", "--database-url", url)[1]
    code, _, said = run(capsys, "keys", "revoke", identity, "--database-url", url)
    assert (code, "no key" in said) == (1, True)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--expires", "tomorrow"),
        ("--expires", "2020-01-01T00:00:00Z"),
        ("--workspace", ""),
        ("--workspace", "x" * 256),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_name(
    url: str, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    code, key, said = run(capsys, "keys", "create", option, value, "--database-url", url)
    assert (code, key) == (1, "")
    assert option in said


def test_an_address_that_others_reach_is_not_served_without_a_key(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("api", "serve"):
        code, _, said = run(
            capsys,
            command,
            "--host",
            "0.0.0.0",  # noqa: S104
            "--port",
            "0",
            "--database-url",
            url,
        )
        assert code == 2
        assert "keys create" in said
        assert "--insecure" in said


async def test_a_stored_key_or_one_of_the_settings_opens_the_door_and_so_does_loopback(
    url: str,
) -> None:
    await door(url)
    await door(url, QUEUE_SERVICES_ADMIN_KEY="secret" * 6, **OPEN)
    async with bootstrap.open_core(
        Settings.from_environment({"QUEUE_SERVICES_DATABASE_URL": url})
    ) as core:
        await Keys(core.database, core.clock).create(None)
    await door(url, **OPEN)


class Terminal(io.StringIO):
    """Where colours are shown."""

    def isatty(self) -> bool:
        return True


async def test_insecure_opens_the_door_and_says_so_in_red(url: str) -> None:
    terminal = Terminal()
    log.configure(stream=terminal)
    await door(url, QUEUE_SERVICES_INSECURE="true", **OPEN)
    assert "INSECURE" in terminal.getvalue()
    assert "\x1b[31m" in terminal.getvalue()


def test_settings_are_shown_whole_where_no_terminal_is_and_secrets_are_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUE_SERVICES_ADMIN_KEY", "not-to-be-shown" * 3)
    monkeypatch.setenv(
        "SMS_API_URL",
        "https://user:not-to-be-shown@app.example/a/long/path/that/goes/on/and/on/and/on/and/on/and/on",
    )
    _, shown, _ = run(capsys, "check-config")
    assert all(line.name in shown and line.about in shown for line in Settings().describe())
    assert "https://***@app.example/a/long/path/that/goes/on/and/on/and/on/and/on/and/on" in shown
    assert "not-to-be-shown" not in shown
    assert "…" not in shown
