"""How a channel's slots divide between the lanes that have messages due: the rate of each,
as turns, limits and connections make it.

Called by `fluid_simulation` at every moment at which the answer changes. A fluid model of
`turns`, `limits` and `connections`: what they do message by message comes, over some seconds, to
these rates. Times are seconds, rates and levels count units: most messages have one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import cycle, islice
from math import ceil, inf

from queue_services.domain.limits import CATCH_UP, HORIZON, WINDOW, LimitLog, Reservation
from queue_services.domain.message import FOREVER, SECOND
from queue_services.domain.turns import quantum

MADE_UP = CATCH_UP / SECOND
# Rates are found to this share of the channel's limit.
PRECISION = 0.001
_MOST_STEPS = 60
# So many messages are tried against a limit's own rule to see what it gives to such as they are.
TRIED = 200


def spread(limit: float) -> float:
    """The rate that a limit's evenly spread slots come to: N in its window of 1.02 s."""
    return limit * SECOND / WINDOW


@lru_cache(1_000)
def fitting(limit: float, units: tuple[int, ...]) -> float:
    """How many units a second a limit gives to messages of such units in turn: what is left
    of a window is lost where the next does not fit into it.
    """
    if max(units) == 1:
        return spread(limit)
    reservation, slots, tried = (
        Reservation(LimitLog(), limit, 0, 0, FOREVER),
        [0],
        list(islice(cycle(units), TRIED)),
    )
    for size in tried:
        slots.append(reservation.next_slot(0, size) or slots[-1])
        reservation.take(slots[-1], size)
    return min(spread(limit), sum(tried[:-1]) * SECOND / max(1, slots[-1] - slots[1]))


class Stream:
    """Lanes that share alike: the same weight, limit and answer time. `active` of them have
    messages due; `rate` is what each of those gets.

    `turn_size` is how many units a lane takes when its turn comes: a quantum, or as many as its
    own limit has slots for by then, one message at least. `fastest` is its own limit's
    rate: `most` in each `refill` seconds. `answer` is how long a unit keeps its message's
    connection.
    """

    __slots__ = ("active", "answer", "fastest", "most", "rate", "refill", "turn_size")

    def __init__(
        self,
        channel_limit: float,
        weight: float,
        limit: float | None,
        answer: float,
        units: tuple[int, ...] = (1,),
    ) -> None:
        self.active = 0
        self.rate = 0.0
        self.answer = answer
        self.fastest = inf if limit is None or limit >= channel_limit else fitting(limit, units)
        self.most = (
            self.fastest / spread(limit) * max(1, int(limit))
            if limit and self.fastest < inf
            else 1.0
        )
        size = sum(units) / len(units)
        self.refill = self.most / self.fastest
        turn = quantum(weight, int(channel_limit * HORIZON / SECOND))
        ready = turn if self.fastest == inf else 1 + int(self.fastest * MADE_UP)
        self.turn_size = max(size, turn / ceil(turn / max(ready, size)))

    def rate_at(self, round_time: float, connections: float) -> float:
        """What a lane gets when a round of turns takes so long and its workspace may hold so
        many connections.

        A lane whose window is used up waits for its limit's next slot, and then in the round
        for its turn once more.
        """
        rate = self.turn_size / round_time if round_time else inf
        if self.fastest < inf:
            rate = min(rate, self.most / (self.refill + round_time))
        return min(rate, connections / self.answer) if self.answer else rate


def share(
    streams: Sequence[Stream], capacity: float, concurrency: float, guess: float = 0.0
) -> tuple[float, float]:
    """Set the `rate` of every stream; returns how long a round of turns takes (0: none waits
    for others) and how many connections a workspace may hold.

    `capacity` is the channel's rate, `guess` a round time that may be near. A workspace
    starts a message only while it holds fewer connections than are free: where answers are
    slow, that bound is found by false position (Illinois), between one and all.
    """
    round_time, held = _round_time(streams, capacity, concurrency, concurrency, guess)
    if max((stream.rate * stream.answer for stream in streams), default=0.0) <= max(
        1.0, concurrency - held
    ):
        return round_time, concurrency
    low, high = 1.0, concurrency
    above, below = concurrency, -held
    connections = low
    for _ in range(_MOST_STEPS):
        connections = (low * below - high * above) / (below - above)
        round_time, held = _round_time(streams, capacity, concurrency, connections, round_time)
        over = max(1.0, concurrency - held) - connections
        if abs(over) <= PRECISION * concurrency:
            break
        if over > 0:
            low, above, below = connections, over, below / 2
        else:
            high, below, above = connections, over, above / 2
    return round_time, connections


def _round_time(
    streams: Sequence[Stream],
    capacity: float,
    concurrency: float,
    connections: float,
    guess: float,
) -> tuple[float, float]:
    """The round time at which the lanes together use all slots or all connections, by
    Newton's method kept between bounds; and the connections used.

    It sets the rates. `connections` is what one workspace may hold.
    """
    low = 0.0
    high = max(
        sum(stream.active * stream.turn_size for stream in streams) / capacity,
        sum(stream.active * stream.turn_size * stream.answer for stream in streams) / concurrency,
    )
    use, held = _use(streams, 0.0, connections, capacity, concurrency)
    if use <= 1:
        return 0.0, held
    round_time = guess if low < guess < high else high
    for _ in range(_MOST_STEPS):
        use, held = _use(streams, round_time, connections, capacity, concurrency)
        if abs(use - 1) <= PRECISION:
            break
        low, high = (round_time, high) if use > 1 else (low, round_time)
        step = round_time * 0.999
        slope = (_use(streams, step, connections, capacity, concurrency)[0] - use) / (
            step - round_time
        )
        step = round_time - (use - 1) / slope if slope else low
        round_time = step if low < step < high else (low + high) / 2
    else:
        _, held = _use(streams, round_time, connections, capacity, concurrency)
    return round_time, held


def _use(
    streams: Sequence[Stream],
    round_time: float,
    connections: float,
    capacity: float,
    concurrency: float,
) -> tuple[float, float]:
    """Set the rates for a round time; the share of the slots or, where that is larger, of
    the connections that they use, and the connections.
    """
    sent = held = 0.0
    for stream in streams:
        stream.rate = rate = stream.rate_at(round_time, connections)
        rate *= stream.active
        sent += rate
        if stream.answer:
            held += rate * stream.answer
    return max(sent / capacity, held / concurrency), held
