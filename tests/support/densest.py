"""The densest second of what a receiver got: what every limit is measured by."""

from __future__ import annotations

from collections.abc import Iterable


def densest(times: Iterable[float], window: float = 1.0) -> int:
    """The most `times` that any half-open window of that length holds, wherever it begins;
    `times` in any order, in the unit of `window`.
    """
    ordered = sorted(times)
    most = first = 0
    for last, time in enumerate(ordered):
        while time - ordered[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most
