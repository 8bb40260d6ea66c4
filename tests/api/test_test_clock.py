"""Moving the time over HTTP: refused on a real clock. What it does on one that can be
moved, the client's suite tests on a real process.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from queue_services import bootstrap
from queue_services.errors import ConfigurationError
from queue_services.settings import Settings
from tests.api.service import Service, fields


async def test_a_real_clock_is_not_moved(service: Service) -> None:
    problem = await service.ask("POST", "/api/test-clock/advance", 409, json={"delay": 1000})
    assert "--test-clock" in problem["detail"]


@pytest.mark.parametrize("delay", [-1, 401 * 86_400_000, "1", None])
async def test_time_goes_forward_and_not_too_far(service: Service, delay: Any) -> None:
    assert fields(
        await service.ask("POST", "/api/test-clock/advance", 400, json={"delay": delay})
    ) == {"delay"}


@pytest.mark.parametrize(("api", "dispatch"), [(True, False), (False, True)])
async def test_processes_that_share_a_store_are_not_started_on_a_clock_of_their_own(
    api: bool, dispatch: bool
) -> None:
    settings = dataclasses.replace(Settings(), test_clock=True)
    with pytest.raises(ConfigurationError, match="TEST_CLOCK"):
        await bootstrap.run(settings, api=api, dispatch=dispatch)
