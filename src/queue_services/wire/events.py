"""The body of an event: what the application is told of messages and limits. Called by
`delivery.events`.
"""

from __future__ import annotations

import msgspec

from queue_services.domain.message import Instant
from queue_services.wire.times import rfc3339

_encode = msgspec.json.Encoder().encode
_read_facts = msgspec.json.Decoder(dict[str, str | float | None]).decode
_STATUSES = {
    "message.completed": "completed",
    "message.failed": "failed",
    "message.cancelled": "cancelled",
}
_NAMED = {"error", "contact", "campaign"}


class EventBody(msgspec.Struct, rename="camel", kw_only=True):
    """An event's members; all are there, null where the event has nothing to do with them."""

    event_id: str
    type: str
    job_id: str | None
    status: str | None
    error: str | None
    workspace_id: str | None
    channel: str | None
    contact_id: str | None
    campaign_id: str | None
    timestamp: str


def event_body(
    *,
    identity: str,
    kind: str,
    job: str | None,
    workspace: str,
    channel: str | None,
    facts: str,
    created_at: Instant,
) -> bytes:
    """The JSON body; `facts` is JSON. Those of a message's event all have their member;
    those of a limit's follow the members by their own names.
    """
    known = _read_facts(facts)
    body = EventBody(
        event_id=identity,
        type=kind,
        job_id=job,
        status=_STATUSES.get(kind),
        error=_text(known.get("error")),
        workspace_id=workspace or None,  # an alert of the service is of no workspace
        channel=channel,
        contact_id=_text(known.get("contact")),
        campaign_id=_text(known.get("campaign")),
        timestamp=rfc3339(created_at),
    )
    return _encode(
        msgspec.to_builtins(body)
        | {name: value for name, value in known.items() if name not in _NAMED}
    )


def _text(value: str | float | None) -> str | None:
    return None if value is None else str(value)
