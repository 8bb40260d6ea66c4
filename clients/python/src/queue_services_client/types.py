"""What an application gives the service and gets from it: frozen structs, in Python's
names. Used by all of the package.

On the wire the same members are camelCase; `wire` converts. Instants are aware datetimes,
durations say their unit. Members the service may add later are ignored; words it may add (a
new `reason`) are plain text here, so that an older client reads a newer service.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, TypeAlias, TypedDict

import msgspec

from queue_services_client.errors import Fault

Priority: TypeAlias = Literal["high", "normal", "low"]
Delay: TypeAlias = float | timedelta | datetime
"""When a message is due: milliseconds from now, a timedelta from now, or an aware datetime.
A past instant is now.
"""


class Channel(StrEnum):
    """What carries a message."""

    SMS = "sms"
    EMAIL = "email"


ChannelName: TypeAlias = Channel | Literal["sms", "email"]


class Status(StrEnum):
    """Where a job stands. A job that waits for its next try is SCHEDULED with
    `attempts_made` > 0.
    """

    SCHEDULED = "SCHEDULED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        """Nothing more happens to the job unless it is retried by request."""
        return self in {Status.COMPLETED, Status.FAILED, Status.CANCELLED}


class Record(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The base of what the service answers: frozen, and camelCase when encoded."""


class Options(TypedDict, total=False):
    """What may be added to any message; see `Sms`."""

    metadata: Mapping[str, Any]
    priority: Priority
    expires_at: datetime
    idempotency_key: str
    campaign_id: str
    message_id: str
    source: str
    callback_endpoint: str


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """What `Sms` and `Email` have in common.

    `workspace_id` and `contact_id` name the tenant and the person; `metadata` (JSON, at
    most 16 KiB) comes back in the callback. `priority` orders the messages of one
    workspace. Past `expires_at` the message is not sent. The same `idempotency_key` in one
    workspace schedules once; one is made where none is given. `campaign_id`, `message_id`,
    `source` and `callback_endpoint` (the path of the application's endpoint, beginning with
    one `/`) travel in the metadata.
    """

    to: str
    contact_id: str
    workspace_id: str
    delay: Delay | None = None
    metadata: Mapping[str, Any] = msgspec.field(default_factory=dict)
    priority: Priority = "normal"
    expires_at: datetime | None = None
    idempotency_key: str | None = None
    campaign_id: str | None = None
    message_id: str | None = None
    source: str | None = None
    callback_endpoint: str | None = None


class Sms(Outgoing, frozen=True, kw_only=True):
    """An SMS to schedule: `to` is a phone number, `message` its text, `media_url` makes it
    an MMS.
    """

    message: str
    media_url: str | None = None


class Email(Outgoing, frozen=True, kw_only=True):
    """An email to schedule: `to` is an address, `html` its body."""

    subject: str
    html: str


Message: TypeAlias = Sms | Email


class ScheduleResult(Record, frozen=True, kw_only=True):
    """What became of one message: `job_id` when it succeeded, `error` (and each of
    `faults`) when not.

    `replayed`: the idempotency key had scheduled it before; nothing was added.
    `unavailable`: the service did not answer, so it may or may not have the message;
    schedule it again with the same `idempotency_key`, which is here even where it was made
    for the call.
    """

    success: bool
    job_id: str | None = None
    error: str | None = None
    replayed: bool = False
    scheduled_for: datetime | None = None
    faults: tuple[Fault, ...] = ()
    unavailable: bool = False
    idempotency_key: str | None = None


class BulkProgress(Record, frozen=True, kw_only=True):
    """How many messages of a bulk schedule have been answered so far. `replayed` are among
    `accepted`.
    """

    accepted: int = 0
    replayed: int = 0
    rejected: int = 0

    @property
    def answered(self) -> int:
        return self.accepted + self.rejected


class ScheduledMany(Record, frozen=True, kw_only=True):
    """What became of many messages: counts, and a result for each in the order given.
    `replayed` are among `accepted`.
    """

    accepted: int
    replayed: int
    rejected: int
    results: list[ScheduleResult]


class Attempt(Record, frozen=True, kw_only=True):
    """One POST to the application. `outcome`: delivered, failed, rejected, throttled or
    timeout. `status_code`: what the application answered.

    `confirmed`: the answer was lost, and the application said when asked that it had the
    message; how long that took is then not known (`duration_ms` is None).
    """

    number: int
    started_at: datetime
    duration_ms: float | None
    outcome: str
    confirmed: bool = False
    status_code: int | None = None
    error: str | None = None


class Job(Record, frozen=True, kw_only=True):
    """A message as the service holds it. Only `QueueService.status` fills `attempts`.

    `reason` says why it ended: cancelled, expired, suppressed, rejected, exhausted,
    unreachable or throttled. `waiting_for` says why it waits: due, window, workspaceLimit,
    serviceLimit, pause, hold, turn or confirmation; `estimated_at` until when.
    """

    job_id: str
    status: Status
    channel: Channel
    workspace_id: str
    contact_id: str
    scheduled_for: datetime
    created_at: datetime
    campaign_id: str | None = None
    reason: str | None = None
    finished_at: datetime | None = None
    attempts_made: int = 0
    max_attempts: int = 3
    next_attempt_at: datetime | None = None
    estimated_at: datetime | None = None
    waiting_for: str | None = None
    error: str | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()


class JobFilters(TypedDict, total=False):
    """What jobs may be listed by. `created_from` is inclusive, `created_before` exclusive;
    `recipient` is a number or an address.
    """

    workspace_id: str | None
    channel: ChannelName | None
    status: Status | None
    campaign_id: str | None
    contact_id: str | None
    recipient: str | None
    created_from: datetime | None
    created_before: datetime | None


class JobList(Record, frozen=True, kw_only=True):
    """One page of jobs, newest first; `next_cursor` is None on the last."""

    jobs: tuple[Job, ...]
    next_cursor: str | None = None


class Statuses(Record, frozen=True, kw_only=True):
    """The jobs asked for that the service knows, and the ids it does not."""

    jobs: tuple[Job, ...]
    unknown: tuple[str, ...]


class CampaignProgress(Record, frozen=True, kw_only=True):
    """How far a campaign is: how many of its jobs have each status, when the first and the
    last are due, and when it should be through.
    """

    campaign_id: str
    workspace_id: str
    state: str
    counts: dict[Status, int]
    first_scheduled_for: datetime | None = None
    last_scheduled_for: datetime | None = None
    estimated_end: datetime | None = None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def finished(self) -> int:
        return sum(count for status, count in self.counts.items() if status.final)


class Forecast(Record, frozen=True, kw_only=True):
    """When so many more messages would start and finish under today's limits and backlog,
    and what holds them longest.

    Both times are None for messages that would not be sent as things stand: they are
    paused, or held until somebody lifts it.
    """

    start_at: datetime | None
    end_at: datetime | None
    limited_by: str | None = None


class Change(Record, frozen=True, kw_only=True):
    """A job reached a final status, or returned to SCHEDULED by a retry."""

    job_id: str
    status: Status
    changed_at: datetime


class ChangeList(Record, frozen=True, kw_only=True):
    """Some changes in order; ask again after `cursor` for those that follow. An empty list
    means none has followed yet.
    """

    changes: tuple[Change, ...]
    cursor: str


class Event(Record, frozen=True, kw_only=True):
    """What the service POSTs to the application's events URL. `type` is
    `message.completed`, `ratelimit.exceeded` and so on.
    """

    event_id: str
    type: str
    timestamp: datetime
    job_id: str | None = None
    status: str | None = None
    error: str | None = None
    workspace_id: str | None = None
    channel: Channel | None = None
    contact_id: str | None = None
    campaign_id: str | None = None


class CallbackRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A callback as the application's HTTP server sees it; header names in lower case. The
    service's question whether a message was delivered is a GET without a body.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


class CallbackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the application answers to a callback."""

    status: int = 200
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b'{"success":true}'


class SendWindow(Record, frozen=True, kw_only=True):
    """When a workspace sends: from `start` to `end` ("HH:MM") on `days` (1 = Monday .. 7),
    the days it opens on. Over midnight where end <= start.

    `calendar.next_opening` and `calendar.is_open` read it.
    """

    start: str
    end: str
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)


class Workspace(Record, frozen=True, kw_only=True):
    """A workspace's settings. `limits` are messages a second (below 1: one every 1/limit
    s); a channel that is absent has its tier's.
    """

    workspace_id: str
    tier: str | None = None
    timezone: str | None = None
    limits: dict[Channel, float | None] = msgspec.field(default_factory=dict)
    callback_base_urls: dict[Channel, str | None] = msgspec.field(default_factory=dict)
    paused: dict[Channel, bool] = msgspec.field(default_factory=dict)
    events_url: str | None = None
    send_window: SendWindow | None = None


class WorkspaceList(Record, frozen=True, kw_only=True):
    """One page of workspaces; `next_cursor` is None on the last."""

    workspaces: tuple[Workspace, ...]
    next_cursor: str | None = None
