"""The built Node package and a real `queue-services serve` on a test clock: one application
sends, receives and steers, and goes on with a campaign that the Python client launched.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from queue_services_client import Campaign, Contact, QueueService, Status, Step
from tests.acceptance.processes import running
from tests.client.node.generate import PACKAGE

KEY = "k" * 40
SECRET = "whsec_YSBzZWNyZXQgb2YgdHdlbnR5LWZvdXIh"
STEPS = [
    Step(3, "09:30", "sms", template="Hello $name"),
    Step(5, "18:00", "email", subject="For $name", template="<p>$name & co</p>"),
]
CONTACTS = [
    Contact(
        f"c-{number}",
        phone=f"+1 555 {number}",
        email=f"c{number}@example.org",
        fields={"name": f"N{number}"},
    )
    for number in range(20)
]
START = datetime.now(UTC).date() + timedelta(days=30)
pytestmark = pytest.mark.long


async def test_a_node_application_sends_receives_and_steers_what_python_launched(
    tmp_path: Path,
) -> None:
    if shutil.which("node") is None or not (PACKAGE / "dist").exists():
        pytest.skip("the package is not built: `make test-node` does so")
    port = _free_port()
    receiver_url = f"http://127.0.0.1:{port}"
    settings: dict[str, Any] = {
        "admin_key": KEY,
        "signing_secret": SECRET,
        "test_clock": "true",
        "backoff_seconds": "0.05",
        "callback_allow": "127.0.0.0/8",
    }
    database_url = f"sqlite:///{tmp_path}/queue.db"
    async with running(
        "serve", database_url=database_url, receiver_url=receiver_url, **settings
    ) as [service]:
        launched = await asyncio.to_thread(_launch, service.url, CONTACTS[:15])
        said = await _program(service.url, port)
        counts = await asyncio.to_thread(_counts, service.url)
    assert launched == 30
    assert said["wrong"] == ["message", "phoneNumber"]
    assert said["refused"] is False
    assert said["statuses"] == [["COMPLETED", 1], ["COMPLETED", 2]]
    assert said["launch"] == {"accepted": 40, "replayed": 30, "errors": []}
    assert said["steered"] == [40, 40, 40]
    assert said["bulk"] == [1_500, 0]
    assert said["reconciled"] == [0, 30]
    assert said["arrived"] == [32, 32]
    assert said["jobs"] == 40
    assert said["cancelled"] == [40, 40]
    assert said["delay"] is True
    assert "message.completed" in said["events"]
    assert counts[Status.CANCELLED] == 40


def _launch(url: str, contacts: list[Contact]) -> int:
    with QueueService(url, KEY) as service:
        return _campaign(service).launch(contacts, start=START, spread=timedelta(hours=1)).accepted


def _counts(url: str) -> dict[Status, int]:
    with QueueService(url, KEY) as service:
        return _campaign(service).progress().counts


def _campaign(service: QueueService) -> Campaign:
    return Campaign("spring", STEPS, zone="Europe/Berlin", workspace_id="acme", service=service)


async def _program(url: str, port: int) -> Any:
    steps = [
        {
            "day": step.day,
            "at": step.at,
            "channel": step.channel,
            "subject": step.subject,
            "template": step.template,
        }
        for step in STEPS
    ]
    contacts = [
        {"id": one.id, "phone": one.phone, "email": one.email, "fields": one.fields}
        for one in CONTACTS
    ]
    given = {
        "url": url,
        "key": KEY,
        "secret": SECRET,
        "port": port,
        "start": START.isoformat(),
        "steps": steps,
        "contacts": contacts,
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        "test/integration/program.mjs",
        cwd=PACKAGE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(120):
            output, problems = await process.communicate(json.dumps(given).encode())
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, problems.decode()
    return json.loads(output)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
