"""The package's former name, `queue_services.client`."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import queue_services_client

MODULES = [
    found.name
    for found in pkgutil.walk_packages(
        queue_services_client.__path__, queue_services_client.__name__ + "."
    )
    if not found.name.endswith(".__main__")
]
SAME_OBJECTS = f"""
import sys
from importlib import import_module
for new in {MODULES!r}:
    old = new.replace("queue_services_client", "queue_services.client")
    assert import_module(old) is import_module(new), new
    assert sys.modules[new].__name__ == new
    assert sys.modules[new].__spec__.name == new
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_each_module_is_the_same_object_under_its_former_name() -> None:
    run = python("-W", "ignore::DeprecationWarning", "-c", SAME_OBJECTS)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "import queue_services.client",
        "from queue_services.client import QueueService",
        "from queue_services.client.receiver.starlette import endpoint",
    ],
)
def test_the_former_name_warns_where_it_is_imported(statement: str) -> None:
    run = python("-W", "always::DeprecationWarning", "-c", statement + "\n" + statement)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("<string>:1: DeprecationWarning: queue_services.client is now") == 1


def test_a_module_that_does_not_exist_is_not_found_under_its_former_name() -> None:
    run = python("-W", "ignore", "-c", "import queue_services.client.nothing")
    assert "No module named 'queue_services.client.nothing'" in run.stderr


def test_a_former_module_runs_as_a_command() -> None:
    run = python("-W", "ignore", "-m", "queue_services.client.reconcile", "--help")
    assert run.returncode == 0, run.stderr
    assert "--database-url" in run.stdout


def test_without_the_client_the_former_name_says_what_to_install() -> None:
    missing = "import sys; sys.modules['queue_services_client'] = None\n"
    run = python("-c", missing + "import queue_services.client")
    assert "pip install 'queue-services[client]'" in run.stderr
