"""Generated histories of one limit: what its row goes through, call by call, and what of it
may have started.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

import msgspec
from hypothesis import strategies as st

from queue_services.domain.limits import HORIZON, LATE, WINDOW, LimitLog, give_back
from queue_services.domain.message import SECOND, Instant
from tests.domain.reserving import reserve, reserve_units

from .limit_world import EPOCH, WIRE

JITTER = LATE + WIRE  # a start reaches the receiver this much after its slot, at worst


@dataclass(frozen=True)
class Claim:
    """`count` messages due around now, `apart` microseconds from each other, claimed `wait`
    after the step before, by a clock `skew` ahead.
    """

    wait: int
    skew: int
    lead: int
    count: int
    apart: int


@dataclass(frozen=True)
class Units:
    wait: int
    units: int
    horizon: int


@dataclass(frozen=True)
class GiveBack:
    """Of the starts not given back yet, the latest `count` after leaving out the `skip` latest."""

    skip: int
    count: int


@dataclass(frozen=True)
class Rate:
    rate: float


Step = Claim | Units | GiveBack | Rate

waits = st.one_of(
    st.integers(0, 60_000),
    st.integers(0, 3 * SECOND),
    st.just(0),
    st.sampled_from([WINDOW, WINDOW - HORIZON, SECOND]),
)
claims = st.builds(
    Claim,
    wait=waits,
    skew=st.integers(-3_000, 3_000),
    lead=st.integers(1_000, 80_000),
    count=st.one_of(st.integers(1, 3), st.integers(1, 60), st.just(2_500)),
    apart=st.sampled_from([0, 1, 700, 6_000, 90_000]),
)
give_backs = st.builds(GiveBack, skip=st.integers(0, 5), count=st.integers(1, 30))
units = st.builds(
    Units, wait=waits, units=st.integers(1, 120), horizon=st.sampled_from([HORIZON, WINDOW - 1])
)
high_rates = st.one_of(st.integers(1, 60), st.sampled_from([100, 199, 200, 201, 999, 1000, 2000]))
rates: st.SearchStrategy[float] = st.one_of(high_rates, st.sampled_from([0.2, 0.25, 0.5, 0.9]))


@dataclass
class Start:
    """One reservation that may start: `units` at its `slot`, reserved while the limit was
    `rate`.
    """

    slot: Instant
    rate: float
    units: int = 1


@dataclass
class History:
    """Carries out steps on a log that goes through its JSON form each time, as it does in
    the store.
    """

    rate: float
    now: Instant = EPOCH
    log: LimitLog = field(default_factory=LimitLog)
    starts: list[Start] = field(default_factory=list)

    def play(self, steps: list[Step]) -> History:
        for step in steps:
            self.log = msgspec.json.decode(msgspec.json.encode(self.log), type=LimitLog)
            match step:
                case Claim():
                    self.now += step.wait
                    due = [self.now + step.apart * at for at in range(step.count)]
                    slots = reserve(self.log, self.rate, self.now + step.skew, step.lead, due)
                    self.starts += [Start(slot, self.rate) for slot in slots]
                case Units():
                    self.now += step.wait
                    slot = reserve_units(
                        self.log, self.rate, self.now, 5_000, self.now, step.units, step.horizon
                    )
                    self.starts += [Start(slot, self.rate, step.units)] if slot else []
                case GiveBack():
                    self._give_back(step)
                case Rate():
                    self.rate = step.rate
        return self

    def _give_back(self, step: GiveBack) -> None:
        """A start is given back within two seconds of its slot: later, what it was is forgotten."""
        last = len(self.starts) - step.skip
        back = [
            start
            for start in self.starts[max(0, last - step.count) : max(0, last)]
            if start.slot > self.now - 2 * SECOND
        ]
        give_back(self.log, self.rate, [start.slot for start in back for _ in range(start.units)])
        self.starts = [start for start in self.starts if all(start is not other for other in back)]

    def over_limit(self) -> list[tuple[Start, int]]:
        """The starts that, at the worst lateness of each, end a second (or 1/rate s) that holds
        more than the limit they were reserved under.

        One with more units than the limit may fill its second with itself alone.
        """
        slots = [start.slot for start in self.starts]
        totals = [0, *accumulate(start.units for start in self.starts)]
        over = []
        for at, start in enumerate(self.starts):
            length = SECOND / min(start.rate, 1) + JITTER
            held = totals[at + 1] - totals[bisect_right(slots, start.slot - length)]
            if held > max(start.rate, 1, start.units):
                over.append((start, held))
        return over
