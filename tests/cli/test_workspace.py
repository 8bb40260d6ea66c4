"""The commands `workspace`, `tiers` and `forecast`: what the API's calls of these do, and
the same faults by the same names.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from queue_services import bootstrap, cli
from queue_services.domain.message import Channel
from queue_services.domain.outcome import Kind
from queue_services.queue import claims, intake, settling
from queue_services.settings import Settings
from tests.support.builders import WRITER, message, request, settlement, terms


class Command:
    """The command line on a store of the test's own: what it printed, or what it refused."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.url, self._capsys = url, capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            cli.main([*arguments, "--database-url", self.url])
        assert ended.value.code == code
        return "" if code else self._capsys.readouterr().out

    def refused(self, *arguments: str) -> set[str]:
        """The fields that the refusal names."""
        self(*arguments, code=1)
        return {line.partition(":")[0] for line in self._capsys.readouterr().err.splitlines()}


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(f"sqlite:///{tmp_path}/queue.db", capsys)


def row(table: str, first: str) -> str:
    """The line of a table that begins so."""
    [line] = [line for line in table.splitlines() if line.startswith(first)]
    return line


def test_what_is_set_is_shown_and_none_clears_it(command: Command) -> None:
    said = command(
        "workspace",
        "set",
        "acme",
        "--tier",
        "premium",
        "--timezone",
        "Europe/Berlin",
        "--sms",
        "20",
        "--window",
        "08:00-21:00",
        "--days",
        "1,2,3",
        "--email-url",
        "https://any:secret@mail.example",
    )
    assert said == command("workspace", "show", "acme")
    assert "tier premium, zone Europe/Berlin, sends 08:00-21:00 on days 1, 2, 3" in said
    assert "20" in row(said, "sms")
    assert "the workspace" in row(said, "sms")
    assert "mail.example" in row(said, "email")
    assert "secret" not in said
    cleared = command(
        "workspace", "set", "acme", "--sms", "none", "--window", "none", "--email-url", "none"
    )
    assert "sends at any time" in cleared
    assert "the service" in row(cleared, "sms")


def test_a_pause_is_shown_until_it_is_resumed(command: Command) -> None:
    command("workspace", "pause", "acme", "--channel", "sms")
    shown = command("workspace", "show", "acme")
    assert "pause until it is ended" in row(shown, "sms")
    assert "pause" not in row(shown, "email")
    command("workspace", "resume", "acme")
    assert "pause" not in command("workspace", "show", "acme")


def test_a_hold_is_shown_with_its_end_and_can_be_lifted(command: Command) -> None:
    async def hold() -> int:
        async with bootstrap.open_core(
            Settings.from_environment({"QUEUE_SERVICES_DATABASE_URL": command.url})
        ) as core:
            now = core.clock.now()
            await core.database.write(intake.insert, [message("acme", due_at=now)], now, WRITER)
            claim = await core.database.write(claims.claim, request(Channel.SMS), now)
            outcomes = [
                settlement(each, Kind.THROTTLED, wait_until=now + 3_600_000_000)
                for each in claim.messages
            ]
            await core.database.write(settling.settle, outcomes, [], terms(), now)
            return len(outcomes)

    assert asyncio.run(hold()) == 1
    assert "throttled until 20" in row(command("workspace", "show", "acme"), "sms")
    assert command("workspace", "lift", "acme") == "acme: lifted the hold of sms\n"
    assert "throttled" not in command("workspace", "show", "acme")
    assert "no hold" in command("workspace", "lift", "acme")
    assert row(command("workspace", "list", "--sort", "backlog"), "acme").split()[3] == "1"


def test_every_fault_is_named_and_nothing_is_changed(command: Command) -> None:
    wrong = [
        "--sms",
        "inf",
        "--email",
        "-3",
        "--timezone",
        "Mars/Olympus",
        "--window",
        "25:00-x",
        "--days",
        "9",
    ]
    fields = {
        "limits.sms",
        "limits.email",
        "timezone",
        "sendWindow.start",
        "sendWindow.end",
        "sendWindow.days",
    }
    assert command.refused("workspace", "set", "acme", *wrong) == fields
    assert command.refused("workspace", "set", "acme", "--tier", "nope") == {"tier"}
    for limit in ("0", "-1", "2.5", "nan", "many"):
        assert command.refused("workspace", "set", "acme", "--sms", limit) == {"limits.sms"}
    assert command.refused("tiers", "set", "gold", "--weight", "0", "--sms-per-day", "0") == {
        "weight",
        "dailyQuota.sms",
    }
    assert "gold" not in command("tiers")
    assert "tier standard, zone UTC" in command("workspace", "show", "acme")


def test_a_tier_is_made_and_listed(command: Command) -> None:
    command("tiers", "set", "gold", "--sms", "0.5", "--sms-per-day", "1000", "--weight", "3")
    assert row(command("tiers"), "gold").split() == [
        "gold",
        "0.5",
        "the",
        "service's",
        "1,000",
        "any",
        "number",
        "3",
    ]


def test_a_forecast_says_when_and_what_it_waits_for(command: Command) -> None:
    command("workspace", "set", "acme", "--sms", "10")
    takes = row(command("forecast", "acme", "sms", "100"), "20").split()
    assert takes[-1] == "workspaceLimit"
    assert float(takes[3]) == pytest.approx(100 / 10 * 1.02, abs=1)
    command("workspace", "pause", "acme")
    assert "not as things stand" in command("forecast", "acme", "sms", "1")
    assert command.refused("forecast", "acme", "sms", "1", "--at", "tomorrow") == {"--at"}
