"""The pytest plugin in a project of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

PROJECT = """
from datetime import timedelta
from queue_services_client import Sms

def test_the_fixtures_share_a_clock(queue_service, queue_clock):
    message = Sms(to="+491701234567", message="Hi", contact_id="c-1", workspace_id="acme", delay=timedelta(days=1))
    job_id = queue_service.schedule_message(message).job_id
    before = queue_clock.now()
    queue_service.advance(days=2)
    assert queue_clock.now() - before == timedelta(days=2)
    assert queue_service.status(job_id).status == "COMPLETED"

def test_each_test_has_its_own(queue_service):
    assert queue_service.messages == []

def test_there_is_one_that_awaits(async_queue_service):
    import asyncio
    assert asyncio.run(async_queue_service.statuses(["x"])).unknown == ("x",)
"""


def test_pytest_finds_the_plugin_by_itself() -> None:
    (plugin,) = entry_points(group="pytest11", name="queue-services")
    assert plugin.load().__name__ == "queue_services_client.pytest_plugin"


def test_a_project_gets_a_fake_service_and_its_clock(tmp_path: Path) -> None:
    (tmp_path / "test_project.py").write_text(PROJECT)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "queue_services_client.pytest_plugin",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(
        command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False, timeout=60
    )
    assert "3 passed" in run.stdout, run.stdout + run.stderr
