"""`python -m tests.client.node.generate`: writes what the Node package holds of the Python
side, in `clients/node`. With `--check FOLDER`, writes openapi.json into that folder alone, for
the package's own check to compare.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from queue_services.api.app import CALLS
from queue_services.api.openapi import document
from tests.client.node import calendar_cases, plan_cases

PACKAGE = Path(__file__).parents[3] / "clients" / "node"


def openapi() -> bytes:
    """The document that /openapi.json serves, readable."""
    return as_json(document(CALLS))


def calendar() -> bytes:
    """The calendar's cases as a JSON list, a line each: zone, day, time, now, days, delay."""
    lines = [
        [case["zone"], case["day"], case["at"], case["now"], case["days"], case["delay"]]
        for case in calendar_cases.cases()
    ]
    return b"[\n" + b",\n".join(map(msgspec.json.encode, lines)) + b"\n]\n"


def plans() -> bytes:
    """What the Python client plans for some launches."""
    return msgspec.json.encode(plan_cases.cases()) + b"\n"


FILES = {
    "openapi.json": openapi,
    "test/data/calendar.json": calendar,
    "test/data/plans.json": plans,
}


def as_json(value: Any) -> bytes:
    """Indented JSON with a line break at its end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def main(arguments: list[str]) -> None:
    """Writes the files."""
    if arguments[:1] == ["--check"]:
        Path(arguments[1], "openapi.json").write_bytes(openapi())
        return
    for name, write in FILES.items():
        (PACKAGE / name).write_bytes(write())


if __name__ == "__main__":
    main(sys.argv[1:])
