"""When messages would start and finish under today's limits and backlog, and what a waiting
one waits for.

Called by the forecast call, by a job's status (`estimatedAt`, `waitingFor`), campaigns and
the dashboard. An estimate: what is scheduled later, fails or is cancelled changes it, and
so does automatic scaling. Messages of high priority count as any other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec

from queue_services.domain.forecast.fluid_simulation import FURTHEST, FluidSimulation, seconds_after
from queue_services.domain.forecast.load import LaneLoad, Load, Wait
from queue_services.domain.forecast.quota import over_days
from queue_services.domain.forecast.service_timeline import ServiceTimeline
from queue_services.domain.message import FOREVER, SECOND, Instant

# Started this soon after its due time, a message did not wait: the first slots of an idle
# limit lie within it.
AT_ONCE = 0.1
MOST_DAYS = FURTHEST // 86_400


class Forecast(msgspec.Struct, frozen=True):
    """When the first of some messages starts and the last is answered (None: not as things
    stand), and what they wait for longest.
    """

    start_at: Instant | None
    end_at: Instant | None
    limited_by: Wait


def forecast(load: Load, count: int, at: Instant) -> Forecast:
    """When `count` (at least 1) more messages of the load's lane, due at `at`, would start
    and finish.

    They go after all of the lane that is due by then. DUE means that they wait for their
    time alone.
    """
    stopped = _stopped(load)
    if stopped is not None:
        return Forecast(None, None, stopped)
    at, held = max(at, load.now), load.lane.held_until
    before = _due_by(load.lane, load.now, at)
    allowed = _allowed(load, [*before, (at, count)])
    timeline, ahead = _timeline(load, allowed), sum(n for _, n in before)
    start, end = timeline.start_of(ahead + 1), timeline.start_of(ahead + count)
    wait = _longest_wait(
        timeline,
        seconds_after(load.now, at),
        seconds_after(load.now, held),
        seconds_after(load.now, allowed[-1][0]),
        end,
    )
    return Forecast(_instant(load.now, start), _instant(load.now, end, load.lane.answer), wait)


def estimated_starts(load: Load, waiting: Sequence[tuple[Instant, int]]) -> list[Instant | None]:
    """When each of some waiting messages of the load's lane starts: `waiting` says when
    they are due, in order, and how many of their lane go before each.

    No message starts before it is due; None: not as things stand.
    """
    if _stopped(load) is not None:
        return [None] * len(waiting)
    known, arrivals, numbers, arrived = (
        deque(_due_by(load.lane, load.now, waiting[-1][0])),
        list[tuple[Instant, int]](),
        list[int](),
        0,
    )
    for due_at, ahead in waiting:
        at = max(due_at, load.now)
        while arrived < ahead and known and known[0][0] <= at:
            due, count = known.popleft()
            arrivals.append((due, min(count, ahead - arrived)))
            arrived += arrivals[-1][1]
            if count > arrivals[-1][1]:
                known.appendleft((at, count - arrivals[-1][1]))  # they go after this message
        arrivals.append((at, max(0, ahead - arrived) + 1))
        arrived += arrivals[-1][1]
        numbers.append(arrived)
    timeline = _timeline(load, _allowed(load, arrivals))
    starts = [_instant(load.now, timeline.start_of(number)) for number in numbers]
    return [
        None if start is None else max(start, due_at)
        for start, (due_at, _) in zip(starts, waiting, strict=True)
    ]


def waiting_for(
    now: Instant,
    due_at: Instant,
    *,
    paused: bool = False,
    opening: Instant = 0,
    held_until: Instant = 0,
    own_slot_at: Instant = 0,
    others_first: bool = False,
) -> Wait:
    """What a scheduled message waits for: what ends last of its due time, its window's
    opening, its lane's hold and its own limit's next slot.

    `opening` is the window's from the later of `now` and `due_at` on, 0 without a window.
    `own_slot_at` is when its lane's own limit gives the message's slot, 0 without one. A
    pause outlasts all. When nothing of these is ahead, it waits for its turn behind the
    lanes that are before it, or for the service's limit.
    """
    if paused:
        return Wait.PAUSE
    ends = [
        (due_at, Wait.DUE),
        (opening, Wait.WINDOW),
        (held_until, Wait.HOLD),
        (own_slot_at, Wait.WORKSPACE_LIMIT),
    ]
    last, wait = max(ends, key=lambda end: end[0])
    if last > now:
        return wait
    return Wait.TURN if others_first else Wait.SERVICE_LIMIT


def _due_by(lane: LaneLoad, now: Instant, at: Instant) -> list[tuple[Instant, int]]:
    """The lane's messages that are due by `at`, in order."""
    return [(now, lane.due), *sorted(wave for wave in lane.waves if wave[0] <= at)]


def _stopped(load: Load) -> Wait | None:
    """What keeps the lane from sending at all, as things stand."""
    if load.paused or load.lane.paused:
        return Wait.PAUSE
    return Wait.HOLD if load.lane.held_until >= FOREVER else None


def _allowed(load: Load, arrivals: Iterable[tuple[Instant, int]]) -> list[tuple[Instant, int]]:
    """When the lane's messages may go that arrive in this order: after its hold, and so
    many a day as its quota lets.
    """
    return over_days(
        load.lane,
        load.now,
        [(max(due, load.lane.held_until), count) for due, count in arrivals if count],
        MOST_DAYS,
    )


def _timeline(load: Load, allowed: Iterable[tuple[Instant, int]]) -> ServiceTimeline:
    return FluidSimulation(
        load, [(seconds_after(load.now, due), count) for due, count in allowed]
    ).run()


def _longest_wait(
    timeline: ServiceTimeline, due: float, held: float, allowed: float, end: float | None
) -> Wait:
    """What took longest from the due time to the start of the last message; the shares of
    the hold and the daily quota are known beforehand.
    """
    last = timeline.times[-1] if end is None else end
    if end is not None and end - due <= AT_ONCE:
        return Wait.DUE
    if allowed - max(due, held) > max(held - due, last - allowed):
        return Wait.WORKSPACE_LIMIT
    if held - due > last - max(due, held):
        return Wait.HOLD
    return timeline.longest_wait(max(due, held), last) or Wait.DUE


def _instant(now: Instant, seconds: float | None, answer: int = 0) -> Instant | None:
    return None if seconds is None or seconds > FURTHEST else now + round(seconds * SECOND) + answer
