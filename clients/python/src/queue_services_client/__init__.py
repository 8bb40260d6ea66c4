"""What an application installs: it talks to Queue Services over HTTP and imports nothing
else of this project.

Start at `QueueService` (or `AsyncQueueService`); `docs/client.md` is the guide. The names
below are imported when they are first used: the receiver, the tables and the pytest plugin
are parts of this package too, and need no HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from queue_services_client.call import Retries
    from queue_services_client.campaigns import AsyncCampaign, Campaign
    from queue_services_client.errors import (
        Conflict,
        Fault,
        NotFound,
        OverQuota,
        QueueServiceError,
        Unauthorized,
        Unavailable,
        ValidationFailed,
    )
    from queue_services_client.monitor import AsyncMonitor, Monitor
    from queue_services_client.notifications import AsyncNotificationManager, NotificationManager
    from queue_services_client.plan import Contact, Launch, Step
    from queue_services_client.rollout import Rollout
    from queue_services_client.service import AsyncQueueService, QueueService
    from queue_services_client.templates import jinja_templates
    from queue_services_client.types import (
        Channel,
        Email,
        Job,
        ScheduleResult,
        SendWindow,
        Sms,
        Status,
    )

_HOMES = {
    "call": ("Retries",),
    "campaigns": ("AsyncCampaign", "Campaign"),
    "errors": (
        "Conflict",
        "Fault",
        "NotFound",
        "OverQuota",
        "QueueServiceError",
        "Unauthorized",
        "Unavailable",
        "ValidationFailed",
    ),
    "monitor": ("AsyncMonitor", "Monitor"),
    "notifications": ("AsyncNotificationManager", "NotificationManager"),
    "plan": ("Contact", "Launch", "Step"),
    "rollout": ("Rollout",),
    "service": ("AsyncQueueService", "QueueService"),
    "templates": ("jinja_templates",),
    "types": ("Channel", "Email", "Job", "ScheduleResult", "SendWindow", "Sms", "Status"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AsyncCampaign",
    "AsyncMonitor",
    "AsyncNotificationManager",
    "AsyncQueueService",
    "Campaign",
    "Channel",
    "Conflict",
    "Contact",
    "Email",
    "Fault",
    "Job",
    "Launch",
    "Monitor",
    "NotFound",
    "NotificationManager",
    "OverQuota",
    "QueueService",
    "QueueServiceError",
    "Retries",
    "Rollout",
    "ScheduleResult",
    "SendWindow",
    "Sms",
    "Status",
    "Step",
    "Unauthorized",
    "Unavailable",
    "ValidationFailed",
    "jinja_templates",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
