"""`python -m campaign_app`: Queue Services, a mail server that keeps what it gets, and this
application, all on this machine, with a first campaign.

Everything lives in a temporary folder and ends with Ctrl-C. A real deployment has the
service and the mail server elsewhere and starts `uvicorn` on `create_app` alone.
"""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage as Mail
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn
from sqlalchemy import create_engine

from campaign_app.app import create_app
from campaign_app.application import Application
from campaign_app.contacts import ContactRow, WorkspaceRow
from campaign_app.mail_sink import MailSink
from campaign_app.sending import Mailer
from queue_services_client import QueueService, QueueServiceError, Step

APP_PORT, SERVICE_PORT = 8000, 3000
ZONE = "Europe/Berlin"


def main() -> None:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    with (
        tempfile.TemporaryDirectory() as folder,
        queue_services(Path(folder), secret),
        MailSink(on_mail=show) as sink,
        QueueService(f"http://127.0.0.1:{SERVICE_PORT}") as service,
    ):
        wait_for(service)
        parts = Application(
            create_engine(f"sqlite:///{folder}/app.db"),
            service,
            Mailer("127.0.0.1", sink.port),
            secret,
        )
        threading.Timer(1, first_campaign, args=(parts,)).start()
        uvicorn.run(create_app(parts), host="127.0.0.1", port=APP_PORT, log_level="warning")


@contextmanager
def queue_services(folder: Path, secret: str) -> Iterator[None]:
    """The service in a process of its own, which calls this application back."""
    callback = f"http://127.0.0.1:{APP_PORT}"
    environment = {
        "SMS_API_URL": callback,
        "EMAIL_API_URL": callback,
        "EVENTS_URL": f"{callback}/queue-events",
        "QUEUE_SERVICES_SIGNING_SECRET": secret,
    }
    command = [
        str(Path(sys.executable).with_name("queue-services")),
        "serve",
        "--port",
        str(SERVICE_PORT),
    ]
    with (folder / "queue-services.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(15)


def wait_for(service: QueueService) -> None:
    for _ in range(100):
        try:
            service.job_page(limit=1)
        except QueueServiceError:
            time.sleep(0.1)
        else:
            return
    sys.exit("Queue Services did not start; is its port free?")


def first_campaign(parts: Application) -> None:
    """Two steps, five and ten seconds from now."""
    names = ("Ann", "Bob", "Eve")
    parts.contacts.add(WorkspaceRow(id="acme", timezone=ZONE))
    parts.contacts.add(
        *(
            ContactRow(
                id=name.lower(),
                workspace_id="acme",
                name=name,
                email=f"{name.lower()}@example.com",
                phone=f"+4915100000{i}",
            )
            for i, name in enumerate(names)
        )
    )
    soon = [
        f"{datetime.now(ZoneInfo(ZONE)) + timedelta(seconds=seconds):%H:%M:%S}"
        for seconds in (5, 10)
    ]
    steps = [
        Step(
            0, soon[0], "email", subject="Welcome, $name", template="<p>Good to have you here.</p>"
        ),
        Step(0, soon[1], "sms", template="$name, have you seen the tour?"),
    ]
    launched = parts.builder.launch("demo", "acme", steps)
    print(
        f"Launched {launched.accepted} messages, due {soon[0]} and {soon[1]}."
        f" http://127.0.0.1:{APP_PORT}/docs has the application, Ctrl-C ends it."
    )


def show(mail: Mail) -> None:
    print(f"{datetime.now(ZoneInfo(ZONE)):%H:%M:%S}  to {mail['To']}: {mail['Subject']}")


if __name__ == "__main__":
    main()
