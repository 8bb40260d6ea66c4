"""When messages would start and finish under today's limits and backlog, and what a waiting one waits for.

Called by the forecast call, by a job's status (`estimatedAt`, `waitingFor`), campaigns and the dashboard. An estimate: what is scheduled later, fails or
is cancelled changes it, and so does automatic scaling. Messages of high priority count as any other.
"""

from __future__ import annotations

import msgspec

from queue_services.domain.course import Course
from queue_services.domain.drain import FURTHEST, Drain, seconds_after
from queue_services.domain.load import Lane, Load, Wait
from queue_services.domain.message import FOREVER, SECOND, Instant
from queue_services.domain.quota import over_days

# Started this soon after its due time, a message did not wait: the first slots of an idle limit lie within it.
AT_ONCE = 0.1
MOST_DAYS = FURTHEST // 86_400


class Forecast(msgspec.Struct, frozen=True):
    """When the first of some messages starts and the last is answered (None: not as things stand), and what they wait for longest."""

    start_at: Instant | None
    end_at: Instant | None
    limited_by: Wait


def forecast(load: Load, count: int, at: Instant) -> Forecast:
    """When `count` (at least 1) more messages of the load's lane, due at `at`, would start and finish.

    They go after all of the lane that is due by then. DUE means that they wait for their time alone.
    """
    at = max(at, load.now)
    return _foresee(load, _due_by(load.lane, load.now, at), count, at)


def estimated_at(load: Load, ahead: int, due_at: Instant) -> Forecast:
    """When one waiting message of the load's lane starts that is due at `due_at` and has `ahead` others of its lane before it."""
    before: list[tuple[Instant, int]] = []
    for at, count in _due_by(load.lane, load.now, due_at):
        before.append((at, min(count, ahead)))
        ahead -= before[-1][1]
    at = max(due_at, load.now)
    return _foresee(load, [*before, (at, ahead)], 1, at)


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
    """What a scheduled message waits for: what ends last of its due time, its window's opening, its lane's hold and its own limit's next slot.

    `opening` is the window's from the later of `now` and `due_at` on, 0 without a window. `own_slot_at` is when its lane's own limit gives the message's
    slot, 0 without one. A pause outlasts all. When nothing of these is ahead, it waits for its turn behind the lanes that are before it, or for the
    service's limit.
    """
    if paused:
        return Wait.PAUSE
    ends = [(due_at, Wait.DUE), (opening, Wait.WINDOW), (held_until, Wait.HOLD), (own_slot_at, Wait.WORKSPACE_LIMIT)]
    last, wait = max(ends, key=lambda end: end[0])
    if last > now:
        return wait
    return Wait.TURN if others_first else Wait.SERVICE_LIMIT


def _due_by(lane: Lane, now: Instant, at: Instant) -> list[tuple[Instant, int]]:
    """The lane's messages that are due by `at`, in order."""
    return [(now, lane.due), *sorted(wave for wave in lane.waves if wave[0] <= at)]


def _foresee(load: Load, before: list[tuple[Instant, int]], count: int, at: Instant) -> Forecast:
    """Follow the lane's messages `before` and `count` more that are due at `at`."""
    held = load.lane.held_until
    if load.paused or load.lane.paused:
        return Forecast(None, None, Wait.PAUSE)
    if held >= FOREVER:
        return Forecast(None, None, Wait.HOLD)
    waves = over_days(load.lane, load.now, [(max(due, held), n) for due, n in [*before, (at, count)] if n], MOST_DAYS)
    course = Drain(load, [(seconds_after(load.now, due), n) for due, n in waves]).run()
    ahead = sum(n for _, n in before)
    start, end = course.start_of(ahead + 1), course.start_of(ahead + count)
    wait = _longest_wait(course, seconds_after(load.now, at), seconds_after(load.now, held), seconds_after(load.now, waves[-1][0]), end)
    return Forecast(_instant(load.now, start), _instant(load.now, end, load.lane.answer), wait)


def _longest_wait(course: Course, due: float, held: float, allowed: float, end: float | None) -> Wait:
    """What took longest from the due time to the start of the last message; the shares of the hold and the daily quota are known beforehand."""
    last = course.times[-1] if end is None else end
    if end is not None and end - due <= AT_ONCE:
        return Wait.DUE
    if allowed - max(due, held) > max(held - due, last - allowed):
        return Wait.WORKSPACE_LIMIT
    if held - due > last - max(due, held):
        return Wait.HOLD
    return course.longest_wait(max(due, held), last) or Wait.DUE


def _instant(now: Instant, seconds: float | None, answer: int = 0) -> Instant | None:
    return None if seconds is None or seconds > FURTHEST else now + round(seconds * SECOND) + answer
