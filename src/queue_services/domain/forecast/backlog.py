"""When a backlog clears: the start of the last message that is due now, under today's limits,
holds, pauses and windows.

Called by `queue.forecasts` for the dashboard, the API, the CLI and the alerts, so that all of
them show the same figure.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from queue_services.domain.forecast.estimate import estimated_starts
from queue_services.domain.forecast.load import LaneLoad, Load, Wait
from queue_services.domain.message import FOREVER, Instant

MOST_FOLLOWED = 6
"""How many lanes of a channel are followed to their end: those that take longest by their own
limits, and the largest. Following all of them would cost a simulation a workspace.
"""


class Backlog(msgspec.Struct, frozen=True):
    """How many messages are due now and when the last of them starts. `clears_at` None: it does
    not clear as things stand, because of `stopped_by`.
    """

    count: int
    clears_at: Instant | None
    stopped_by: Wait | None = None


def slowest_lanes(lanes: dict[str, LaneLoad], limit: float) -> list[str]:
    """The workspaces whose lanes may be the last of a channel to clear; `limit` is the
    channel's, messages a second.
    """
    with_due = [name for name, lane in lanes.items() if lane.due]
    stopped = [name for name in with_due if _stop(lanes[name]) is not None][:1]

    def alone(name: str) -> float:
        lane = lanes[name]
        return lane.due * lane.size / min(lane.limit or limit, limit)

    by_time = sorted(with_due, key=alone, reverse=True)[:MOST_FOLLOWED]
    by_wait = sorted(with_due, key=lambda name: lanes[name].held_until, reverse=True)
    return list(dict.fromkeys([*stopped, *by_time, *by_wait[:MOST_FOLLOWED]]))


def backlog(count: int, now: Instant, loads: Iterable[Load]) -> Backlog:
    """The end of a backlog of `count` messages, by the loads of the lanes that may end last."""
    ends = [now]
    for load in loads:
        if not load.lane.due:
            continue
        stop = Wait.PAUSE if load.paused else _stop(load.lane)
        if stop is not None:
            return Backlog(count, None, stop)
        [last] = estimated_starts(load, [(now, load.lane.due - 1)])
        if last is None:
            return Backlog(count, None, Wait.WINDOW if load.lane.window else Wait.WORKSPACE_LIMIT)
        ends.append(last)
    return Backlog(count, max(ends))


def _stop(lane: LaneLoad) -> Wait | None:
    """What keeps a lane from ever sending, as things stand."""
    if lane.paused:
        return Wait.PAUSE
    return Wait.HOLD if lane.held_until >= FOREVER else None
