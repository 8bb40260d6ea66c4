"""The commands `channels`, `campaigns`, `operations` and `audit`, on the store itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from queue_services import cli
from queue_services.domain.message import Message
from queue_services.queue import intake
from queue_services.storage import open_database
from tests.support.builders import NOW, message


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code of a command, and what it wrote to stdout and stderr."""
    code = 0
    try:
        cli.main(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, *capsys.readouterr()


async def set_up(url: str, *messages: Message) -> None:
    database = open_database(url)
    try:
        await database.migrate()
        await database.write(intake.insert, messages, NOW, "test")
    finally:
        await database.close()


@pytest.fixture(autouse=True)
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    address = f"sqlite:///{tmp_path}/queue.db"
    monkeypatch.setenv("QUEUE_SERVICES_DATABASE_URL", address)
    monkeypatch.setenv("LOGNAME", "ada")
    asyncio.run(set_up(address, *(message("acme", campaign="spring") for _ in range(3))))
    return address


def test_a_channels_limit_is_set_shown_and_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "channels", "set", "sms", "5", "--reason", "asked")
    assert code == 0
    [line] = [line.split() for line in out.splitlines() if line.startswith("sms")]
    assert line == ["sms", "running", "5", "stored", "asked"]
    _, out, _ = run(capsys, "channels", "set", "sms", "none")
    assert "setting" in out.splitlines()[1]
    code, _, err = run(capsys, "channels", "set", "sms", "1.5")
    assert (code, "whole number" in err) == (1, True)


def test_a_channel_is_paused_until_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    until = "2099-01-01T00:00:00Z"
    code, out, _ = run(capsys, "channels", "pause", "email", "--until", until)
    assert code == 0
    assert "paused" in out.splitlines()[2]
    assert "2099-01-01T00:00:00.000Z" in out
    assert "paused" not in run(capsys, "channels", "resume", "email")[1]
    assert run(capsys, "channels", "pause", "email", "--until", "soon")[0] == 1


def test_a_campaign_is_paused_shifted_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "campaigns", "pause", "spring", "--workspace", "acme")
    assert (code, out) == (0, "spring: 3 jobs wait\n")
    assert "paused" in run(capsys, "campaigns", "list", "--state", "paused")[1]
    assert run(capsys, "campaigns", "resume", "spring", "--workspace", "acme")[0] == 0
    assert run(capsys, "campaigns", "shift", "spring", "60", "--workspace", "acme")[0] == 0
    assert run(capsys, "campaigns", "cancel", "nothing", "--workspace", "acme")[0] == 1


def test_an_operation_is_started_shown_and_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(
        capsys, "operations", "start", "cancel", "--status", "SCHEDULED", "--campaign", "spring"
    )
    assert (code, err) == (0, "3 jobs to cancel:\n")
    assert "waiting" in run(capsys, "operations", "show", out.strip())[1]
    assert "stopped" in run(capsys, "operations", "stop", out.strip())[1]
    assert run(capsys, "operations", "stop", out.strip())[0] == 1
    assert out.strip() in run(capsys, "operations", "list")[1]
    assert run(capsys, "operations", "start", "cancel", "--status", "SCHEDULED")[0] == 1


def test_commands_are_recorded_with_the_user(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "workspace", "pause", "acme")
    run(capsys, "tiers", "set", "gold", "--weight", "2")
    _, out, _ = run(capsys, "audit")
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[1:5] for row in rows] == [
        ["ada", "cli", "change", "tier"],
        ["ada", "cli", "pause", "workspace"],
    ]
    assert len(run(capsys, "audit", "--action", "change tier")[1].splitlines()) == 2
