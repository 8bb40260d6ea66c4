"""Watches the rate limits of the busiest workspaces, tells the application, and may raise
limits of tiers it names. Run beside an application.

An exceedance is told once, when it is first seen; a workspace that is near a limit once,
until its use has fallen under 60% of it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from inspect import isawaitable
from typing import Literal, TypeAlias, TypeVar

import msgspec

from queue_services_client.call import Pause, Steps
from queue_services_client.calls import Calls
from queue_services_client.either import Awaiting, Blocking, Part, flow
from queue_services_client.figures import ChannelUse, WorkspaceMetrics
from queue_services_client.service import AsyncQueueService, QueueService
from queue_services_client.types import Channel

T = TypeVar("T")
S = TypeVar("S", bound=Calls)
NEAR, FAR = 0.8, 0.6
"""The shares of a limit from which a workspace is near it, and under which it no longer is."""
SORTS: tuple[Literal["exceeded", "sent"], ...] = ("exceeded", "sent")
"""Who is held back, and who sends most and so may be near."""
_log = logging.getLogger(__name__)


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace was held back by a channel's limit (`exceeded`) or is near it
    (`approaching`); `use` has the figures, limits in messages a second.
    """

    kind: Literal["exceeded", "approaching"]
    workspace_id: str
    channel: Channel
    tier: str | None
    use: ChannelUse


class Raise(msgspec.Struct, frozen=True, kw_only=True):
    """How far a tier's limit is raised when it is exceeded: by the factor `step`, to
    `maximum` messages a second at most.
    """

    maximum: int
    step: float = 1.25


OnAlert: TypeAlias = Callable[[Alert], Awaitable[object] | object]


class MonitorCalls(Part[S]):
    """What both monitors do. `busiest` is how many workspaces are looked at by exceedances,
    and as many by messages sent.

    `on_exceeded` and `on_approaching` are called with an Alert (and awaited by AsyncMonitor
    where they can be). `raise_limits` names the tiers whose workspaces get a higher limit
    when they exceed theirs; it needs an administrator's key.
    """

    def __init__(
        self,
        service: S,
        *,
        on_exceeded: OnAlert | None = None,
        on_approaching: OnAlert | None = None,
        raise_limits: Mapping[str, Raise] | None = None,
        busiest: int = 50,
    ) -> None:
        super().__init__(service)
        self._callbacks = {"exceeded": on_exceeded, "approaching": on_approaching}
        self._raise_limits, self._busiest = raise_limits or {}, busiest
        self._told: dict[tuple[str, Channel], datetime] = {}
        self._near: set[tuple[str, Channel]] = set()

    @flow
    def check(self) -> Steps[list[Alert]]:
        """Look at the busiest workspaces once. Returns the alerts that were told. Raises a
        QueueServiceError, and what a callback raises.
        """
        found: dict[str, None] = {}
        for sort in SORTS:
            page = yield from Calls.workspace_page.steps(
                self._service, sort=sort, limit=self._busiest
            )
            found |= dict.fromkeys(workspace.workspace_id for workspace in page.workspaces)
        alerts: list[Alert] = []
        for workspace_id in found:
            alerts += yield from MonitorCalls.check_workspace.steps(self, workspace_id)
        return alerts

    @flow
    def check_workspace(self, workspace_id: str) -> Steps[list[Alert]]:
        """Look at one workspace once. Returns and raises as `check`."""
        metrics = yield from Calls.workspace_metrics.steps(self._service, workspace_id)
        alerts = [
            alert
            for channel, use in metrics.by_channel.items()
            if (alert := self._alert(metrics, channel, use))
        ]
        for alert in alerts:
            callback = self._callbacks[alert.kind]
            outcome = None if callback is None else callback(alert)
            if isawaitable(outcome):
                yield outcome
            if (limit := self._higher_limit(alert)) is not None:
                yield from Calls.change_workspace.steps(
                    self._service, workspace_id, limits={alert.channel: limit}
                )
        return alerts

    @flow
    def run_every(self, minutes: float = 10) -> Steps[None]:
        """Check, wait, and so on for ever: in a thread of its own, or as a task that ends when
        it is cancelled. What goes wrong is logged.
        """
        while True:
            try:
                yield from MonitorCalls.check.steps(self)
            except Exception:  # noqa: BLE001
                _log.exception(
                    "Rate limits could not be checked; the next check is in %g minutes.", minutes
                )
            yield Pause(minutes * 60)

    def _alert(self, metrics: WorkspaceMetrics, channel: Channel, use: ChannelUse) -> Alert | None:
        """What is new since the last look, and remember it."""
        place = (metrics.workspace_id, channel)
        exceeded = use.last_exceeded is not None and use.last_exceeded != self._told.get(place)
        approaching = use.utilization >= NEAR and place not in self._near
        if use.last_exceeded:
            self._told[place] = use.last_exceeded
        if approaching:
            self._near.add(place)
        elif use.utilization < FAR:
            self._near.discard(place)
        if not exceeded and not approaching:
            return None
        return Alert(
            kind="exceeded" if exceeded else "approaching",
            workspace_id=metrics.workspace_id,
            channel=channel,
            tier=metrics.tier,
            use=use,
        )

    def _higher_limit(self, alert: Alert) -> int | None:
        rule = self._raise_limits.get(alert.tier or "")
        limit = alert.use.limit_per_second
        if rule is None or limit is None or limit < 1 or alert.kind != "exceeded":
            return None
        higher = min(rule.maximum, max(math.floor(limit * rule.step), math.floor(limit) + 1))
        return higher if higher > limit else None


class Monitor(MonitorCalls[QueueService], Blocking):
    """Watches through a QueueService.

    >>> monitor = Monitor(service, on_exceeded=lambda alert: print(alert.workspace_id,
    ...     alert.use.count), raise_limits={"premium": Raise(maximum=200)})
    >>> monitor.check()
    []
    """

    def run(self, steps: Steps[T]) -> T:
        return self._service.run(steps)


class AsyncMonitor(MonitorCalls[AsyncQueueService], Awaiting):
    """`Monitor` through an AsyncQueueService: the same calls, each awaited; callbacks may
    be coroutine functions.
    """

    async def run(self, steps: Steps[T]) -> T:
        return await self._service.run(steps)
