"""What a limit's log costs: microseconds a call and bytes in the store, under a backlog.

python -m tests.domain.limit_cost
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from time import perf_counter

import msgspec

from queue_services.domain.limits import LimitLog, free, next_free
from tests.domain.reserving import reserve

from .limit_world import EPOCH

LEAD = 3_000


def best(log: LimitLog, call: Callable[[LimitLog], object]) -> float:
    """The quickest of 200 calls, in microseconds, each on a copy of the log."""
    quickest = float("inf")
    for _ in range(200):
        copy = deepcopy(log)
        started = perf_counter()
        call(copy)
        quickest = min(quickest, perf_counter() - started)
    return quickest * 1_000_000


def costs(rate: float, count: int) -> str:
    """The row of one limit: `count` slots reserved after three seconds of backlog."""
    log, now = LimitLog(), EPOCH
    for _ in range(60):
        reserve(log, rate, now, LEAD, [now] * 10_000)
        now += 50_000
    text, due = msgspec.json.encode(log), [now] * count
    reserving = best(log, lambda copy: reserve(copy, rate, now, LEAD, due))
    counting = best(log, lambda copy: free(copy, rate, now, LEAD))
    looking = best(log, lambda copy: next_free(copy, rate, now, LEAD))
    decoding = best(log, lambda _: msgspec.json.decode(text, type=LimitLog))
    return f"{rate:6}{count:7}{reserving:12.1f}{counting:9.1f}{looking:14.1f}{decoding:11.1f}{len(text):12}"


if __name__ == "__main__":
    print("   N/s  slots  reserve us  free us  next_free us  decode us  JSON bytes")
    for row in ((50, 5), (1000, 100), (100_000, 500)):
        print(costs(*row))
