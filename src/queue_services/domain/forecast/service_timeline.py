"""The service of one lane over time: how many of its messages' units were served by when,
and what it waited for meanwhile.

Written by `fluid_simulation`, read by `estimate`. Between two points it was served evenly.
Times are seconds after the load's `now`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import ceil

from queue_services.domain.forecast.load import Wait

# What floating point may leave of a message.
NOTHING = 1e-6


class ServiceTimeline:
    """What was served of the lane over time: `levels[i]` units by `times[i]`, and until
    `times[i + 1]` it waited for `waits[i]`.
    """

    def __init__(self, turn_size: float, capacity: float, size: float = 1.0) -> None:
        self.times = [0.0]
        self.levels = [0.0]
        self.waits: list[Wait] = []
        self._begins = [0.0]
        self._turn_size, self._capacity, self._size = turn_size, capacity, size

    def begin(self, level: float) -> None:
        """The lane, which had nothing due, has again: a new row of turns."""
        if level > self._begins[-1]:
            self._begins.append(level)

    def add(self, time: float, level: float, wait: Wait) -> None:
        self.times.append(time)
        self.levels.append(level)
        self.waits.append(wait)

    def turn_end(self, number: float) -> float:
        """The level at which the turn ends that takes the lane's unit `number`, counted from 1."""
        begin = self._begins[bisect_right(self._begins, number - 1) - 1]
        return begin + ceil((number - begin) / self._turn_size - NOTHING) * self._turn_size

    def start_of(self, number: int) -> float | None:
        """When the lane's message `number` starts; None where it never does.

        Where lanes take turns, a turn's messages go one after another at the channel's rate,
        once the others had theirs.
        """
        level = (number - 1) * self._size
        at = bisect_right(self.levels, level)
        if at == len(self.levels):
            return None
        start = self._when(at, level)
        if self.waits[at - 1] in {Wait.TURN, Wait.SERVICE_LIMIT}:
            end = self.turn_end(level + 1)
            reached = self._reached(level + 1, end)
            if reached is not None:
                start = max(start, reached - (end - level) / self._capacity)
        return start

    def longest_wait(self, begin: float, end: float) -> Wait | None:
        """What the lane waited for most of the time from `begin` to `end`; None for no time."""
        spent: dict[Wait, float] = {}
        for at, wait in enumerate(self.waits):
            lasted = min(end, self.times[at + 1]) - max(begin, self.times[at])
            if lasted > 0:
                spent[wait] = spent.get(wait, 0.0) + lasted
        return max(spent, key=spent.__getitem__, default=None)

    def _reached(self, number: float, end: float) -> float | None:
        """When the turn of a message reaches its end; where the lane had nothing due before
        that, when it would have at the rate that it had.
        """
        following = bisect_right(self._begins, number - 1)
        last = min(end, self._begins[following]) if following < len(self._begins) else end
        at = bisect_left(self.levels, last - NOTHING)
        if at == len(self.levels):
            return None
        rate = (
            (self.levels[at] - self.levels[at - 1]) / (self.times[at] - self.times[at - 1])
            if at and self.times[at] > self.times[at - 1]
            else 0
        )
        return self._when(at, last) + ((end - last) / rate if rate else 0)

    def _when(self, at: int, level: float) -> float:
        """When `level` was reached, between the points `at - 1` and `at`."""
        low, high = self.levels[at - 1], self.levels[at]
        share = min(1.0, (level - low) / (high - low)) if high > low else 1.0
        return self.times[at - 1] + share * (self.times[at] - self.times[at - 1])
