"""The whole application against a service in memory, on a clock that the tests move, and a
mail server that keeps what it gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine

from campaign_app.app import create_app
from campaign_app.application import Application
from campaign_app.contacts import ContactRow, WorkspaceRow
from campaign_app.mail_sink import MailSink
from campaign_app.sending import Mailer
from queue_services_client.testing import FakeQueueService, QueueClock
from queue_services_client.types import CallbackAnswer, CallbackRequest

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with MailSink() as sink:
        yield sink


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def service() -> FakeQueueService:
    return FakeQueueService(clock=QueueClock(MONDAY), signing_secret=SECRET)


@pytest.fixture
def start(engine: Engine, service: FakeQueueService, sink: MailSink) -> Callable[[], Application]:
    """Starts the application, as often as a test lets it die; the service delivers to the
    last one.
    """

    def start() -> Application:
        parts = Application(
            engine, service, Mailer("127.0.0.1", sink.port), SECRET, service.clock.time
        )
        web = TestClient(create_app(parts, background=False))

        def deliver(request: CallbackRequest) -> CallbackAnswer:
            answer = web.post(request.path, content=request.body, headers=dict(request.headers))
            return CallbackAnswer(
                status=answer.status_code, headers=dict(answer.headers), body=answer.content
            )

        service.deliver = deliver
        return parts

    return start


@pytest.fixture
def parts(start: Callable[[], Application]) -> Application:
    """A started application with one workspace in Berlin and three contacts, one of them in
    New York.
    """
    parts = start()
    parts.contacts.add(
        WorkspaceRow(id="acme", timezone="Europe/Berlin"),
        ContactRow(
            id="ann",
            workspace_id="acme",
            name="Ann",
            email="ann@example.com",
            phone="+4915100000001",
        ),
        ContactRow(
            id="bob",
            workspace_id="acme",
            name="Bob",
            email="bob@example.com",
            phone="+15550100",
            timezone="America/New_York",
        ),
        ContactRow(id="eve", workspace_id="acme", name="Eve", email=None, phone="+4915100000003"),
    )
    return parts


@pytest.fixture
def web(parts: Application) -> TestClient:
    return TestClient(create_app(parts, background=False))
