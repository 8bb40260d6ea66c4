"""How a channel's slots divide between the lanes that have messages due: the rate of each, as turns, limits and connections make it.

Called by `drain` at every moment at which the answer changes. A fluid picture of `turns`, `limits` and `connections`: what they do message by message
comes, over some seconds, to these rates. Times are seconds, rates are messages a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf

from queue_services.domain.limits import CATCH_UP, HORIZON, WINDOW
from queue_services.domain.message import SECOND
from queue_services.domain.turns import quantum

MADE_UP = CATCH_UP / SECOND
# Rates are found to this share of the channel's limit.
PRECISION = 0.001
_MOST_STEPS = 60


def spread(limit: float) -> float:
    """The rate that a limit's evenly spread slots come to: N in its window of 1.02 s."""
    return limit * SECOND / WINDOW


class Kind:
    """Lanes that share alike: the same weight, limit and answer time. `active` of them have messages due; `rate` is what each of those gets.

    `visit` is how many messages a lane takes when its turn comes: a quantum, or as many as its own limit has slots for by then. `fastest` is its own
    limit's rate, of which `most` in each `refill` seconds. `answer` is how long a message keeps its connection.
    """

    __slots__ = ("active", "answer", "fastest", "most", "rate", "refill", "visit")

    def __init__(self, channel_limit: float, weight: float, limit: float | None, answer: float) -> None:
        self.active = 0
        self.rate = 0.0
        self.answer = answer
        self.fastest = inf if limit is None or limit >= channel_limit else spread(limit)
        self.most = max(1, int(limit)) if limit and self.fastest < inf else 1
        self.refill = self.most / self.fastest
        turn = quantum(weight, int(channel_limit * HORIZON / SECOND))
        ready = turn if self.fastest == inf else 1 + int(self.fastest * MADE_UP)
        self.visit = turn / ceil(turn / ready)

    def rate_at(self, round_time: float, connections: float) -> float:
        """What a lane gets when a round of turns takes so long and its workspace may hold so many connections.

        A lane that waits for its own limit's slot joins the round when that slot comes and waits for the others once more. Its limit makes up 250 ms
        of that wait, not what is longer; and nothing of it once a window's slots are used up.
        """
        if self.fastest == inf:
            rate = self.visit / round_time if round_time else inf
        else:
            own = self.visit / self.fastest
            rate = min(self.visit / max(own, round_time, round_time + own - MADE_UP), self.most / (self.refill + round_time))
        return min(rate, connections / self.answer) if self.answer else rate


def share(kinds: Sequence[Kind], capacity: float, concurrency: float, guess: float = 0.0) -> tuple[float, float]:
    """Set the `rate` of every kind; returns how long a round of turns takes (0: there are slots for all) and how many connections a workspace may hold.

    `capacity` is the channel's rate, `guess` a round time that may be near. A workspace holds no more connections than are free: where answers are slow,
    that bound is found first.
    """
    round_time = _round_time(kinds, capacity, concurrency, guess)
    held = sum(kind.active * kind.rate * kind.answer for kind in kinds)
    if not held or max(kind.rate * kind.answer for kind in kinds) <= concurrency - held:
        return round_time, concurrency
    low, high = 0.0, concurrency
    while high - low > PRECISION * concurrency:
        middle = (low + high) / 2
        round_time = _round_time(kinds, capacity, middle, round_time)
        free = concurrency - sum(kind.active * kind.rate * kind.answer for kind in kinds)
        low, high = (middle, high) if free > middle else (low, middle)
    return round_time, high


def _round_time(kinds: Sequence[Kind], capacity: float, connections: float, guess: float) -> float:
    """The round time at which the lanes together use `capacity`, by Newton's method kept between bounds; sets the rates."""
    longest = sum(kind.active * kind.visit for kind in kinds) / capacity
    if _total(kinds, 0.0, connections) <= capacity:
        return 0.0
    low, high = 0.0, longest
    round_time = guess if low < guess < high else high
    for _ in range(_MOST_STEPS):
        over = _total(kinds, round_time, connections) - capacity
        if abs(over) <= PRECISION * capacity:
            break
        low, high = (round_time, high) if over > 0 else (low, round_time)
        nearby = round_time * 0.999
        slope = (_total(kinds, nearby, connections) - capacity - over) / (nearby - round_time)
        step = round_time - over / slope if slope else low
        round_time = step if low < step < high else (low + high) / 2
    _total(kinds, round_time, connections)
    return round_time


def _total(kinds: Sequence[Kind], round_time: float, connections: float) -> float:
    total = 0.0
    for kind in kinds:
        kind.rate = kind.rate_at(round_time, connections)
        total += kind.active * kind.rate
    return total
