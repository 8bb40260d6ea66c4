"""The examples in the client's docstrings and in its guide, run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import queue_services_client as client
from queue_services_client import campaigns, monitor, notifications, plan, types
from queue_services_client.either import Listing, Method
from queue_services_client.testing import FakeQueueService

OURS = {"receiver", "tracking", "reconcile"}
"""The parts whose examples are run by their own tests."""
GUIDE = Path(__file__).parents[2] / "docs" / "client.md"


def names() -> dict[str, Any]:
    """What the examples use without saying where it is from: the client's names, and a
    service without messages.
    """
    service = FakeQueueService()
    modules = (types, plan, campaigns, notifications, monitor)
    known = {
        name: getattr(module, name)
        for module in modules
        for name in vars(module)
        if name[0].isupper()
    }
    return {
        **known,
        "service": service,
        "UTC": UTC,
        "date": date,
        "datetime": datetime,
        "timedelta": timedelta,
    }


def modules() -> list[str]:
    found = pkgutil.walk_packages(client.__path__, client.__name__ + ".")
    return [module.name for module in found if module.name.split(".")[1] not in OURS]


def examples(name: str) -> Iterator[doctest.DocTest]:
    """The examples of a module: in its functions and classes, and in the methods that both
    clients share, which doctest does not look into.
    """
    module = importlib.import_module(name)
    yield from (
        found for found in doctest.DocTestFinder(exclude_empty=True).find(module) if found.examples
    )
    for owner in {
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == name
    }:
        for method_name, method in vars(owner).items():
            if isinstance(method, Method | Listing):
                found = doctest.DocTestParser().get_doctest(
                    method.__doc__ or "", dict(vars(module)), f"{name}.{method_name}", None, 0
                )
                if found.examples:
                    yield found


def run(example: doctest.DocTest) -> doctest.TestResults:
    example.globs = {**names(), **example.globs}
    return doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False).run(example)


@pytest.mark.parametrize("name", modules())
def test_every_example_in_a_docstring_does_what_it_shows(name: str) -> None:
    for example in examples(name):
        assert run(example).failed == 0, example.name


def test_the_shared_methods_examples_are_among_those_that_run() -> None:
    assert {"queue_services_client.calls.jobs.status", "queue_services_client.calls.jobs.jobs"} <= {
        found.name for found in examples("queue_services_client.calls.jobs")
    }


def test_every_example_in_the_guide_does_what_it_shows() -> None:
    guide = doctest.DocTestParser().get_doctest(GUIDE.read_text(), {}, "client.md", str(GUIDE), 0)

    assert guide.examples
    assert run(guide).failed == 0
