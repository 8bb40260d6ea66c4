"""The fake service's figures and workspace settings. Used by `routes`.

Exceedances and use are what a test says they are (`exceed`, `use`), as nothing is limited here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from queue_services_client import wire
from queue_services_client.errors import Fault, ValidationFailed
from queue_services_client.figures import (
    ChannelMetrics,
    ChannelRateLimits,
    ChannelUse,
    Exceedance,
    Metrics,
    RateLimit,
    WorkspaceMetrics,
)
from queue_services_client.testing.held import Held, counts
from queue_services_client.testing.queue import FakeQueue
from queue_services_client.types import Channel, Forecast, Status, Workspace

LIMITS = {Channel.SMS: 50.0, Channel.EMAIL: 100.0}
DETAILS = 50


class FakeFigures:
    """Counts what the queue holds, and keeps what is set for each workspace."""

    def __init__(self, queue: FakeQueue) -> None:
        self._queue = queue
        self._settings: dict[str, Workspace] = {}
        self._exceeded: dict[tuple[str, Channel], list[Exceedance]] = defaultdict(list)
        self._utilization: dict[tuple[str, Channel], float] = {}

    def exceed(self, workspace_id: str, channel: Channel, due: int) -> None:
        """Count an exceedance now: `due` messages were due."""
        limit = self._limit(workspace_id, channel)
        found = Exceedance(
            timestamp=self._queue.clock.now(),
            batch_size=due,
            error_message=f"Rate limit exceeded: {limit:g} per second",
        )
        self._exceeded[workspace_id, channel].insert(0, found)
        self._settings.setdefault(workspace_id, Workspace(workspace_id=workspace_id))

    def use(self, workspace_id: str, channel: Channel, utilization: float) -> None:
        """Let the workspace use that share (0-1) of its limit from now on."""
        self._utilization[workspace_id, channel] = utilization
        self._settings.setdefault(workspace_id, Workspace(workspace_id=workspace_id))

    def reset(self, channel: Channel | None, workspace_id: str | None) -> None:
        for place in list(self._exceeded):
            if workspace_id in {None, place[0]} and channel in {None, place[1]}:
                del self._exceeded[place]

    def metrics(self) -> Metrics:
        exceeded = sorted({workspace for workspace, _ in self._exceeded})
        by_workspace = {
            workspace: ChannelRateLimits(
                **{
                    channel: self._rate_limit(workspace, channel)
                    for channel in Channel
                    if (workspace, channel) in self._exceeded
                }
            )
            for workspace in exceeded
        }
        sms, email = (self._channel(channel) for channel in Channel)
        return Metrics(
            sms=sms,
            email=email,
            timestamp=self._queue.clock.now(),
            workspace_rate_limits=by_workspace,
        )

    def workspace_metrics(self, workspace_id: str) -> WorkspaceMetrics:
        sms, email = (self._use(workspace_id, channel) for channel in Channel)
        tier = self.workspace(workspace_id).tier
        return WorkspaceMetrics(
            workspace_id=workspace_id,
            sms=sms,
            email=email,
            tier=tier,
            timestamp=self._queue.clock.now(),
        )

    def forecast(self, channel: Channel, count: int, scheduled_for: datetime | None) -> Forecast:
        """As if nothing else waited: `count` messages at the channel's limit."""
        start = max(self._queue.clock.now(), scheduled_for or self._queue.clock.now())
        return Forecast(
            start_at=start,
            end_at=start + timedelta(seconds=count / LIMITS[channel]),
            limited_by=wire.camel("service_limit"),
        )

    def workspaces(self, sort: str) -> list[Workspace]:
        seen = {held.message.workspace_id for held in self._queue.held.values()} | set(
            self._settings
        )

        def weight(workspace_id: str) -> int:
            uses = self.workspace_metrics(workspace_id).by_channel.values()
            return sum(
                {"sent": use.sent, "backlog": use.backlog, "exceeded": use.count}[sort]
                for use in uses
            )

        return [
            self.workspace(workspace_id)
            for workspace_id in sorted(seen, key=lambda one: (-weight(one), one))
        ]

    def workspace(self, workspace_id: str) -> Workspace:
        return self._settings.get(workspace_id) or Workspace(
            workspace_id=workspace_id, tier="standard"
        )

    def change(self, workspace_id: str, members: Mapping[str, Any]) -> Workspace:
        """Set the members given; objects by channel are merged, None clears. Raises
        ValidationFailed for a member or value that is none.
        """
        unknown = [
            Fault(name, "there is no such member")
            for name in members
            if name not in wire.WORKSPACE_MEMBERS
        ]
        if unknown:
            raise ValidationFailed.of(*unknown)
        before = msgspec.to_builtins(self.workspace(workspace_id))
        merged = {
            name: {**before[name], **value}
            if isinstance(value, Mapping) and name in wire.BY_CHANNEL
            else value
            for name, value in members.items()
        }
        cleared = {
            name: {} if value is None and name in wire.BY_CHANNEL else value
            for name, value in merged.items()
        }
        try:
            self._settings[workspace_id] = msgspec.convert({**before, **cleared}, Workspace)
        except msgspec.ValidationError as error:
            raise ValidationFailed.of(Fault(", ".join(members), str(error))) from error
        return self._settings[workspace_id]

    def _channel(self, channel: Channel) -> ChannelMetrics:
        ended = counts(
            [held for held in self._queue.held.values() if held.message.channel is channel]
        )
        completed, failed = ended[Status.COMPLETED], ended[Status.FAILED]
        places = [place for place in self._exceeded if place[1] is channel]
        limits = [
            msgspec.structs.replace(self._rate_limit(*place), workspace_id=place[0])
            for place in places
        ]
        return ChannelMetrics(
            total_processed=completed + failed,
            batches_processed=completed + failed,
            success_rate=100 * completed / (completed + failed) if completed + failed else 0.0,
            avg_processing_time=0.0,
            throughput=0.0,
            rate_exceeded_count=sum(limit.count for limit in limits),
            last_processed_time=_latest(self._queue.held.values(), channel),
            workspace_rate_limits=tuple(sorted(limits, key=lambda limit: -limit.count)),
        )

    def _use(self, workspace_id: str, channel: Channel) -> ChannelUse:
        found = counts(
            [
                held
                for held in self._queue.held.values()
                if (held.message.workspace_id, held.message.channel) == (workspace_id, channel)
            ]
        )
        limit = self._rate_limit(workspace_id, channel)
        return ChannelUse(
            count=limit.count,
            last_exceeded=limit.last_exceeded,
            details=limit.details,
            limit_per_second=self._limit(workspace_id, channel),
            utilization=self._utilization.get((workspace_id, channel), 0.0),
            sent=found[Status.COMPLETED],
            failed=found[Status.FAILED],
            backlog=found[Status.SCHEDULED],
        )

    def _rate_limit(self, workspace_id: str, channel: Channel) -> RateLimit:
        found = self._exceeded.get((workspace_id, channel), [])
        return RateLimit(
            count=len(found),
            last_exceeded=found[0].timestamp if found else None,
            details=tuple(found[:DETAILS]),
        )

    def _limit(self, workspace_id: str, channel: Channel) -> float:
        return self.workspace(workspace_id).limits.get(channel) or LIMITS[channel]


def _latest(held: Iterable[Held], channel: Channel) -> datetime | None:
    return max(
        (one.finished_at for one in held if one.message.channel is channel and one.finished_at),
        default=None,
    )
