"""What an application remembers of the messages it schedules: see `tracker` for the rules,
`tracking.sqlalchemy` for the tables.
"""

from queue_services_client.tracking.scheduling import (
    TrackedCampaign,
    schedule_each_tracked,
    schedule_tracked,
)
from queue_services_client.tracking.tracker import JobState, OpenMessage, Tracker

__all__ = [
    "JobState",
    "OpenMessage",
    "TrackedCampaign",
    "Tracker",
    "schedule_each_tracked",
    "schedule_tracked",
]
