"""What a daily quota makes of messages that fall due: what is over a day's waits for the
next one, behind what waits there already.

Called by `estimate` and `fluid_simulation`. Days are those of the workspace's zone.
"""

from __future__ import annotations

from collections.abc import Iterable

from queue_services.domain.calendar import DAY, day_bounds
from queue_services.domain.forecast.load import LaneLoad
from queue_services.domain.message import Instant

Waves = list[tuple[Instant, int]]


def over_days(
    lane: LaneLoad, now: Instant, waves: Iterable[tuple[Instant, int]], most_days: int
) -> Waves:
    """When a lane's messages (when due, how many, in order) may go; what is left after
    `most_days` days goes on the last of them.
    """
    if lane.quota is None:
        return list(waves)
    earliest, left, ends, last = (
        now,
        lane.left_today,
        day_bounds(lane.zone, now)[1],
        now + most_days * DAY,
    )
    allowed: Waves = []
    for due, count in waves:
        at, waiting = max(due, earliest), count
        while waiting:
            if at >= ends:
                earliest, left, ends = at, lane.quota, day_bounds(lane.zone, at)[1]
            go = waiting if ends > last else min(waiting, left)
            if go:
                allowed.append((at, go))
            waiting, left = waiting - go, left - go
            if waiting:
                at = ends
    return allowed
