# ruff: noqa: S101 - asserting is what tests do
from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from campaign_app.app import create_app
from campaign_app.application import Application
from campaign_app.asgi import create
from campaign_app.mail_sink import MailSink
from queue_services_client import ScheduleResult
from queue_services_client.receiver.signature import decode_secret, sign
from queue_services_client.testing import FakeQueueService
from queue_services_client.tracking.sqlalchemy import SqlTracker

from .conftest import SECRET

LAUNCH = "/workspaces/acme/campaigns/welcome/launch"
PROGRESS = "/workspaces/acme/campaigns/welcome"


def received(sink: MailSink) -> list[tuple[str, str]]:
    return sorted((mail["To"], mail["Subject"]) for mail in sink.mails)


def test_a_campaign_arrives_step_by_step_at_each_contacts_own_time(
    web: TestClient, service: FakeQueueService, sink: MailSink
) -> None:
    launched = web.post(LAUNCH).json()
    assert (launched["accepted"], len(launched["failures"])) == (7, 2)
    service.advance(hours=1)
    assert received(sink) == [("ann@example.com", "Welcome, Ann")]
    service.advance(hours=6)
    assert received(sink) == [
        ("ann@example.com", "Welcome, Ann"),
        ("bob@example.com", "Welcome, Bob"),
    ]
    service.advance(days=8)
    assert len(sink.mails) == 7
    assert web.get(PROGRESS).json() == {"SCHEDULED": 7}


def test_outcomes_are_known_after_a_reconciliation(
    parts: Application, web: TestClient, service: FakeQueueService
) -> None:
    web.post(LAUNCH)
    service.advance(days=8)
    parts.reconcile()
    assert web.get(PROGRESS).json() == {"COMPLETED": 7}
    status = web.get("/messages/welcome:1:ann").json()
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert web.get("/messages/none").status_code == 404


def test_launching_twice_sends_once(
    web: TestClient, service: FakeQueueService, sink: MailSink
) -> None:
    web.post(LAUNCH)
    assert web.post(LAUNCH).json()["replayed"] == 7
    service.advance(days=8)
    assert len(sink.mails) == 7


def test_a_repeated_callback_sends_no_second_mail(
    web: TestClient, service: FakeQueueService, sink: MailSink
) -> None:
    web.post(LAUNCH)
    service.advance(minutes=30)
    repeat = service.callbacks[0]
    answer = web.post(repeat.path, content=repeat.body, headers=dict(repeat.headers))
    assert (answer.status_code, answer.json()) == (200, {"success": True, "duplicate": True})
    assert len(sink.mails) == 1


def test_a_callback_that_the_service_did_not_sign_sends_nothing(
    web: TestClient, sink: MailSink
) -> None:
    body = {
        "to": "x@example.com",
        "subject": "x",
        "html": "x",
        "contactId": "c",
        "workspaceId": "acme",
        "jobId": "j",
    }
    assert web.post("/api/email/send", json=body).status_code == 401
    assert sink.mails == []


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(
    ("address", "status"), [("nobody@example.com", "FAILED"), ("busy@example.com", "SCHEDULED")]
)
def test_what_the_mail_server_says_reaches_the_service(
    address: str, status: str, service: FakeQueueService
) -> None:
    job_id = (
        service.schedule_email(
            address, "Hi", "<p>Hi</p>", contact_id="ann", workspace_id="acme"
        ).job_id
        or ""
    )
    service.advance(seconds=1)
    job = service.status(job_id)
    assert (job.status, job.attempts_made) == (status, 0 if status == "SCHEDULED" else 1)


@pytest.mark.usefixtures("parts")
def test_while_the_mail_server_is_away_messages_are_tried_again(
    service: FakeQueueService, sink: MailSink
) -> None:
    job_id = (
        service.schedule_email(
            "ann@example.com", "Hi", "<p>Hi</p>", contact_id="ann", workspace_id="acme"
        ).job_id
        or ""
    )
    sink.shutdown()
    sink.server_close()
    service.advance()
    assert (service.status(job_id).status, service.status(job_id).attempts_made) == ("SCHEDULED", 1)
    with MailSink(sink.port) as back:
        service.advance(seconds=5)
        assert received(back) == [("ann@example.com", "Hi")]


def test_a_password_reset_goes_out_at_once(
    web: TestClient, service: FakeQueueService, sink: MailSink
) -> None:
    assert web.post("/workspaces/acme/contacts/ann/password-reset").status_code == 200
    assert web.post("/workspaces/acme/contacts/eve/password-reset").status_code == 404
    service.advance()
    assert received(sink) == [("ann@example.com", "Your password")]


def test_an_event_of_a_failure_marks_its_message(
    web: TestClient, service: FakeQueueService, caplog: pytest.LogCaptureFixture
) -> None:
    web.post(LAUNCH)
    job_id = web.get("/messages/welcome:1:ann").json()["job_id"]
    event = {
        "eventId": "e1",
        "type": "message.failed",
        "jobId": job_id,
        "status": "failed",
        "error": "550 no",
        "workspaceId": "acme",
        "contactId": "ann",
    }
    body = json.dumps({**event, "timestamp": service.now().isoformat()}).encode()
    assert web.post("/queue-events", content=body, headers=signed(body, service)).status_code == 200
    status = web.get("/messages/welcome:1:ann").json()
    assert (status["status"], status["error"]) == ("FAILED", "550 no")
    assert "contact ann failed: 550 no" in caplog.text


def signed(body: bytes, service: FakeQueueService) -> dict[str, str]:
    timestamp = str(int(service.clock.time()))
    signature = sign(decode_secret(SECRET), "e1", timestamp, body)
    return {"webhook-id": "e1", "webhook-timestamp": timestamp, "webhook-signature": signature}


def test_wrong_steps_and_a_service_that_is_away_are_said_to_the_caller(
    web: TestClient, service: FakeQueueService
) -> None:
    wrong = [{"day": 0, "at": "25:00", "channel": "sms", "template": "x"}]
    assert web.post(LAUNCH, json=wrong).status_code == 422
    service.fail_next(*[503] * 20)
    assert web.post("/workspaces/acme/contacts/ann/password-reset").status_code == 503


def test_workspaces_near_or_over_their_limit_are_logged(
    parts: Application, service: FakeQueueService, caplog: pytest.LogCaptureFixture
) -> None:
    service.exceed_limit("acme", "sms")
    parts.monitor.check()
    assert "workspace acme: sms limit exceeded" in caplog.text


def test_reconciliation_and_the_monitor_run_beside_the_application(
    parts: Application, service: FakeQueueService, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = threading.Event()
    monkeypatch.setattr(parts.monitor, "run_every", lambda _: watching.set())
    parts.builder.launch("welcome", "acme")
    service.advance(days=8)
    with TestClient(create_app(parts)) as web:
        assert watching.wait(10)
        assert any(web.get(PROGRESS).json() == {"COMPLETED": 7} for _ in range(1_000))


def test_a_deployment_is_made_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QUEUE_SERVICES_SIGNING_SECRET", SECRET)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'deployed.db'}")
    web = TestClient(create())
    assert web.put("/workspaces/acme").status_code == 200
    assert web.get("/workspaces/acme/campaigns/none").json() == {}


class KilledError(BaseException):
    """The application dies here."""


@pytest.mark.parametrize(
    "taken", [True, False], ids=["after the service took them", "before the service took them"]
)
def test_killed_between_schedule_and_record_then_reconciled_no_message_is_lost_or_doubled(
    *,
    taken: bool,
    start: Callable[[], Application],
    parts: Application,
    service: FakeQueueService,
    sink: MailSink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(SqlTracker if taken else FakeQueueService, "record" if taken else "send", die)
        with pytest.raises(KilledError):
            parts.builder.launch("welcome", "acme")
    assert len(service.messages) == (7 if taken else 0)
    assert parts.builder.progress("welcome", "acme") == {"SCHEDULED": 7}

    revived = start()
    report = revived.reconcile()
    assert report.rescheduled == (0 if taken else 7)
    service.advance(days=8)
    revived.reconcile()
    assert len(sink.mails) == len({mail["Message-ID"] for mail in sink.mails}) == 7
    assert revived.builder.progress("welcome", "acme") == {"COMPLETED": 7}
    assert revived.builder.launch("welcome", "acme").replayed == 7


def test_killed_while_sending_a_message_comes_again_and_none_is_lost(
    start: Callable[[], Application],
    parts: Application,
    service: FakeQueueService,
    sink: MailSink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: Any) -> ScheduleResult:
        raise KilledError

    parts.builder.launch("welcome", "acme")
    with monkeypatch.context() as patch:
        patch.setattr(sink, "on_mail", lambda _: None)
        patch.setattr("smtplib.SMTP.send_message", die)
        with pytest.raises(KilledError):
            service.advance(hours=1)
    revived = start()
    service.advance(days=8)
    revived.reconcile()
    assert len(sink.mails) == len({mail["Message-ID"] for mail in sink.mails}) == 7
    assert revived.builder.progress("welcome", "acme") == {"COMPLETED": 7}
