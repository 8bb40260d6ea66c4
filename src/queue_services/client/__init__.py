"""What an application installs: it talks to Queue Services over HTTP and imports nothing else of this project.

Start at `QueueService` (or `AsyncQueueService`); `docs/client.md` is the guide.
"""

from queue_services.client.call import Retries
from queue_services.client.campaigns import AsyncCampaign, Campaign
from queue_services.client.errors import Conflict, Fault, NotFound, OverQuota, QueueServiceError, Unauthorized, Unavailable, ValidationFailed
from queue_services.client.plan import Contact, Launch, Step
from queue_services.client.rollout import Rollout
from queue_services.client.service import AsyncQueueService, QueueService
from queue_services.client.templates import jinja_templates
from queue_services.client.types import Channel, Email, Job, ScheduleResult, SendWindow, Sms, Status

__all__ = [
    "AsyncCampaign",
    "AsyncQueueService",
    "Campaign",
    "Channel",
    "Conflict",
    "Contact",
    "Email",
    "Fault",
    "Job",
    "Launch",
    "NotFound",
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
