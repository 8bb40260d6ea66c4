"""Every call that `QueueService` and `AsyncQueueService` have, written once; see `either`
for how. Nothing here sends.

All of them raise a QueueServiceError: Unauthorized for a bad key, OverQuota and Unavailable
once the retries are used up, and what each names itself. The schedule calls answer a
ScheduleResult instead, unless `raise_errors` says otherwise, here or for the whole client.
"""

from __future__ import annotations

from datetime import datetime

from queue_services_client import wire
from queue_services_client.call import Call
from queue_services_client.calls.building import act_on_job, get, post, segment
from queue_services_client.calls.jobs import JobCalls
from queue_services_client.calls.metrics import MetricsCalls
from queue_services_client.calls.scheduling import SchedulingCalls, failed, scheduling, with_key
from queue_services_client.calls.workspaces import Sort, WorkspaceCalls
from queue_services_client.either import call

__all__ = [
    "Calls",
    "Sort",
    "act_on_job",
    "failed",
    "get",
    "post",
    "scheduling",
    "segment",
    "with_key",
]


class Calls(SchedulingCalls, JobCalls, MetricsCalls, WorkspaceCalls):
    """The calls of the API. Instants are aware datetimes; a delay is milliseconds, a
    timedelta or an instant.
    """

    @call
    def service_time(self) -> Call[datetime]:
        """What time it is at the service, by whose clock messages fall due."""
        return Call("GET", "/health", wire.decode_time, repeatable=True)
