"""What happens to a message after an answer: delivered, dead, or again, and when.

Called when outcomes are settled; the lane's own fate is in `domain.holds`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from queue_services.domain.holds import HoldReason
from queue_services.domain.message import SECOND, Instant, Reason, Status
from queue_services.domain.outcome import Answer, Kind

TOLD_FOR = 3 * 86_400 * SECOND
"""How long it is tried to tell the application of an event."""


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how long a message is tried. Durations are microseconds.

    `max_attempts` counts tries. `backoff` is the longest wait after the first failed try;
    it doubles with each, up to `cap`. `give_up` is how long a message may be throttled or
    unreachable in one stretch.
    """

    max_attempts: int = 3
    backoff: int = 1 * SECOND
    cap: int = 600 * SECOND
    give_up: int = 86_400 * SECOND


class Step(msgspec.Struct, frozen=True, gc=False):
    """The next state of a message: SCHEDULED at `again_at`, DELIVERED, or DEAD with a `reason`.

    `uses_try` says whether this answer counts as a try. `refused_since` is when the message
    began to be throttled or unreachable without any other answer since.
    """

    status: Status
    reason: Reason | None = None
    again_at: Instant | None = None
    uses_try: bool = True
    refused_since: Instant | None = None


_DELIVERED = Step(Status.DELIVERED)
_GIVEN_UP = {Kind.THROTTLED: Reason.THROTTLED, Kind.UNREACHABLE: Reason.UNREACHABLE}


def backoff(tries: int, policy: RetryPolicy, random: Callable[[], float]) -> int:
    """Microseconds to wait after the `tries`-th failed try: uniform between 0 and min(cap,
    backoff * 2 ** (tries - 1)).

    Full jitter, so that what failed together does not come back together (AWS Architecture
    Blog, "Exponential Backoff and Jitter"). `random` returns [0, 1).
    """
    doublings = min(
        max(tries - 1, 0), 64
    )  # the cap is reached long before; without this 2 ** 9,999 would be computed
    return int(random() * min(policy.cap, policy.backoff << doublings))


def after(
    answer: Answer,
    *,
    tries: int,
    refused_since: Instant | None,
    held_for: HoldReason | None,
    now: Instant,
    policy: RetryPolicy,
    random: Callable[[], float],
) -> Step:
    """The message's next state once `answer` is recorded at `now`.

    `tries` were used before this answer; `held_for` is why the lane is held before this
    answer moves its hold.
    """
    match answer.kind:
        case Kind.DELIVERED:
            return _DELIVERED
        case Kind.FAILED | Kind.TIMEOUT:
            used = tries + 1
            if used >= policy.max_attempts:
                return Step(Status.DEAD, Reason.EXHAUSTED)
            return Step(Status.SCHEDULED, again_at=now + backoff(used, policy, random))
        case Kind.THROTTLED | Kind.UNREACHABLE:
            since = now if refused_since is None else refused_since
            if now - since >= policy.give_up:
                return Step(
                    Status.DEAD, _GIVEN_UP[answer.kind], uses_try=False, refused_since=since
                )
            return Step(Status.SCHEDULED, again_at=now, uses_try=False, refused_since=since)
        case Kind.REFUSED if (
            held_for is HoldReason.REFUSED
        ):  # a broken deployment ends no message: the lane is probed instead
            return Step(Status.SCHEDULED, again_at=now, uses_try=False)
        case Kind.REJECTED | Kind.REFUSED:
            return Step(Status.DEAD, Reason.REJECTED)


def tell_again_at(
    answer: Answer,
    *,
    tries: int,
    created_at: Instant,
    now: Instant,
    policy: RetryPolicy,
    random: Callable[[], float],
) -> Instant | None:
    """When an event is told again after `answer`; None where it was taken (any 2xx), or
    could not be told for three days.

    `tries` were made before this one. Nothing else ends it: an application that is broken
    today may be mended tomorrow.
    """
    if taken(answer) or now - created_at >= TOLD_FOR:
        return None
    return max(answer.wait_until or 0, now + backoff(tries + 1, policy, random))


def taken(answer: Answer) -> bool:
    """Whether the application has taken an event."""
    return answer.status_code is not None and 200 <= answer.status_code < 300
