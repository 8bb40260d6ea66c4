"""For an application's tests: Queue Services in memory, with a clock that the test moves.
`client.pytest_plugin` makes them fixtures.
"""

from queue_services_client.testing.clock import QueueClock
from queue_services_client.testing.fake import AsyncFakeQueueService, FakeQueueService

__all__ = ["AsyncFakeQueueService", "FakeQueueService", "QueueClock"]
