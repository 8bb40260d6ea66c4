"""The other lanes of a channel, as a forecast of one of them sees them; of too many, some
stand for all.

Called where the lanes of many workspaces are foreseen at once, each beside all the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from queue_services.domain.forecast.load import LaneLoad

EVENTS = 40_000
"""So many waves and ends of lanes all forecasts of one call follow together."""
FEWEST_EVENTS = 40
WAVES = 3
"""So many waves of a lane are told apart where there are too many."""


class CompetingLanes:
    """The lanes of a channel by workspace, for so many forecasts."""

    def __init__(self, lanes: Mapping[str, LaneLoad], forecasts: int) -> None:
        most = max(FEWEST_EVENTS, EVENTS // max(1, forecasts))
        parts = [[name] for name in lanes]
        if sum(1 + len(lane.waves) for lane in lanes.values()) > most:
            parts = _parts(lanes, most // (1 + WAVES))
        waves = max(WAVES, most // max(1, len(parts)) - 1)
        self._lanes = [
            _standing(lanes[part[len(part) // 2]], sum(lanes[name].lanes for name in part), waves)
            for part in parts
        ]
        self._part_of = {name: number for number, part in enumerate(parts) for name in part}

    def of(self, workspace: str) -> list[LaneLoad]:
        """All lanes but the workspace's own."""
        number = self._part_of.get(workspace)
        if number is None:
            return self._lanes
        own = self._lanes[number]
        fewer = [msgspec.structs.replace(own, lanes=own.lanes - 1)] if own.lanes > 1 else []
        return [*self._lanes[:number], *fewer, *self._lanes[number + 1 :]]


def _parts(lanes: Mapping[str, LaneLoad], most: int) -> list[list[str]]:
    """The workspaces in about so many parts: those with the most waiting are a part each,
    of the others such as share alike, in order of their backlogs.
    """
    in_order = sorted(lanes, key=lambda name: lanes[name].backlog, reverse=True)
    few, many = in_order[: most // 2], in_order[most // 2 :]
    alike = defaultdict[object, list[str]](list)
    for name in many:
        lane = lanes[name]
        alike[
            lane.limit,
            lane.weight,
            lane.window,
            lane.zone,
            lane.paused,
            lane.lanes,
            round(lane.size),
        ].append(name)
    step = max(1, -(-2 * len(many) // most))
    return [[name] for name in few] + [
        names[first : first + step]
        for names in alike.values()
        for first in range(0, len(names), step)
    ]


def _standing(lane: LaneLoad, lanes: int, most: int) -> LaneLoad:
    """A lane that stands for as many, with so many waves at most."""
    return msgspec.structs.replace(lane, lanes=lanes, waves=_fewer(lane.waves, most))


def _fewer(waves: Sequence[tuple[int, int]], most: int) -> tuple[tuple[int, int], ...]:
    """Neighbouring waves as one, at the middle one's time."""
    step = max(1, -(-len(waves) // most))
    parts = (waves[first : first + step] for first in range(0, len(waves), step))
    return tuple((part[len(part) // 2][0], sum(count for _, count in part)) for part in parts)
