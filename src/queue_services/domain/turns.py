"""Turns between lanes: how many of the free slots each waiting lane takes in one pass, and
which slots are kept for due `high` messages.

Called by the claiming flow with the lanes it has locked, in `ready_at` order. Deficit round
robin (Shreedhar and Varghese, 1995): a turn is a quantum of messages by the lane's weight;
a lane cut short by missing slots keeps its place and the rest of its quantum, one that used
it goes behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import msgspec

# A turn of weight 1: fewer, and a claim of a lane brings less than it costs; more, and
# turns at 50/s take over 80 ms each.
SMALLEST_QUANTUM = 4
# So many turns of weight 1 use up the free slots of any pass: without it, a pass at
# 100,000/s would have to lock 2,500 lanes.
TURNS_A_PASS = 64
HIGH_EVERY = 4


class Turn(msgspec.Struct, frozen=True):
    """A locked lane's claim to slots: its weight, the `rest` of its quantum (0: a new turn,
    below: one so much shorter), and `cap`, the most it may take now.

    `cap` is the connections its workspace may still take, or the messages it has due where
    those are fewer and known.
    """

    weight: float
    rest: int
    cap: int


def quantum(weight: float, free: int) -> int:
    """The messages of one turn: 4 x weight, and in the same proportion more where a pass
    has over 256 slots free.

    Weights in quarters share exactly; others count as the next quarter.
    """
    return max(1, ceil(SMALLEST_QUANTUM * weight)) * max(
        1, round(free / (SMALLEST_QUANTUM * TURNS_A_PASS))
    )


def shares(free: int, lanes: Sequence[Turn], *, more: bool = False) -> list[int]:
    """How many messages each lane may take of `free` slots, in order: the rest of its turn,
    then whole turns around until slots or caps are used up.

    `more` says that further lanes wait, which this pass has not locked: then no lane takes
    a second turn before they had one.
    """
    taken = [0] * len(lanes)
    turns = [left_of(lane, free) for lane in lanes]
    hungry = [at for at, lane in enumerate(lanes) if lane.cap > 0]
    left = free
    while left > 0 and hungry:
        for at in hungry:
            take = min(turns[at], lanes[at].cap - taken[at], left)
            taken[at] += take
            left -= take
            turns[at] = quantum(lanes[at].weight, free)
        hungry = [] if more else [at for at in hungry if taken[at] < lanes[at].cap]
    return taken


def rest_after(turn: Turn, taken: int, free: int, share: int | None = None) -> int:
    """What is left of the lane's turn after it took `taken` of `free` slots; 0 or below:
    used up, it goes behind.

    What it took beyond its `share`, because its last message has several units, comes off
    its next turn. A lane with nothing more due has no rest to keep: its caller stores 0.
    """
    over = 0 if share is None else max(0, taken - share)
    left = left_of(turn, free) - taken + over
    return (left if left >= 0 else left % quantum(turn.weight, free)) - over


def left_of(turn: Turn, free: int) -> int:
    """How many slots of its turn a lane has left where a pass has `free` ones."""
    return turn.rest if turn.rest > 0 else max(1, quantum(turn.weight, free) + turn.rest)


def high_slots(number: int, count: int) -> list[int]:
    """Which of the next `count` slots (0-based; the first is the channel's slot `number`)
    go to a lane with due `high`, if any: every fourth.
    """
    return list(range((HIGH_EVERY - 1 - number) % HIGH_EVERY, count, HIGH_EVERY))
