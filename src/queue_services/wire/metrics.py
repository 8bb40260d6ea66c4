"""The shapes of metrics on the wire: bodies, queries and answers. What the figures mean is
in docs/metrics.md.

A description completes the sentence "FIELD must be ..." in a fault. Filled in by
`api.render_metrics`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queue_services.wire.answers import Answer, Time
from queue_services.wire.bodies import Id, WorkspaceId

STEP_SECONDS = "stepSeconds"
"""As faults name it."""
ChannelName = Literal["sms", "email"]
Instant = Annotated[
    str, Meta(extra_json_schema={"format": "date-time"}, description="a time with an offset")
]


class ResetBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to count anew: one channel or both, one workspace or the service and every workspace."""

    type: Annotated[ChannelName | None, Meta(description="`sms` or `email`")] = None
    workspace_id: Annotated[
        WorkspaceId | None,
        Meta(description="text of 1-255 characters, or an integer of as many digits"),
    ] = None


class HistoryQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Of which channel and workspace (both channels, the whole service), from when
    (inclusive, a day before `to`) to when (exclusive, now).
    """

    channel: Annotated[ChannelName | UnsetType, Meta(description="`sms` or `email`")] = UNSET
    workspace_id: Id | UnsetType = UNSET
    begin: Instant | UnsetType = msgspec.field(default=UNSET, name="from")
    end: Instant | UnsetType = msgspec.field(default=UNSET, name="to")
    step_seconds: (
        Annotated[
            int, Meta(ge=1, le=100_000_000, description="a whole number of seconds, 1 or more")
        ]
        | UnsetType
    ) = UNSET


class Exceedance(msgspec.Struct, rename="camel"):
    """A limit had no room for messages that were due: `batchSize` of them."""

    timestamp: Time
    batch_size: int
    error_message: str


class RateLimit(msgspec.Struct, rename="camel", kw_only=True):
    """How often a workspace was over a limit of a channel, when last, and the newest times
    it was, newest first.
    """

    count: int = 0
    last_exceeded: Time | None = None
    details: list[Exceedance] = []


class RateLimitOfWorkspace(RateLimit, kw_only=True):
    """The same, of the workspace that it names."""

    workspace_id: str


class RateLimits(msgspec.Struct):
    """By channel."""

    sms: RateLimit
    email: RateLimit


class ChannelMetrics(msgspec.Struct, rename="camel", kw_only=True):
    """A channel's figures since the last reset."""

    total_processed: int
    batches_processed: int
    success_rate: Annotated[float, Meta(description="percent of `totalProcessed`")]
    avg_processing_time: Annotated[float, Meta(description="milliseconds a batch")]
    throughput: Annotated[
        float, Meta(description="messages a second, in the newest minute in which any ended")
    ]
    rate_exceeded_count: int
    last_processed_time: Time | None
    workspace_rate_limits: list[RateLimitOfWorkspace]


class MetricsAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """The service's figures; with a workspace's key, that workspace's. Workspaces are those
    that were over a limit, worst first.
    """

    sms: ChannelMetrics
    email: ChannelMetrics
    workspace_rate_limits: dict[str, RateLimits]
    timestamp: Time


class ChannelUse(RateLimit, kw_only=True):
    """A workspace's limit of a channel, the share of it (0-1) that the last ten seconds
    used, and its messages.
    """

    limit_per_second: float
    utilization: float
    sent: int
    failed: int
    backlog: int


class WorkspaceMetricsAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """A workspace's figures; zeros for one that nobody has seen."""

    workspace_id: str
    sms: ChannelUse
    email: ChannelUse
    tier: str
    timestamp: Time


class ResetAnswer(Answer, kw_only=True):
    """What was reset, in words."""

    message: str


class HistoryPoint(msgspec.Struct, rename="camel", kw_only=True):
    """What happened in one step, from `timestamp` on; no lateness where nothing started."""

    timestamp: Time
    sent: int
    failed: int
    exceeded: int
    average_lateness_ms: float | None


class HistoryAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """A point every `stepSeconds`: those asked for, raised to what is still kept of that time."""

    step_seconds: int
    points: list[HistoryPoint]
