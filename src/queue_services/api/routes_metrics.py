"""Figures: the service's, a workspace's, their reset and history, and what Prometheus
reads. A workspace's key sees and resets its own alone.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from queue_services.api import prometheus
from queue_services.api import render_metrics as render
from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.domain.message import Channel, Instant
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import exposition as monitoring
from queue_services.queue import figures
from queue_services.queue import history as past
from queue_services.queue.tallies import ALL
from queue_services.web import bodies as reading
from queue_services.wire import answers, bodies, times
from queue_services.wire import metrics as wire
from queue_services.wire.intake import Faults, workspace_of


async def get_metrics(incoming: Incoming) -> wire.MetricsAnswer:
    """GET /api/metrics."""
    found = await figures.service_figures.run(incoming.services.database, incoming.caller.workspace)
    return render.service(found, incoming.now)


async def get_workspace_metrics(incoming: Incoming) -> wire.WorkspaceMetricsAnswer:
    """GET /api/metrics/workspace/{workspaceId}."""
    if len(incoming.name) > bodies.LONGEST_ID:
        raise InvalidRequest(
            Fault(answers.WORKSPACE, f"must be text of 1-{bodies.LONGEST_ID} characters")
        )
    name = incoming.caller.only(incoming.name)
    used = await figures.workspace_use.run(
        incoming.services.database, name, incoming.services.limits, incoming.now
    )
    return render.workspace(name, used, incoming.now)


async def reset_metrics(incoming: Incoming) -> wire.ResetAnswer:
    """POST /api/metrics/reset."""
    body, faults = incoming.body, Faults()
    workspace = (
        None
        if body.workspace_id is None
        else faults.unless(answers.WORKSPACE, workspace_of, body.workspace_id)
    )
    if faults:
        raise InvalidRequest(*faults)
    workspace, channel = (
        incoming.caller.within(workspace),
        Channel(body.type) if body.type else None,
    )
    await figures.reset.run(
        incoming.services.database,
        ALL if workspace is None else workspace,
        list(Channel) if channel is None else [channel],
        incoming.now,
    )
    return render.reset(channel, workspace)


async def get_metrics_history(incoming: Incoming) -> wire.HistoryAnswer:
    """GET /api/metrics/history."""
    query, faults = incoming.query, Faults()
    begin, end = (
        _instant(name, given, faults) for name, given in (("from", query.begin), ("to", query.end))
    )
    if faults:
        raise InvalidRequest(*faults)
    workspace = incoming.caller.within(None if query.workspace_id is UNSET else query.workspace_id)
    channels = list(Channel) if query.channel is UNSET else [Channel(query.channel)]
    seconds = None if query.step_seconds is UNSET else query.step_seconds
    found = await past.between.run(
        incoming.services.database,
        workspace,
        channels,
        incoming.now,
        begin=begin,
        end=end,
        seconds=seconds,
    )
    return render.history(found)


async def get_prometheus_metrics(incoming: Incoming) -> str:
    """GET /metrics."""
    found = await monitoring.read.run(incoming.services.database, monitoring.BUSIEST, incoming.now)
    return prometheus.text(found)


def _instant(name: str, given: str | UnsetType, faults: Faults) -> Instant | None:
    return (
        None if given is UNSET else faults.unless(name, times.instant, given.replace(" ", "+"))
    )  # a plus sign that the caller forgot to encode


CALLS = [
    Call(
        "GET",
        "/api/metrics",
        get_metrics,
        "The figures since the last reset",
        wire.MetricsAnswer,
        query=bodies.NoQuery,
        tag="Metrics",
    ),
    Call(
        "GET",
        "/api/metrics/workspace/{workspaceId}",
        get_workspace_metrics,
        "A workspace's figures, limits and newest exceedances",
        wire.WorkspaceMetricsAnswer,
        query=bodies.NoQuery,
        tag="Metrics",
    ),
    Call(
        "POST",
        "/api/metrics/reset",
        reset_metrics,
        "Count the figures from now on; history and jobs stay",
        wire.ResetAnswer,
        scope=Scope.MANAGE,
        query=bodies.NoQuery,
        body=wire.ResetBody,
        reads=reading.NONE,
        tag="Metrics",
        audited="reset figures",
    ),
    Call(
        "GET",
        "/api/metrics/history",
        get_metrics_history,
        "What was sent, failed and exceeded, over time",
        wire.HistoryAnswer,
        query=wire.HistoryQuery,
        tag="Metrics",
    ),
    Call(
        "GET",
        "/metrics",
        get_prometheus_metrics,
        "Every figure as Prometheus reads it",
        str,
        scope=Scope.ADMIN,
        media_type=prometheus.MEDIA_TYPE,
        tag="Metrics",
    ),
]
