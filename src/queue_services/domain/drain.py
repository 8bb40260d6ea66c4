"""How one lane's messages drain beside all the others': a fluid course from event to event, the lanes that behave alike taken together.

Called by `forecast` alone. Between two events every lane is served at the rate that `sharing` finds; an event is messages that fall due, a lane that
has sent all, or a send window that opens or closes. Times are seconds after the load's `now`; a level is how many messages one lane was served.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from math import ceil, inf

from queue_services.domain.calendar import closing, opening
from queue_services.domain.load import Lane, Load, Wait
from queue_services.domain.message import FOREVER, SECOND, Instant
from queue_services.domain.sharing import MADE_UP, Kind, share, spread

# Other lanes that have sent all within so much of the time gone by count as one event; what each was given too much is taken off the time. Without it,
# ten thousand lanes are ten thousand events. So many groups of lanes are followed one by one all the same.
COARSE = 0.005
FEW = 300
# Beyond this nothing is foreseen, in seconds: messages are scheduled for 400 days at most.
FURTHEST = 800 * 86_400
# What floating point may leave of a message.
_NOTHING = 1e-6


class Course:
    """What was served of the lane over time: `levels[i]` messages by `times[i]`, and until `times[i + 1]` it waited for `waits[i]`."""

    def __init__(self, visit: float, capacity: float) -> None:
        self.times = [0.0]
        self.levels = [0.0]
        self.waits: list[Wait] = []
        self._begins = [0.0]
        self._visit, self._capacity = visit, capacity

    def begin(self, level: float) -> None:
        """The lane, which had nothing due, has again: a new row of turns."""
        if level > self._begins[-1]:
            self._begins.append(level)

    def add(self, time: float, level: float, wait: Wait) -> None:
        self.times.append(time)
        self.levels.append(level)
        self.waits.append(wait)

    def turn_end(self, number: int) -> float:
        """The level at which the turn ends that takes the lane's message `number`, counted from 1."""
        begin = self._begins[bisect_right(self._begins, number - 1) - 1]
        return begin + ceil((number - begin) / self._visit - _NOTHING) * self._visit

    def start_of(self, number: int) -> float | None:
        """When the lane's message `number` starts; None where it never does.

        Where lanes take turns, a turn's messages go one after another at the channel's rate, once the others had theirs.
        """
        at = bisect_right(self.levels, number - 1)
        if at == len(self.levels):
            return None
        start = self._when(at, number - 1)
        if self.waits[at - 1] in {Wait.TURN, Wait.SERVICE_LIMIT}:
            end = self.turn_end(number)
            after = bisect_left(self.levels, end - _NOTHING)
            if after < len(self.levels):
                start = max(start, self._when(after, end) - (end - number + 1) / self._capacity)
        return start

    def longest_wait(self, begin: float, end: float) -> Wait | None:
        """What the lane waited for most of the time from `begin` to `end`; None for no time."""
        spent: dict[Wait, float] = {}
        for at, wait in enumerate(self.waits):
            lasted = min(end, self.times[at + 1]) - max(begin, self.times[at])
            if lasted > 0:
                spent[wait] = spent.get(wait, 0.0) + lasted
        return max(spent, key=spent.__getitem__, default=None)

    def _when(self, at: int, level: float) -> float:
        """When `level` was reached, between the points `at - 1` and `at`."""
        low, high = self.levels[at - 1], self.levels[at]
        share = min(1.0, (level - low) / (high - low)) if high > low else 1.0
        return self.times[at - 1] + share * (self.times[at] - self.times[at - 1])


class _Crowd(Kind):
    """The lanes of one kind and window: what each was served, and the levels at which groups of them have sent all that is due."""

    __slots__ = ("changes_at", "ends", "is_open", "level", "window", "zone")

    def __init__(self, load: Load, lane: Lane, answer: float) -> None:
        super().__init__(load.limit, lane.weight, lane.limit, answer)
        self.window, self.zone = lane.window, lane.zone
        self.is_open = True
        self.changes_at = inf if lane.window is None else -inf
        self.level = 0.0
        self.ends: list[tuple[float, int]] = []

    def look(self, origin: Instant, now: float) -> None:
        """See whether the window is open, and until when that holds."""
        if self.window is None or now < self.changes_at:
            return
        at = origin + round(now * SECOND)
        opens = opening(self.window, self.zone, at)
        self.is_open = opens <= at
        self.changes_at = seconds_after(origin, closing(self.window, self.zone, at) if self.is_open else opens)


class _Group:
    """Lanes of one crowd with the same messages: how many, whether any is due, and the level at which they have sent all that is."""

    __slots__ = ("crowd", "end", "is_due", "lanes")

    def __init__(self, crowd: _Crowd, lanes: int) -> None:
        self.crowd, self.lanes = crowd, lanes
        self.is_due, self.end = False, 0.0


class Drain:
    """One run of a load, with `arrivals` (when due in seconds, how many) as the messages of the lane that is asked about."""

    def __init__(self, load: Load, arrivals: Sequence[tuple[float, int]]) -> None:
        self._load = load
        self._capacity = spread(load.limit)
        self._mine = _Crowd(load, load.lane, load.lane.answer / SECOND)
        self._course = Course(self._mine.visit, self._capacity)
        self._total = sum(count for _, count in arrivals)
        self._last = max((at for at, _ in arrivals), default=0.0)
        self._groups = [_Group(self._mine, 1)]
        self._arrivals = [(at, 0, count) for at, count in arrivals]
        self._crowds = [self._mine, *self._gather(load.others)]
        self._arrivals.sort(reverse=True)
        self._spare = 0.0 if self._arrivals and self._arrivals[-1][0] == 0 else MADE_UP

    def run(self) -> Course:
        """Follow the course until the lane has sent all, or never can."""
        now = round_time = 0.0
        while now < FURTHEST:
            while self._arrivals and self._arrivals[-1][0] <= now:
                self._arrive(*self._arrivals.pop())
            active = [crowd for crowd in self._crowds if crowd.active]
            if not self._arrivals and not self._mine.active:
                break
            for crowd in active:
                crowd.look(self._load.now, now)
            until = min([crowd.changes_at for crowd in active] + [at for at, _, _ in self._arrivals[-1:]], default=inf)
            serving = [crowd for crowd in active if crowd.is_open or (crowd is self._mine and crowd.level >= self._total)]
            if not serving and until == inf:
                break
            round_time, connections = share(serving, self._capacity, self._load.concurrency, round_time)
            wait = self._wait(serving, round_time, connections)
            now = self._serve(serving, now, until, wait, contended=round_time > 0)
            self._course.add(now, self._mine.level, wait)
        return self._course

    def _gather(self, others: Iterable[Lane]) -> list[_Crowd]:
        """Put lanes together: those that share alike into crowds, of those the ones with the same messages into groups."""
        crowds: dict[object, _Crowd] = {}
        groups: dict[object, _Group] = {}
        now = self._load.now
        for lane in others:
            kind = (lane.limit, lane.weight, lane.answer, lane.window, lane.zone)
            held = max(now, lane.held_until)
            key = (kind, lane.due, lane.waves, held)
            if lane.paused or held >= FOREVER:
                continue
            if key in groups:
                groups[key].lanes += lane.lanes
                continue
            if kind not in crowds:
                crowds[kind] = _Crowd(self._load, lane, self._noticeable(lane.answer))
            groups[key] = _Group(crowds[kind], lane.lanes)
            for at, count in ((now, lane.due), *lane.waves):
                if count:
                    self._arrivals.append((seconds_after(now, max(at, held)), len(self._groups), count))
            self._groups.append(groups[key])
        return list(crowds.values())

    def _noticeable(self, answer: int) -> float:
        """An answer time in seconds; 0 where a lane, even at the channel's whole rate, would hold few of the connections."""
        seconds = answer / SECOND
        return seconds if seconds * self._capacity > self._load.concurrency / 8 else 0.0

    def _arrive(self, _: float, number: int, count: int) -> None:
        """Messages of a group fall due. The lane's own last turn is a whole one, so that the course shows when it would end."""
        group = self._groups[number]
        crowd = group.crowd
        if not group.is_due:
            group.is_due, group.end = True, crowd.level
            crowd.active += group.lanes
            if crowd is self._mine:
                self._course.begin(crowd.level)
        group.end += count
        if crowd is self._mine and group.end >= self._total - _NOTHING:
            group.end = self._course.turn_end(self._total)
        heappush(crowd.ends, (group.end, number))

    def _serve(self, serving: Sequence[_Crowd], now: float, until: float, wait: Wait, *, contended: bool) -> float:
        """Serve everyone at their rates until the next event; returns when that is."""
        mine = self._mine
        ends = [(crowd.ends[0][0] - crowd.level) / crowd.rate for crowd in serving if crowd is not mine]
        then = min(until, now + max(self._coarse(now), min(ends))) if ends else until
        if mine in serving:
            then = min(then, now + max(0.0, self._groups[0].end - mine.level) / mine.rate)
        given_back = 0.0
        for crowd in serving:
            crowd.level += crowd.rate * (then - now)
            given_back += self._leave(crowd)
        if not contended:
            self._spare = min(MADE_UP, self._spare + then - now)
            return then
        sooner = self._caught_up(now, then - given_back / self._capacity)
        if wait not in {Wait.WORKSPACE_LIMIT, Wait.RECEIVER}:
            return sooner
        if not mine.active:
            return then
        mine.level -= mine.rate * (then - sooner)  # what the channel makes up is nothing to a lane that another bound holds back
        return sooner

    def _coarse(self, now: float) -> float:
        """How far two events may lie apart and still be one."""
        if len(self._groups) <= FEW:
            return 0.0
        return max(1 / self._capacity, COARSE * (now - self._last if now > self._last else now))

    def _caught_up(self, now: float, then: float) -> float:
        """When a contended channel gets to where it would be at `then`: its limit makes up a quiet moment before."""
        made_up = min(self._spare, then - now)
        self._spare -= made_up
        return then - made_up

    def _leave(self, crowd: _Crowd) -> float:
        """Take the groups out of a crowd that have sent all; how many messages they were given beyond that."""
        given_back = 0.0
        while crowd.ends and crowd.ends[0][0] <= crowd.level + _NOTHING:
            end, number = heappop(crowd.ends)
            group = self._groups[number]
            if group.end == end:  # else more of its messages fell due meanwhile
                group.is_due = False
                crowd.active -= group.lanes
                given_back += (crowd.level - end) * group.lanes
        if crowd is self._mine and not crowd.active:
            crowd.level = self._groups[0].end
        return given_back

    def _wait(self, serving: Sequence[_Crowd], round_time: float, connections: float) -> Wait:
        """What keeps the lane from being served faster now."""
        mine = self._mine
        if mine not in serving:
            return Wait.WINDOW if mine.active else Wait.DUE
        if mine.answer and mine.rate * mine.answer > 0.99 * connections:
            return Wait.RECEIVER
        if not round_time or mine.rate > 0.97 * mine.fastest:
            return Wait.WORKSPACE_LIMIT
        others = sum(crowd.active * crowd.rate for crowd in serving) - mine.rate
        return Wait.TURN if others > mine.rate else Wait.SERVICE_LIMIT


def seconds_after(now: Instant, at: Instant) -> float:
    """How many seconds after `now` an instant is; 0 where it has passed."""
    return max(0, at - now) / SECOND
