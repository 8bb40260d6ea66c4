"""The rule that keeps a limit in every second: which slots N sends a second may have. See
docs/decisions/limits.md.

Called by the claiming flow, with the limit's row locked, and by the dispatcher to size a
claim and to know when to wake. Pure: `now` is an argument, nothing here reads a clock or a
database. Everything is in whole microseconds; a `LimitLog` is stored as JSON and opaque to
its callers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import ceil
from operator import itemgetter

import msgspec

from .message import FOREVER, SECOND, Instant

# A window of this length holds at most N slots. The 20 ms over a second are what a start
# may be late (LATE) and what loop and wire may jitter;
# with a second exactly, a late start followed by a punctual one puts N + 1 into one second.
WINDOW = 1_020_000
# A start later than this after its slot is not made: its slot is given back. Were it as
# large as the 20 ms, wire jitter would pass the limit.
LATE = 8_000
# How far beyond the lead slots are reserved. Longer, and turns between lanes get stale;
# shorter, and a stall between two passes leaves slots unused.
HORIZON = 100_000
# How far ahead of their slots messages may be claimed: a dispatcher's buffer holds what the
# limit sends in this time. With less, a claim that takes long leaves slots unused; with
# more, turns between lanes get stale.
BUFFER_SPAN = 200_000
# How far the pace may lag behind now. Without the lag, what a stall lost is lost for good;
# with a longer one, a stall is followed by a long burst.
CATCH_UP = 250_000
# The longest lead. Without a bound, one slow commit would put off every start of a process
# by as much.
MAX_LEAD = 80_000
# No slot lies further ahead than this when it is reserved: the lead, the horizon, and a
# window that a message of several units may look beyond it.
AHEAD = MAX_LEAD + HORIZON + WINDOW
# Added to the slowest recent commit to give the lead. Without it every slot is already past
# when its claim has committed.
MARGIN = 1_000
# One claim takes what the limit sends in this time. With more, the first claim after a
# quiet time outlasts the lead, so that all its starts miss their slots,
# and as many deliveries at once hold the loop longer than a start may be late.
CLAIM_SPAN = 32_000
# So many slots a claim may take at any limit: with fewer, more time goes into claims than
# into messages.
SMALL_CLAIM = 32
# Above 200/s the log holds one entry a slice of this length: without it, a log at 1000/s
# takes five times the space in every commit.
SLICE = 5_000
FINEST_RATE = SECOND // SLICE


class LimitLog(msgspec.Struct, array_like=True):
    """The slots of one limit's last two windows, in order, and what spreads the next ones.
    An empty one is a limit that never sent.

    An entry is some slots at one instant or, above 200/s, in one slice; its stamp is its
    latest slot. `gaps` holds the first stamp, then each stamp's distance from the one
    before; `counts` how many slots each entry holds. `pace` is the instant the newest slot
    would have, had all been spread evenly; `number` how many slots were ever given; `sends`
    [second, slots] of the last 12 whole seconds and what is reserved after them; nothing is
    given before `quiet_until`; `silences` counts how often the log was forgotten.
    """

    gaps: list[int] = []
    counts: list[int] = []
    pace: Instant = 0
    number: int = 0
    sends: list[list[int]] = []
    quiet_until: Instant = 0
    silences: int = 0


class _Terms(msgspec.Struct, frozen=True):
    """A rate as the rule uses it: at most `most` slots in any `window`, `step` apart when
    evenly spread.
    """

    most: int
    window: int
    step: int


def _terms(rate: float) -> _Terms:
    if rate < 1:
        window = round(WINDOW / rate)
        return _Terms(1, window, window)
    most = int(rate)
    return _Terms(most, WINDOW, WINDOW // most)


def lead_after(commits: Iterable[int]) -> int:
    """How far ahead of `now` a claim's first slot lies, from the microseconds each recent
    claim took from its `now` to its commit.
    """
    return min(max(commits, default=0) + MARGIN, MAX_LEAD)


def most_at(rate: float) -> int:
    """The most slots that one claim takes."""
    return max(SMALL_CLAIM, round(rate * CLAIM_SPAN / SECOND))


def entries(log: LimitLog) -> list[tuple[Instant, int]]:
    """The log as (latest slot, slots) of each entry, in order."""
    return list(zip(accumulate(log.gaps), log.counts, strict=True))


class Reservation:
    """Slots of one limit given one by one within a claim; nothing else may change the log
    meanwhile. The rule itself is `next_slot`.
    """

    __slots__ = (
        "_earliest",
        "_held",
        "_limit",
        "_log",
        "_now",
        "_pace",
        "_pruned",
        "_sends",
        "_slice",
        "_stamps",
        "_terms",
        "_totals",
    )

    def __init__(
        self, log: LimitLog, rate: float, now: Instant, lead: int, horizon: int = HORIZON
    ) -> None:
        self._log, self._terms, self._now = log, _terms(rate), now
        self._stamps, self._totals = list(accumulate(log.gaps)), list(accumulate(log.counts))
        self._held = self._totals[-1] if self._totals else 0
        self._earliest = max(now + lead, log.quiet_until, *self._stamps[-1:])
        self._limit = now + lead + horizon
        self._pace = _next_pace(log, self._terms, now)
        self._pruned = False
        self._sends = [
            0,
            0,
            # the pair of `log.sends` that the newest slot was counted in: looking for it costs
            # more than counting
        ]
        self._slice = SLICE if rate > FINEST_RATE else 1

    def next_slot(self, due: Instant, units: int = 1) -> Instant | None:
        """The slot of a message of so many units that is due at `due`, as the next one; None
        when it is after the horizon. Changes nothing.
        """
        slot, most = max(self._earliest, self._pace, due), self._terms.most
        back = (
            self._held - most + (0 if units == 1 else min(units, most) - 1)
        )  # the N-th slot back, counted from the last of the units
        if back >= 0:
            slot = max(slot, self._stamps[bisect_right(self._totals, back)] + self._terms.window)
        return slot if slot <= self._limit else None

    def take(self, slot: Instant, units: int = 1) -> None:
        """Put a slot into the log: the one `next_slot` gave for these units, or a later one."""
        log, terms, stamps = self._log, self._terms, self._stamps
        if not self._pruned:
            _prune(log, self._now, terms.window)
            self._pruned = True
        newest = stamps[-1] if stamps else 0
        self._held += units
        if stamps and newest // self._slice == slot // self._slice:
            log.gaps[-1] += slot - newest
            log.counts[-1] += units
            stamps[-1], self._totals[-1] = slot, self._held
        else:
            log.gaps.append(slot - newest)
            log.counts.append(units)
            stamps.append(slot)
            self._totals.append(self._held)
        log.number += units
        if self._sends[0] == slot // SECOND:
            self._sends[1] += units
        else:
            self._sends = _count_sends(log, slot, units)
        log.pace = self._pace + (terms.step * (min(units, terms.most) - 1) if units > 1 else 0)
        self._pace = log.pace + terms.step
        self._earliest = slot
        if units > terms.most:
            self._earliest = log.quiet_until = slot + -(-units // terms.most) * terms.window


def free(
    log: LimitLog, rate: float, now: Instant, lead: int, horizon: int = HORIZON, most: int = 10_000
) -> int:
    """How many slots could be reserved now if everything were due, `most` at most; changes
    nothing. `horizon` is less than a window.
    """
    terms, limit = _terms(rate), now + lead + horizon
    stamps = list(accumulate(log.gaps))
    if max(log.quiet_until, *stamps[-1:], 0) > limit:
        return 0
    in_window = sum(log.counts[bisect_right(stamps, limit - terms.window) :])
    by_pace = (limit - _next_pace(log, terms, now)) // terms.step + 1 if terms.step else most
    return max(0, min(terms.most - in_window, by_pace, most))


def next_free(
    log: LimitLog, rate: float, now: Instant, lead: int, units: int = 1, *, waiting: int = 0
) -> Instant:
    """When the next slot (or `units` at one instant) would lie, however far ahead, once so
    many `waiting` messages have theirs; a dispatcher sleeps until this less its lead.
    """
    if waiting:
        log = LimitLog(list(log.gaps), list(log.counts), log.pace, log.number, [], log.quiet_until)
    reservation = Reservation(log, rate, now, lead, FOREVER)
    for _ in range(waiting):
        reservation.take(reservation.next_slot(now) or FOREVER)
    return reservation.next_slot(now, units) or FOREVER


def slot_at(
    log: LimitLog,
    rate: float | None,
    units: int = 1,
    *,
    waiting: int = 0,
    ahead: bool = False,
    now: Instant = 1,
) -> Instant:
    """From when on a claim can give the next slot (of so many units) of a lane's own limit,
    `waiting` ones being promised already; 0 where it has none of its own.

    That is as far before the slot as claims look ahead, further where they claim `ahead` of
    slots: at the slot itself, the channel's slots around it would be taken. A slot that has
    been free for long is not put off to now, or a lane that is examined without a claim would
    lose its place each time.
    """
    if rate is None:
        return 0
    since = now if waiting else 1
    span = HORIZON + BUFFER_SPAN // 2 if ahead else HORIZON
    return next_free(log, rate, since, 0, units, waiting=waiting) - span


def give_back(log: LimitLog, rate: float, slots: Sequence[Instant]) -> None:
    """Take slots whose starts were not made out of the log, each once (a message of several
    units: its slot that many times).

    The pace goes back by one each, so that they are made up. A slot that is no longer in
    the log is ignored.
    """
    terms = _terms(rate)
    stamps = list(accumulate(log.gaps))
    for slot in slots:
        at = _entry_of(stamps, slot, terms)
        if at is None:
            continue
        log.pace -= terms.step
        _count_sends(log, slot, -1)
        log.counts[at] -= 1
        if log.counts[at]:
            continue
        if at + 1 < len(stamps):
            log.gaps[at + 1] += log.gaps[at]
        else:
            # Its own quiet follows its slot. A quiet that ended before was set by another
            # message, or by a silence, and stays in force.
            log.quiet_until = min(log.quiet_until, slot)
        del log.gaps[at], log.counts[at], stamps[at]


def silence(log: LimitLog, now: Instant) -> None:
    """After a clock error: an empty log, and no slot until everything reserved before has
    started and one window has passed.

    `now` must have been measured against the database after the error: a silence by a clock
    that is behind ends before it has begun.
    """
    reach = now + MAX_LEAD + HORIZON
    last = min(
        max(reach, sum(log.gaps)), now + AHEAD
    )  # one of several units may lie a window further ahead; more than that was no right clock's
    log.gaps, log.counts = [], []
    log.pace = min(log.pace, now)
    log.sends = [pair for pair in log.sends if pair[0] <= now // SECOND]
    log.quiet_until = last + WINDOW
    log.silences += 1


def astray(log: LimitLog, now: Instant) -> bool:
    """Whether the log lies so far ahead that no right clock can have made it so: measure
    the clock, then `silence` it.

    What lies ahead by less than this is sooner waited for than a silence.
    """
    ahead = max(sum(log.gaps) or log.quiet_until, log.pace)
    return ahead > now + MAX_LEAD + HORIZON + 2 * WINDOW


def utilization(log: LimitLog, rate: float, now: Instant, seconds: int = 10) -> float:
    """The share of the limit (0-1) that the slots of the last whole `seconds` (10 at most) used."""
    second = now // SECOND
    return min(
        1.0,
        sum(count for at, count in log.sends if second - seconds <= at < second) / (seconds * rate),
    )


def telling_seconds(rate: float) -> int:
    """Of how many whole seconds a `utilization` tells something: the slots of one are too
    few at less than 5 a second.
    """
    return max(1, min(10, ceil(5 / rate)))


def note_sends(log: LimitLog, slots: Sequence[Instant], now: Instant) -> None:
    """Count slots that another limit's log keeps, for the `utilization` of a lane that has
    no limit of its own: nothing else stays in its log.
    """
    log.gaps, log.counts, log.pace, log.quiet_until = [], [], 0, 0
    for second, count in Counter(slot // SECOND for slot in slots).items():
        _count_sends(log, second * SECOND, count)
    log.sends = [pair for pair in log.sends if pair[0] >= now // SECOND - 12]


def _next_pace(log: LimitLog, terms: _Terms, now: Instant) -> Instant:
    return max(log.pace + terms.step, now - CATCH_UP)


def _prune(log: LimitLog, now: Instant, window: int) -> None:
    """Forget what is older than two windows, but for the newest of it: a limit lowered to
    one in ten seconds asks when the last one went.
    """
    while len(log.gaps) > 1 and log.gaps[0] + log.gaps[1] < now - 2 * window:
        log.gaps[1] += log.gaps[0]
        del log.gaps[0], log.counts[0]
    while log.sends and log.sends[0][0] < now // SECOND - 12:
        del log.sends[0]


def _count_sends(log: LimitLog, slot: Instant, change: int) -> list[int]:
    """Count `change` slots more in the whole second of `slot`; the pair that was changed."""
    second = slot // SECOND
    for pair in reversed(log.sends):
        if pair[0] == second:
            pair[1] += change
            return pair
    pair = [second, max(change, 0)]
    if change > 0:
        log.sends.append(pair)
        log.sends.sort(key=itemgetter(0))
    return pair


def _entry_of(stamps: Sequence[Instant], slot: Instant, terms: _Terms) -> int | None:
    """Which entry holds `slot`: its own instant's, or above 200/s its slice's."""
    at = bisect_left(stamps, slot)
    if at == len(stamps):
        return None
    same_slice = terms.most > FINEST_RATE and stamps[at] // SLICE == slot // SLICE
    return at if stamps[at] == slot or same_slice else None
