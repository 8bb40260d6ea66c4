"""The pytest plugin: `queue_clock`, `queue_service` and `async_queue_service`, fresh for
each test. Loaded by its entry point.

Imports nothing until a fixture is used, so that it costs the projects that use none nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from queue_services_client.testing import AsyncFakeQueueService, FakeQueueService, QueueClock


@pytest.fixture
def queue_clock() -> QueueClock:
    """The clock of the fake services of this test; `queue_service.advance(days=7)` moves it
    and delivers.
    """
    from queue_services_client.testing import QueueClock  # noqa: PLC0415 - see the module's docstring

    return QueueClock()


@pytest.fixture
def queue_service(queue_clock: QueueClock) -> FakeQueueService:
    """A FakeQueueService on `queue_clock`; set its `deliver` to an endpoint of the application."""
    from queue_services_client.testing import FakeQueueService  # noqa: PLC0415

    return FakeQueueService(clock=queue_clock)


@pytest.fixture
def async_queue_service(queue_clock: QueueClock) -> AsyncFakeQueueService:
    """The same for applications that await."""
    from queue_services_client.testing import AsyncFakeQueueService  # noqa: PLC0415

    return AsyncFakeQueueService(clock=queue_clock)
