"""The holds of a lane: how its messages' answers stop it, probe it and let it flow again.

A hold is kept in the lane's row; settling folds every answer into it in the order in which
they are recorded, a claim asks `probes` and `probe`. Pauses and send windows are not holds.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from queue_services.domain.message import SECOND, Instant
from queue_services.domain.outcome import LONGEST_WAIT, Answer, Kind

REFUSALS_IN_A_ROW = 20
REFUSED_STEP = 30 * SECOND
FIRST_STEP = 1 * SECOND
LONGEST_STEP = 60 * SECOND


FAULT_STEP = 60 * SECOND


class HoldReason(StrEnum):
    """Which answers hold the lane, or that claims of it fail (FAULT). These and a throttled
    hold run out; the other two are probed until something else answers.
    """

    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    FAULT = "fault"


class Hold(msgspec.Struct, frozen=True):
    """What a lane waits for because of answers; `Hold()` is a lane that flows.

    `until` is when it may send again, or send its next probe. `step` counts the failures
    that lengthened an UNREACHABLE hold. `refusals` counts answers of 401, 403 and 404 in a
    row. `set_at` is when an answer set or moved the hold.
    """

    until: Instant = 0
    reason: HoldReason | None = None
    step: int = 0
    refusals: int = 0
    set_at: Instant = 0


def after(hold: Hold, answer: Answer, started_at: Instant, now: Instant) -> Hold:
    """The hold once `answer` is recorded at `now`, of a message started at `started_at`;
    `hold` itself where nothing changes.
    """
    match answer.kind:
        case Kind.UNREACHABLE:
            return _after_unreachable(hold, started_at, now)
        case Kind.REFUSED:
            return _after_refused(hold, started_at, now)
        case Kind.THROTTLED:
            told = answer.wait_until or now
            until = max(hold.until, told) if hold.reason is HoldReason.THROTTLED else told
            return Hold(until=until, reason=HoldReason.THROTTLED, set_at=now)
        case _:
            return _after_any_other(hold, now)


def probes(hold: Hold) -> bool:
    """Whether a claim may take one message alone of this lane once `until` has passed."""
    return hold.reason in {HoldReason.UNREACHABLE, HoldReason.REFUSED}


def longest(hold: Hold) -> int:
    """How far ahead a hold for such a reason ends at most, in microseconds."""
    return LONGEST_STEP if hold.reason is HoldReason.UNREACHABLE else LONGEST_WAIT


def probe(hold: Hold, now: Instant) -> Hold:
    """The hold of a lane from which a claim takes its probe at `now`: it waits one more
    step of the same length.

    `set_at` stays: the next probe may start before this one has failed (a step of 1 s, a
    connect time-out of 10 s), and then it is the first of them to fail that must count; if
    each moved `set_at`, none would, and the step would never grow.
    """
    return msgspec.structs.replace(hold, until=now + _length(hold)) if probes(hold) else hold


def _after_unreachable(hold: Hold, started_at: Instant, now: Instant) -> Hold:
    """Hold 1 s, doubling to 60 s. Nothing answered, so `refusals` stay as they are."""
    if (
        probes(hold) and started_at <= hold.set_at
    ):  # else the 50 that were in flight would take the hold to 60 s at once
        return hold
    if _is_throttled(hold, now):  # it waits already, as it was told to
        return hold
    step = hold.step + 1 if hold.reason is HoldReason.UNREACHABLE else 1
    raised = Hold(reason=HoldReason.UNREACHABLE, step=step, refusals=hold.refusals, set_at=now)
    return msgspec.structs.replace(raised, until=now + _length(raised))


def _after_refused(hold: Hold, started_at: Instant, now: Instant) -> Hold:
    """Hold 30 s at the 20th refusal in a row, and 30 s more at each refused probe."""
    if hold.reason is HoldReason.REFUSED and started_at <= hold.set_at:
        return hold
    refusals = hold.refusals + 1
    told = hold.until if _is_throttled(hold, now) else 0
    if refusals >= REFUSALS_IN_A_ROW:
        return Hold(
            until=max(told, now + REFUSED_STEP),
            reason=HoldReason.REFUSED,
            refusals=refusals,
            set_at=now,
        )
    return msgspec.structs.replace(hold, refusals=refusals) if told else Hold(refusals=refusals)


def _after_any_other(hold: Hold, now: Instant) -> Hold:
    """Something answered, so the lane flows, unless it was told to wait and that has not
    run out.
    """
    if not _is_throttled(hold, now):
        return Hold() if hold != Hold() else hold
    return msgspec.structs.replace(hold, refusals=0) if hold.refusals else hold


def _is_throttled(hold: Hold, now: Instant) -> bool:
    return hold.reason is HoldReason.THROTTLED and hold.until > now


def _length(hold: Hold) -> int:
    if hold.reason is HoldReason.REFUSED:
        return REFUSED_STEP
    return min(LONGEST_STEP, FIRST_STEP << min(max(hold.step - 1, 0), 6))
