from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from queue_services_client.reconcile import __main__ as command
from queue_services_client.testing import FakeQueueService, QueueClock
from queue_services_client.tracking.sqlalchemy import QueuedMessage, SqlTracker
from queue_services_client.types import Status

from .builders import NOW, AppBase, Reminder, sms


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeQueueService:
    """What the command's QueueService is in these tests."""
    service = FakeQueueService(clock=QueueClock(NOW))
    monkeypatch.setattr(command, "QueueService", lambda: service)
    return service


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database in which one message is planned, due at NOW; long ago for the command,
    which reads the machine's clock.
    """
    url = f"sqlite:///{tmp_path / 'app.db'}"
    engine = create_engine(url)
    tracker = SqlTracker(engine)
    tracker.create_tables()
    tracker.plan([sms("k1", delay=NOW)], NOW)
    engine.dispose()
    return url


def open_keys(url: str, model: type[Reminder | QueuedMessage] = QueuedMessage) -> list[str]:
    engine = create_engine(url)
    try:
        return [
            message.key for page in SqlTracker(engine, model).open_messages() for message in page
        ]
    finally:
        engine.dispose()


def test_prints_what_it_did_as_one_line_of_json(
    service: FakeQueueService, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--database-url", url, "--reschedule-within-days", "100000"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["rescheduled"] == 1
    assert [message.key for message in service.messages] == ["k1"]


def test_late_messages_fail_the_command_where_that_is_asked_for(
    service: FakeQueueService, url: str
) -> None:
    service.schedule_many([sms("k1", delay=NOW)])
    arguments = ["--database-url", url, "--reschedule-within-days", "100000", "--full"]
    assert command.main(arguments) == 0
    service.clock.move_to(NOW + timedelta(minutes=11))  # nothing is delivered: `advance` would
    assert command.main([*arguments, "--fail-when-late"]) == 3
    service.deliver = lambda _: 200
    service.advance(timedelta(minutes=1))
    assert command.main([*arguments, "--fail-when-late"]) == 0
    assert open_keys(url) == []


def test_a_service_or_a_database_that_is_away_fails_the_command_and_loses_nothing(
    service: FakeQueueService, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.fail_next(*[503] * 20)
    assert command.main(["--database-url", url, "--reschedule-within-days", "100000"]) == 1
    assert command.main(["--database-url", f"sqlite:///{tmp_path / 'none.db'}"]) == 1
    assert "not reconciled" in capsys.readouterr().err
    assert open_keys(url) == ["k1"]


def test_a_model_of_the_applications_own_is_named_by_its_module(
    service: FakeQueueService, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'own.db'}"
    engine = create_engine(url)
    AppBase.metadata.create_all(engine)
    SqlTracker(engine, Reminder).create_tables()
    with engine.begin() as connection:
        row = {
            "phone": "+15550111",
            "queue_key": "r1",
            "queue_status": Status.SCHEDULED,
            "scheduled_for": NOW,
        }
        connection.execute(Reminder.__table__.insert(), row)  # type: ignore[attr-defined]  # a mapped class's table
    engine.dispose()
    assert (
        command.main(
            [
                "--database-url",
                url,
                "--model",
                f"{Reminder.__module__}:Reminder",
                "--reschedule-within-days",
                "100000",
            ]
        )
        == 0
    )
    assert [message.to for message in service.messages] == ["+15550111"]


@pytest.mark.parametrize(
    "model",
    ["nonsense", "no.such.module:Model", "json:JSONEncoder", "queue_services_client.types:Nothing"],
)
def test_a_model_that_is_none_is_a_bad_argument(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(["--database-url", "sqlite://", "--model", model])
    assert stop.value.code == 2
    assert model in capsys.readouterr().err


def test_runs_as_a_module_without_a_warning() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "queue_services_client.reconcile", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--database-url" in run.stdout
