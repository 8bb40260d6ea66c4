"""Automatic scaling of a workspace's limit, and the warning that it nears it: two state
machines fed with what a lane did.

Called by maintenance about once a second for each lane in use; the states are stored with
the lane, every `Adjustment` in the ledger. `rate_in_force` is what `tiers.limit_in_force`
takes as `scaled`. What was not watched counts for nothing: after a gap between two
observations what must last 10 s begins anew.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.domain.tiers import Scale

SATURATED_FOR = 10 * SECOND
SUCCESS_RATE = 0.98
# As long as a busy campaign may pause between two waves; shorter, and each wave would have
# to earn its limit again.
IDLE_FOR = 60 * SECOND
# A lane that uses less of its limit than this is idle: it would send no slower at half of it.
IDLE_BELOW = 0.5
# The longest time between two observations for which what the first saw is taken to have lasted.
WATCHED = 5 * SECOND
APPROACHING_AT, APPROACHING_UNTIL, APPROACHING_FOR = 0.8, 0.6, 10 * SECOND


class AdjustmentReason(StrEnum):
    """Why a limit was changed: BOUNDS is a tier's maximum that was lowered."""

    SATURATED = "saturated"
    THROTTLED = "throttled"
    IDLE = "idle"
    BOUNDS = "bounds"


class Adjustment(msgspec.Struct, frozen=True):
    """One change of a limit by automatic scaling, in messages a second."""

    at: Instant
    channel: Channel
    from_rate: float
    to_rate: float
    reason: AdjustmentReason


class Observation(msgspec.Struct, frozen=True):
    """What a lane did since the observation before, up to `at`.

    `saturated`: due messages were left for want of its limit's slots all the while.
    `utilization`: the share (0-1) of its limit that it used. `delivered` of `ended`: tries
    with an outcome. `throttled_start`: when the newest message was started that its
    endpoint answered with 429.
    """

    at: Instant
    saturated: bool
    utilization: float = 0.0
    delivered: int = 0
    ended: int = 0
    throttled_start: Instant | None = None


class Scaling(msgspec.Struct, frozen=True):
    """Where automatic scaling of one lane stands: it has made `rate` of `base`; what has
    lasted since when, and what of it was delivered.
    """

    base: float
    rate: float
    seen_at: Instant = 0
    saturated_since: Instant | None = None
    delivered: int = 0
    ended: int = 0
    idle_since: Instant | None = None
    halved_at: Instant = 0


class Approach(msgspec.Struct, frozen=True):
    """Whether a lane nears its limit: over the threshold since when, and whether that was
    told already.
    """

    seen_at: Instant = 0
    over_since: Instant | None = None
    told: bool = False


def rate_in_force(state: Scaling | None, scale: Scale | None, base: float) -> float | None:
    """The limit that scaling has made of `base`; None where the tier has none, or the base
    was changed since: a new base counts at once.
    """
    return state.rate if state is not None and scale is not None and state.base == base else None


def observe(
    state: Scaling | None, scale: Scale, base: float, channel: Channel, seen: Observation
) -> tuple[Scaling, Adjustment | None]:
    """The state after one observation, and the change of the limit if there is one.

    `base` is the limit without scaling (the workspace's own or its tier's). A 429 halves
    the limit, not under the base; 10 s saturated with at least 98% delivered raise it by
    the step, to `scale.max` at most; 60 s idle lower it by the step, to the base at least.
    Whole numbers are rounded down, but a raise is one at least.
    """
    if state is None or state.base != base:
        state = Scaling(base, base, seen_at=seen.at)
    state = _watched(state, seen)
    rate, reason = _next_rate(state, scale, seen)
    if rate != state.rate:
        halved_at = seen.at if reason is AdjustmentReason.THROTTLED else state.halved_at
        return Scaling(base, rate, seen_at=seen.at, halved_at=halved_at), Adjustment(
            seen.at, channel, state.rate, rate, reason
        )
    if _is_judged(state) or _is_throttled(
        state, seen
    ):  # else what failed in the first ten seconds would count for ever
        state = msgspec.structs.replace(state, saturated_since=None, delivered=0, ended=0)
    return state, None


def approach(state: Approach, at: Instant, utilization: float) -> tuple[Approach, bool]:
    """The state after one reading of a limit's `utilization` (0-1, since the reading
    before), and whether to tell now that it nears it.

    Told once 80% have lasted 10 s, and again only after a reading under 60%.
    """
    began = _began(utilization >= APPROACHING_AT, state.over_since, state.seen_at, at)
    told = state.told and utilization >= APPROACHING_UNTIL
    tell = not told and began is not None and at - began >= APPROACHING_FOR
    return Approach(at, began, told or tell), tell


def _watched(state: Scaling, seen: Observation) -> Scaling:
    """The state with what the observation adds to the runs that last."""
    saturated_since = _began(seen.saturated, state.saturated_since, state.seen_at, seen.at)
    goes_on = saturated_since is not None and saturated_since == state.saturated_since
    return msgspec.structs.replace(
        state,
        seen_at=seen.at,
        saturated_since=saturated_since,
        delivered=state.delivered + seen.delivered if goes_on else seen.delivered,
        ended=state.ended + seen.ended if goes_on else seen.ended,
        idle_since=_began(
            not seen.saturated and seen.utilization < IDLE_BELOW,
            state.idle_since,
            state.seen_at,
            seen.at,
        ),
    )


def _next_rate(state: Scaling, scale: Scale, seen: Observation) -> tuple[float, AdjustmentReason]:
    """What the limit becomes, and why if that is a change."""
    rate, most = state.rate, max(state.base, scale.max)
    if rate > most:
        return most, AdjustmentReason.BOUNDS
    if _is_throttled(state, seen):
        return max(state.base, _whole(rate / 2)), AdjustmentReason.THROTTLED
    if _is_judged(state) and state.delivered >= SUCCESS_RATE * state.ended:
        raised = _whole(rate * scale.step) if rate < 1 else max(_whole(rate * scale.step), rate + 1)
        return min(most, raised), AdjustmentReason.SATURATED
    if state.idle_since is not None and state.seen_at - state.idle_since >= IDLE_FOR:
        return max(state.base, _whole(rate / scale.step)), AdjustmentReason.IDLE
    return rate, AdjustmentReason.IDLE


def _is_judged(state: Scaling) -> bool:
    """Whether it has been saturated long enough, with an outcome at least: a limit of one
    in ten seconds may have none yet.
    """
    return (
        state.saturated_since is not None
        and state.seen_at - state.saturated_since >= SATURATED_FOR
        and state.ended > 0
    )


def _is_throttled(state: Scaling, seen: Observation) -> bool:
    """Whether a message started since the last halving met a 429; those in flight before
    would halve the limit again and again.
    """
    return seen.throttled_start is not None and seen.throttled_start > state.halved_at


def _whole(rate: float) -> float:
    return int(rate) if rate >= 1 else rate


def _began(holds: bool, since: Instant | None, seen_at: Instant, at: Instant) -> Instant | None:
    """Since when something has lasted that held from `seen_at` to `at`; None where it does
    not hold.
    """
    if not holds:
        return None
    if not 0 <= at - seen_at <= WATCHED:  # nobody looked, or the clock stepped back
        return at
    return seen_at if since is None else since
