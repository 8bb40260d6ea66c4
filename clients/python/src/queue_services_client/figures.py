"""The service's figures as the client reads them: frozen structs, in Python's names. Used
by `calls` and `monitor`; `types` has the rest.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from queue_services_client.types import Channel, Record


class Exceedance(Record, frozen=True, kw_only=True):
    """A second in which a limit held messages back: `batch_size` were due."""

    timestamp: datetime
    batch_size: int
    error_message: str


class RateLimit(Record, frozen=True, kw_only=True):
    """How often a limit held messages back, and the newest times it did. `workspace_id` is
    set in lists.
    """

    count: int = 0
    last_exceeded: datetime | None = None
    details: tuple[Exceedance, ...] = ()
    workspace_id: str | None = None


class ChannelRateLimits(Record, frozen=True, kw_only=True):
    """A workspace's exceedances by channel."""

    sms: RateLimit = RateLimit()
    email: RateLimit = RateLimit()


class ChannelMetrics(Record, frozen=True, kw_only=True):
    """A channel's figures, the whole service's. `success_rate` in percent,
    `avg_processing_time` in ms a batch, `throughput` in messages a second.
    """

    total_processed: int
    batches_processed: int
    success_rate: float
    avg_processing_time: float
    throughput: float
    rate_exceeded_count: int
    last_processed_time: datetime | None = None
    workspace_rate_limits: tuple[RateLimit, ...] = ()


class Metrics(Record, frozen=True, kw_only=True):
    """The service's figures; `workspace_rate_limits` by workspace id, only those with an
    exceedance.
    """

    sms: ChannelMetrics
    email: ChannelMetrics
    timestamp: datetime
    workspace_rate_limits: dict[str, ChannelRateLimits] = msgspec.field(default_factory=dict)


class ChannelUse(RateLimit, frozen=True, kw_only=True):
    """A workspace's use of one channel. `utilization` (0-1) of `limit_per_second` over the
    last 10 s.
    """

    limit_per_second: float | None = None
    utilization: float = 0.0
    sent: int = 0
    failed: int = 0
    backlog: int = 0


class WorkspaceMetrics(Record, frozen=True, kw_only=True):
    """A workspace's figures; zeros for one the service has not seen."""

    workspace_id: str
    sms: ChannelUse
    email: ChannelUse
    timestamp: datetime
    tier: str | None = None

    @property
    def by_channel(self) -> dict[Channel, ChannelUse]:
        return {Channel.SMS: self.sms, Channel.EMAIL: self.email}


class MetricsPoint(Record, frozen=True, kw_only=True):
    """One step of the history, from `timestamp` on; lateness in milliseconds, None where
    nothing was sent.
    """

    timestamp: datetime
    sent: int
    failed: int
    exceeded: int
    average_lateness_ms: float | None = None


class MetricsHistory(Record, frozen=True, kw_only=True):
    """Figures over time, a point every `step_seconds`."""

    step_seconds: int
    points: tuple[MetricsPoint, ...]
