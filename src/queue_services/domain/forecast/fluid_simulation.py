"""How one lane's messages are served while all others' are: a fluid model, event by event,
the lanes that behave alike taken together.

Called by `estimate` alone. Between two events every lane is served at the rate that
`sharing` finds; an event is messages that fall due, a lane that has sent all, or a send
window that opens or closes. Times are seconds after the load's `now`; a level is how many
units one lane was served.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from math import inf, log2

from queue_services.domain.calendar import closing, opening
from queue_services.domain.forecast.load import LaneLoad, Load, Wait
from queue_services.domain.forecast.quota import over_days
from queue_services.domain.forecast.service_timeline import NOTHING, ServiceTimeline
from queue_services.domain.forecast.sharing import MADE_UP, Stream, fitting, share
from queue_services.domain.message import FOREVER, SECOND, Instant

# Other lanes that have sent all within so much of the time gone by count as one event; what
# each was given too much is taken off the time. Without it,
# ten thousand lanes are ten thousand events. So many groups of lanes are followed one by
# one all the same.
COARSE = 0.01
FEW = 300
# Beyond this nothing is foreseen, in seconds: messages are scheduled for 400 days at most.
FURTHEST = 800 * 86_400
# So many messages of so many lanes make up the mixture that has to fit into a channel's limit.
MIXED, MIXED_LANES = 20, 100
# So many days of the other lanes' daily quotas are followed.
OTHERS_DAYS = 10


class _WindowedStream(Stream):
    """The lanes that share alike and have one window: what each was served, and the levels at
    which groups of them have sent all that is due.
    """

    __slots__ = ("changes_at", "ends", "is_open", "level", "window", "zone")

    def __init__(self, load: Load, lane: LaneLoad, answer: float) -> None:
        super().__init__(load.limit, lane.weight, lane.limit, answer / lane.size, lane.units)
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
        self.changes_at = seconds_after(
            origin, closing(self.window, self.zone, at) if self.is_open else opens
        )


class _Group:
    """Lanes of one stream with the same messages: how many, whether any is due, and the
    level at which they have sent all of it.
    """

    __slots__ = ("end", "is_due", "lanes", "stream")

    def __init__(self, stream: _WindowedStream, lanes: int) -> None:
        self.stream, self.lanes = stream, lanes
        self.is_due, self.end = False, 0.0


class FluidSimulation:
    """One run of a load, with `arrivals` (when due in seconds, how many) as the messages of
    the lane that is asked about.
    """

    def __init__(self, load: Load, arrivals: Sequence[tuple[float, int]]) -> None:
        self._load = load
        self._capacity = fitting(load.limit, _mixed([load.lane, *load.others]))
        self._mine = _WindowedStream(load, load.lane, load.lane.answer / SECOND)
        self._timeline = ServiceTimeline(self._mine.turn_size, self._capacity, load.lane.size)
        self._total = sum(count for _, count in arrivals) * load.lane.size
        self._last = max((at for at, _ in arrivals), default=0.0)
        self._groups = [_Group(self._mine, 1)]
        self._arrivals = [(at, 0, count * load.lane.size) for at, count in arrivals]
        self._streams = [self._mine, *self._gather(load.others)]
        self._arrivals.sort(reverse=True)
        busy = any(stream.active for stream in self._streams) or (
            self._arrivals and self._arrivals[-1][0] <= 0
        )
        self._spare = 0.0 if busy else MADE_UP

    def run(self) -> ServiceTimeline:
        """Simulate until the lane has sent all, or never can."""
        now = round_time = 0.0
        while now < FURTHEST:
            while self._arrivals and self._arrivals[-1][0] <= now:
                self._arrive(*self._arrivals.pop())
            active = [stream for stream in self._streams if stream.active]
            if not self._arrivals and not self._mine.active:
                break
            for stream in active:
                stream.look(self._load.now, now)
            until = min(
                [stream.changes_at for stream in active] + [at for at, _, _ in self._arrivals[-1:]],
                default=inf,
            )
            serving = [
                stream
                for stream in active
                if stream.is_open or (stream is self._mine and stream.level >= self._total)
            ]
            if not serving and until == inf:
                break
            round_time, connections = share(
                serving, self._capacity, self._load.concurrency, round_time
            )
            wait = self._wait(serving, round_time, connections)
            now = self._serve(serving, now, until, wait, contended=round_time > 0)
            self._timeline.add(now, self._mine.level, wait)
        return self._timeline

    def _gather(self, others: Iterable[LaneLoad]) -> list[_WindowedStream]:
        """Put lanes that share alike into streams; what is due now is served from the start,
        the rest arrives.
        """
        streams: dict[object, _WindowedStream] = {}
        now, groups, arrivals = self._load.now, self._groups, self._arrivals
        for lane in others:
            held = lane.held_until
            if lane.paused or held >= FOREVER:
                continue
            alike = (
                lane.limit,
                lane.weight,
                lane.answer and self._noticeable(lane.answer),
                lane.window,
                lane.window and lane.zone,
                lane.units,
            )
            stream = streams.get(alike)
            if stream is None:
                stream = streams[alike] = _WindowedStream(self._load, lane, alike[2])
            number, group = len(groups), _Group(stream, lane.lanes)
            groups.append(group)
            due, waves, size = lane.due, lane.waves, lane.size
            if lane.quota is not None:
                due, waves = self._allowed(lane)
            if due:
                if held > now:
                    arrivals.append((seconds_after(now, held), number, due * size))
                else:
                    group.is_due, group.end = True, due * size
                    stream.active += lane.lanes
                    stream.ends.append((group.end, number))
            for at, count in waves:
                arrivals.append(((max(at, held) - now) / SECOND, number, count * size))
        for stream in streams.values():
            heapify(stream.ends)
        return list(streams.values())

    def _allowed(self, lane: LaneLoad) -> tuple[int, tuple[tuple[Instant, int], ...]]:
        """What another lane has due and what falls due later, as its daily quota lets them go."""
        now = self._load.now
        waves = over_days(lane, now, [(now, lane.due), *sorted(lane.waves)], OTHERS_DAYS)
        return sum(count for at, count in waves if at <= now), tuple(
            wave for wave in waves if wave[0] > now
        )

    def _noticeable(self, answer: int) -> float:
        """An answer time in seconds: 0 where a lane, even at the channel's whole rate, would
        hold few of the connections; of many lanes a power of two.
        """
        seconds = answer / SECOND
        if seconds * self._capacity <= self._load.concurrency / 8:
            return 0.0
        return seconds if len(self._load.others) <= FEW else 2.0 ** round(log2(seconds))

    def _arrive(self, _: float, number: int, count: float) -> None:
        """Messages of a group fall due. The lane's own last turn is a whole one, so that the
        timeline shows when it would end.
        """
        group = self._groups[number]
        stream = group.stream
        if not group.is_due:
            group.is_due, group.end = True, stream.level
            stream.active += group.lanes
            if stream is self._mine:
                self._timeline.begin(stream.level)
        group.end += count
        if stream is self._mine and group.end >= self._total - NOTHING:
            group.end = self._timeline.turn_end(self._total)
        heappush(stream.ends, (group.end, number))

    def _serve(
        self,
        serving: Sequence[_WindowedStream],
        now: float,
        until: float,
        wait: Wait,
        *,
        contended: bool,
    ) -> float:
        """Serve everyone at their rates until the next event; returns when that is."""
        mine = self._mine
        ends = [
            (stream.ends[0][0] - stream.level) / stream.rate
            for stream in serving
            if stream is not mine
        ]
        then = min(until, now + max(self._coarse(now), min(ends))) if ends else until
        if mine in serving:
            then = min(then, now + max(0.0, self._groups[0].end - mine.level) / mine.rate)
        given_back = 0.0
        rate = sum(stream.active * stream.rate for stream in serving)
        for stream in serving:
            stream.level += stream.rate * (then - now)
            given_back += self._leave(stream)
        if not contended:
            self._spare = min(MADE_UP, self._spare + then - now)
            return then
        sooner = self._caught_up(now, then - given_back / rate)
        if wait not in {Wait.WORKSPACE_LIMIT, Wait.RECEIVER}:
            return sooner
        if not mine.active:
            return then
        mine.level -= mine.rate * (
            then - sooner
        )  # what the channel makes up is nothing to a lane that another bound holds back
        return sooner

    def _coarse(self, now: float) -> float:
        """How far two events may lie apart and still be one."""
        if len(self._groups) <= FEW:
            return 0.0
        return max(1 / self._capacity, COARSE * (now - self._last if now > self._last else now))

    def _caught_up(self, now: float, then: float) -> float:
        """When a contended channel gets to where it would be at `then`: its limit makes up a
        quiet moment before.
        """
        made_up = min(self._spare, then - now)
        self._spare -= made_up
        return then - made_up

    def _leave(self, stream: _WindowedStream) -> float:
        """Take the groups out of a stream that have sent all; how many messages they were given
        beyond that.
        """
        given_back = 0.0
        while stream.ends and stream.ends[0][0] <= stream.level + NOTHING:
            end, number = heappop(stream.ends)
            group = self._groups[number]
            if group.end == end:  # else more of its messages fell due meanwhile
                group.is_due = False
                stream.active -= group.lanes
                given_back += (stream.level - end) * group.lanes
        if stream is self._mine and not stream.active:
            stream.level = self._groups[0].end
        return given_back

    def _wait(
        self, serving: Sequence[_WindowedStream], round_time: float, connections: float
    ) -> Wait:
        """What keeps the lane from being served faster now."""
        mine = self._mine
        if mine not in serving:
            return Wait.WINDOW if mine.active else Wait.DUE
        if mine.answer and mine.rate * mine.answer > 0.99 * connections:
            return Wait.RECEIVER
        if not round_time or mine.rate > 0.97 * mine.fastest:
            return Wait.WORKSPACE_LIMIT
        others = sum(stream.active * stream.rate for stream in serving) - mine.rate
        return Wait.TURN if others > mine.rate else Wait.SERVICE_LIMIT


def _mixed(lanes: Sequence[LaneLoad]) -> tuple[int, ...]:
    """The units of the messages of all lanes with something to send, by turns, as far as
    they are known.
    """
    if all(lane.units == (1,) for lane in lanes):
        return (1,)
    units = [lane.units for lane in lanes if lane.backlog][:MIXED_LANES] or [lanes[0].units]
    return tuple(some[number % len(some)] for number in range(MIXED) for some in units)


def seconds_after(now: Instant, at: Instant) -> float:
    """How many seconds after `now` an instant is; 0 where it has passed."""
    return max(0, at - now) / SECOND
