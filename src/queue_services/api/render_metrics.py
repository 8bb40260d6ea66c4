"""How figures are shown: from what the service returns to the wire's answers. Called by the
routes; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from queue_services.domain.figures import Figures
from queue_services.domain.message import Channel, Instant
from queue_services.queue.figures import Exceeded, ServiceFigures, Use, WorkspaceUse
from queue_services.queue.history import History
from queue_services.wire import metrics as wire
from queue_services.wire.times import optional_rfc3339, rfc3339


def service(found: ServiceFigures, now: Instant) -> wire.MetricsAnswer:
    """The service's figures."""
    ranking = found.ranking
    limits = {
        workspace: wire.RateLimits(
            **{channel.value: _rate_limit(by_channel.get(channel)) for channel in Channel}
        )
        for workspace, by_channel in ranking.by_workspace.items()
    }
    sms, email = (
        _channel(found.channels[channel], ranking.by_channel[channel])
        for channel in (Channel.SMS, Channel.EMAIL)
    )
    return wire.MetricsAnswer(
        sms=sms, email=email, workspace_rate_limits=limits, timestamp=rfc3339(now)
    )


def workspace(name: str, found: WorkspaceUse, now: Instant) -> wire.WorkspaceMetricsAnswer:
    """A workspace's figures."""
    sms, email = (_use(found.channels[channel]) for channel in (Channel.SMS, Channel.EMAIL))
    return wire.WorkspaceMetricsAnswer(
        workspace_id=name, sms=sms, email=email, tier=found.tier, timestamp=rfc3339(now)
    )


def reset(channel: Channel | None, workspace: str | None) -> wire.ResetAnswer:
    """What was reset."""
    what = {None: "SMS and email", Channel.SMS: "SMS", Channel.EMAIL: "email"}[channel]
    whose = (
        "of the service and every workspace"
        if workspace is None
        else f"of the workspace {workspace}"
    )
    return wire.ResetAnswer(message=f"The {what} metrics {whose} count from now on.")


def history(found: History) -> wire.HistoryAnswer:
    """A series of points."""
    points = [
        wire.HistoryPoint(
            timestamp=rfc3339(point.at),
            sent=point.sent,
            failed=point.failed,
            exceeded=point.exceeded,
            average_lateness_ms=None
            if point.lateness is None
            else round(point.lateness / 1_000, 3),
        )
        for point in found.points
    ]
    return wire.HistoryAnswer(step_seconds=found.step, points=points)


def _channel(figures: Figures, worst: Iterable[Exceeded]) -> wire.ChannelMetrics:
    return wire.ChannelMetrics(
        total_processed=figures.processed,
        batches_processed=figures.batches,
        success_rate=figures.success_rate,
        avg_processing_time=figures.processing_time,
        throughput=figures.throughput,
        rate_exceeded_count=figures.exceeded,
        last_processed_time=optional_rfc3339(figures.last_at),
        workspace_rate_limits=[
            wire.RateLimitOfWorkspace(workspace_id=exceeded.workspace, **_members(exceeded))
            for exceeded in worst
        ],
    )


def _use(use: Use) -> wire.ChannelUse:
    limit = int(use.limit) if float(use.limit).is_integer() else use.limit
    return wire.ChannelUse(
        **_members(use.exceeded),
        limit_per_second=limit,
        utilization=use.utilization,
        sent=use.sent,
        failed=use.failed,
        backlog=use.backlog,
    )


def _rate_limit(exceeded: Exceeded | None) -> wire.RateLimit:
    return wire.RateLimit(**_members(exceeded)) if exceeded else wire.RateLimit()


def _members(exceeded: Exceeded) -> dict[str, Any]:
    details = [
        wire.Exceedance(rfc3339(entry.at), entry.due, entry.message) for entry in exceeded.details
    ]
    return {
        "count": exceeded.count,
        "last_exceeded": optional_rfc3339(exceeded.last_at),
        "details": details,
    }
