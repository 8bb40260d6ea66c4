"""The cases that both languages pass lie in the Node package, and are what this side says."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest

from queue_services_client.calendar import delay_ms
from tests.client.node.generate import FILES, PACKAGE


@pytest.mark.parametrize("name", [name for name in FILES if name != "openapi.json"])
def test_the_file_in_the_package_is_what_this_client_says_now(name: str) -> None:
    assert (PACKAGE / name).read_bytes() == FILES[name](), "run `make node-generated`"


def test_the_rule_of_the_calendar_passes_the_shared_file_of_5000_cases() -> None:
    cases = msgspec.json.decode((PACKAGE / "test/data/calendar.json").read_bytes())
    assert len(cases) == 5_000
    assert [
        case
        for case in cases
        for zone, day, at, now, days, delay in [case]
        if delay_ms(day, at, zone, start=datetime.fromisoformat(now), days=days) != delay
    ] == []
