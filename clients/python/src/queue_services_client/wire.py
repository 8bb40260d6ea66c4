"""What the client and the service say to each other: the only place in this package that
knows camelCase. Used by `calls`, `bulk`, `testing` and `receiver`.

Bodies are built here from the structs of `types`; answers are decoded into them. Nothing
here sends anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from queue_services_client.errors import Fault, ValidationFailed
from queue_services_client.types import Channel, Delay, Email, Job, Message, Sms, Workspace

T = TypeVar("T")

JSON = "application/json"
NDJSON = "application/x-ndjson"
PROBLEM = "application/problem+json"

IN_METADATA = {
    "campaign_id": "campaignId",
    "message_id": "messageId",
    "source": "source",
    "callback_endpoint": "callbackEndpoint",
}
"""The members of a message that travel in its metadata, and their names there."""

QUERY_NAMES = {"created_from": "from", "created_before": "to", "start": "from", "end": "to"}
"""The query parameters whose wire names say less than ours."""

WORKSPACE_MEMBERS = frozenset(
    {field.encode_name for field in msgspec.structs.fields(Workspace)} | {"signingSecret"}
)
BY_CHANNEL = frozenset({"limits", "callbackBaseUrls", "paused"})
"""What may be set of a workspace, and which of it is an object by channel."""

_encoder = msgspec.json.Encoder()


class Problem(msgspec.Struct, frozen=True):
    """A refusal as the service words it (RFC 9457), with every fault of a bad body."""

    title: str = ""
    detail: str = ""
    errors: tuple[Fault, ...] = ()


class BatchResult(msgspec.Struct, frozen=True, rename="camel"):
    """One message's line in the answer to a batch."""

    index: int
    job_id: str | None = None
    replayed: bool = False
    errors: tuple[Fault, ...] = ()


WORKSPACE_ID, JOB_ID, BATCH_ID = "workspaceId", "jobId", "batchId"
"""How the service names ids."""


class BatchAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of /api/schedule-batch."""

    accepted: int
    rejected: int
    results: tuple[BatchResult, ...]


class JobAnswer(msgspec.Struct, frozen=True):
    """What the calls that act on one job answer."""

    job: Job


class _Health(msgspec.Struct, frozen=True):
    timestamp: datetime


class CountAnswer(msgspec.Struct, frozen=True):
    """How many jobs a campaign's pause, resume, cancel or shift acts on."""

    count: int


def encode(body: Any) -> bytes:
    """`body` as JSON; structs in camelCase. Raises ValidationFailed for what JSON cannot hold."""
    try:
        return _encoder.encode(body)
    except (TypeError, UnicodeEncodeError, ValueError, OverflowError, RecursionError) as error:
        raise ValidationFailed.of(Fault("body", f"it cannot be sent as JSON: {error}")) from error


def decode(type_: type[T], content: bytes | str) -> T:
    """Read `content` as `type_`. Raises msgspec.DecodeError (or its ValidationError) when
    it is something else.
    """
    try:
        return msgspec.json.decode(content, type=type_)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(f"JSON is malformed: {error}") from None


def decode_workspace(content: bytes) -> Workspace:
    """The workspace in an answer, whether its members stand at the top level or under
    `workspace`.
    """
    members_ = decode(dict[str, msgspec.Raw], content)
    return decode(Workspace, bytes(members_.get("workspace", content)))


def decode_time(content: bytes) -> datetime:
    """The service's time in the answer of /health."""
    return decode(_Health, content).timestamp


def channel_of(message: Message) -> Channel:
    """The channel that carries `message`."""
    return Channel.SMS if isinstance(message, Sms) else Channel.EMAIL


def message_body(message: Message) -> dict[str, Any]:
    """The members of `message` as `/api/schedule-sms` and `/api/schedule-email` read them,
    absent ones left out.

    Raises ValidationFailed for a delay or an expiry that is no instant.
    """
    body: dict[str, Any] = {"contactId": message.contact_id, "workspaceId": message.workspace_id}
    match message:
        case Sms():
            body |= {"phoneNumber": message.to, "message": message.message}
            if message.media_url is not None:
                body["mediaUrl"] = message.media_url
        case Email():
            body |= {"to": message.to, "subject": message.subject, "html": message.html}
    body |= due(message.delay)
    if message.priority != "normal":
        body["priority"] = message.priority
    if message.expires_at is not None:
        body["expiresAt"] = instant(message.expires_at, "expiresAt")
    if message.idempotency_key is not None:
        body["idempotencyKey"] = message.idempotency_key
    metadata = message_metadata(message)
    if metadata:
        body["metadata"] = metadata
    return body


def batch_line(message: Message) -> bytes:
    """`message` as one line of a batch, without the line's end."""
    return encode({"channel": channel_of(message), **message_body(message)})


def message_metadata(message: Message) -> Mapping[str, Any]:
    """What of the message is passed on to the callback: its metadata, with the members that
    travel there.
    """
    named = {
        wire: value
        for name, wire in IN_METADATA.items()
        if (value := getattr(message, name)) is not None
    }
    return {**message.metadata, **named} if named else message.metadata


def due(delay: Delay | None) -> dict[str, Any]:
    """`delay` as the service reads it: `delay` in whole milliseconds, or `scheduledFor`;
    nothing for None.

    Raises ValidationFailed for a datetime without a zone, a number below 0, and what is not finite.

    >>> due(timedelta(seconds=1.5))
    {'delay': 1500}
    >>> due(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    {'scheduledFor': '2026-03-01T09:30:00.000Z'}
    """
    if delay is None:
        return {}
    if isinstance(delay, datetime):
        return {"scheduledFor": instant(delay, "scheduledFor")}
    milliseconds = delay / timedelta(milliseconds=1) if isinstance(delay, timedelta) else delay
    if (
        isinstance(milliseconds, bool)
        or not isinstance(milliseconds, int | float)
        or not math.isfinite(milliseconds)
        or milliseconds < 0
    ):
        raise ValidationFailed.of(
            Fault("delay", "give milliseconds >= 0, a timedelta >= 0 or an aware datetime")
        )
    return {"delay": round(milliseconds)}


def instant(moment: datetime, field: str) -> str:
    """`moment` as RFC 3339 in UTC with milliseconds. Raises ValidationFailed, naming
    `field`, when it has no zone.

    >>> instant(datetime(2025, 3, 22, 10, 15, 30, 123456, tzinfo=UTC), "from")
    '2025-03-22T10:15:30.123Z'
    """
    if moment.utcoffset() is None:
        raise ValidationFailed.of(
            Fault(field, "give a datetime with a zone, as in datetime.now(UTC)")
        )
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def query(**parameters: Any) -> dict[str, str]:
    """Query parameters by their wire names, those that are None left out.

    >>> query(workspace_id="acme", created_before=None, limit=50)
    {'workspaceId': 'acme', 'limit': '50'}
    """
    named = {
        QUERY_NAMES.get(name) or camel(name): value
        for name, value in parameters.items()
        if value is not None
    }
    return {
        name: instant(value, name) if isinstance(value, datetime) else str(value)
        for name, value in named.items()
    }


def camel(name: str) -> str:
    """A Python name as it is spelt on the wire: `workspace_id` becomes `workspaceId`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def python_names(named: Mapping[str, T]) -> dict[str, T]:
    """Wire names turned back into Python's, for `testing`, which reads what the client sends.

    >>> python_names({"workspaceId": "acme"})
    {'workspace_id': 'acme'}
    """
    return {
        re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name): value
        for name, value in named.items()
    }


def members(**values: Any) -> dict[str, Any]:
    """A body of `values` by their wire names, those that are UNSET left out."""
    return {camel(name): value for name, value in values.items() if value is not msgspec.UNSET}
