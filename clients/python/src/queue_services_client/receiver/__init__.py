"""The callback endpoints of an application: checks what the service POSTs and hands it on
as typed messages, each once.

    receiver = Receiver(secrets, workspaces=is_known)
    answer = receiver.receive(request, parse_sms, send_sms)

Adapters: `receiver.starlette` (FastAPI too), `receiver.flask`, `receiver.django`;
`receiver.sqlalchemy` remembers in a database.
"""

from queue_services_client.receiver.deduplicator import Claim, Deduplicator, MemoryDeduplicator
from queue_services_client.receiver.events import parse_event
from queue_services_client.receiver.fields import FieldMap
from queue_services_client.receiver.messages import (
    EmailMessage,
    SmsMessage,
    parse,
    parse_email,
    parse_sms,
)
from queue_services_client.receiver.receiver import Receiver
from queue_services_client.receiver.refusals import (
    Refusal,
    Reject,
    RetryLater,
    SlowDown,
    Unverified,
)
from queue_services_client.receiver.signature import verify

__all__ = [
    "Claim",
    "Deduplicator",
    "EmailMessage",
    "FieldMap",
    "MemoryDeduplicator",
    "Receiver",
    "Refusal",
    "Reject",
    "RetryLater",
    "SlowDown",
    "SmsMessage",
    "Unverified",
    "parse",
    "parse_email",
    "parse_event",
    "parse_sms",
    "verify",
]
