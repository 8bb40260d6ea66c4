"""Read the figures of the service and of its workspaces."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET

from queue_services_client import wire
from queue_services_client.call import Call
from queue_services_client.calls.building import get, post, segment
from queue_services_client.either import Caller, call
from queue_services_client.figures import Metrics, MetricsHistory, WorkspaceMetrics
from queue_services_client.types import ChannelName


class MetricsCalls(Caller):
    """The calls about figures."""

    @call
    def metrics(self) -> Call[Metrics]:
        """The service's figures since they were last reset."""
        return get("/api/metrics", Metrics)

    @call
    def workspace_metrics(self, workspace_id: str) -> Call[WorkspaceMetrics]:
        """A workspace's figures, limits and newest exceedances; zeros for one the service has
        not seen.
        """
        return get(
            f"/api/metrics/workspace/{segment(workspace_id, wire.WORKSPACE_ID)}", WorkspaceMetrics
        )

    @call
    def reset_metrics(
        self, *, channel: ChannelName | None = None, workspace_id: str | None = None
    ) -> Call[None]:
        """Count from zero again: of one channel or both, of one workspace or everywhere.
        History and jobs stay.
        """
        body = wire.members(type=channel or UNSET, workspace_id=workspace_id or UNSET)
        return post("/api/metrics/reset", lambda _: None, body, repeatable=True)

    @call
    def metrics_history(
        self,
        *,
        start: datetime,
        end: datetime,
        step_seconds: int = 60,
        channel: ChannelName | None = None,
        workspace_id: str | None = None,
    ) -> Call[MetricsHistory]:
        """What was sent, failed and exceeded from `start` to `end`, in steps of `step_seconds`."""
        query = wire.query(
            start=start,
            end=end,
            step_seconds=step_seconds,
            channel=channel,
            workspace_id=workspace_id,
        )
        return get("/api/metrics/history", MetricsHistory, query)
