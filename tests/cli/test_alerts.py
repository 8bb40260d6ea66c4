"""The command `alerts`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from queue_services import cli
from queue_services.domain.alerts import Figure, Rule, Subject
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.notifications import SlackSink
from queue_services.queue import alerts
from queue_services.storage import open_database


async def set_up(url: str) -> None:
    database = open_database(url)
    try:
        await database.migrate()
        await alerts.put_sink.run(database, "ops", SlackSink(url="http://127.0.0.1:9/"))
        subject = Subject(Figure.OLDEST_DUE_SECONDS, Channel.SMS)
        rule = Rule(subject, 30, over=True, hold_for=60 * SECOND, quiet=0, clear_at=5)
        await alerts.put.run(database, "late", rule)
    finally:
        await database.close()


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    address = f"sqlite:///{tmp_path}/queue.db"
    monkeypatch.setenv("QUEUE_SERVICES_DATABASE_URL", address)
    asyncio.run(set_up(address))
    return address


@pytest.mark.usefixtures("url")
def test_alerts_are_listed_with_their_state_and_rule(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["alerts", "list"])
    assert ended.value.code in (0, None)
    out = capsys.readouterr().out
    assert "late" in out
    assert "oldestDueSeconds of sms over 30 for 60 s" in out


@pytest.mark.usefixtures("url")
def test_a_test_that_is_not_delivered_says_why_and_exits_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["alerts", "test", "ops"])
    assert ended.value.code == 1
    assert "QUEUE_SERVICES_CALLBACK_ALLOW" in capsys.readouterr().err
