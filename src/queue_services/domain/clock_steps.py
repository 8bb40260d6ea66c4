"""What a stored instant becomes when the clock was set back and left it ahead: the rules for
limits, holds, watches and waiting tries. `now` is the right clock's.

Pure; `queue.clock_steps` knows where each instant is stored. A rule changes nothing that a
right clock can have made, so applying it twice, or beside other processes, is harmless.
"""

from __future__ import annotations

import msgspec

from queue_services.domain import limits
from queue_services.domain.holds import Hold, longest
from queue_services.domain.limits import AHEAD, WINDOW, LimitLog
from queue_services.domain.message import SECOND, Instant
from queue_services.domain.outcome import LONGEST_WAIT
from queue_services.domain.scaling import Approach, Scaling

TOLERANCE = SECOND
"""How far ahead of a clock another process's may be."""


def silence_log(log: LimitLog, rate: float, now: Instant) -> bool:
    """Silence a lane's log where it is of a clock ahead; whether it was.

    Below one a second the silence is as long as the limit asks between two: when the last
    really went is not known.
    """
    if not limits.astray(log, now):
        return False
    limits.silence(log, now)
    if rate < 1:
        log.quiet_until = max(log.quiet_until, now + round(WINDOW / rate))
    return True


def latest_slot_at(log: LimitLog, rate: float, now: Instant) -> Instant:
    """The latest instant that a lane with such a log may wait for its limit until."""
    window = round(WINDOW / min(rate, 1))
    return max(now + AHEAD, sum(log.gaps), log.quiet_until, log.pace) + 2 * window


def correct_hold(hold: Hold, now: Instant) -> Hold:
    """The hold as long as it would be had it been set now; `hold` itself where nothing is
    ahead.
    """
    ahead = hold.set_at - now
    if ahead > TOLERANCE:
        until = hold.until if hold.until <= now else max(now, hold.until - ahead)
        return msgspec.structs.replace(hold, until=until, set_at=now)
    return msgspec.structs.replace(hold, until=min(hold.until, now + longest(hold)))


def correct_scaling(state: Scaling, now: Instant) -> Scaling:
    """What was to last begins again; a limit that was halved may be halved again."""
    if state.seen_at <= now + TOLERANCE and state.halved_at <= now + TOLERANCE:
        return state
    return Scaling(state.base, state.rate, seen_at=now, halved_at=min(state.halved_at, now))


def correct_approach(approach: Approach, now: Instant) -> Approach:
    """As `correct_scaling`, for the warning that a limit is nearly reached."""
    if approach.seen_at <= now + TOLERANCE:
        return approach
    return Approach(now, None, approach.told)


def correct_wait(visible_at: Instant, attempts: int, last_start: Instant, now: Instant) -> Instant:
    """When a message that waits for its next try is due; `last_start` is when the last began.

    One that never went out was put off to the instant at which its endpoint was not reached.
    """
    if not attempts:
        return now
    if last_start > now:
        return now + min(max(visible_at - last_start, 0), LONGEST_WAIT)
    return now if visible_at - last_start > LONGEST_WAIT else visible_at
