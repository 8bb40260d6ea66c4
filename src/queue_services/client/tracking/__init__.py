"""What an application remembers of the messages it schedules: see `tracker` for the rules, `tracking.sqlalchemy` for the tables."""

from queue_services.client.tracking.tracker import JobState, OpenMessage, Tracker, schedule_tracked

__all__ = ["JobState", "OpenMessage", "Tracker", "schedule_tracked"]
