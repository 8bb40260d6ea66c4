"""When a claim is an exceedance of a workspace's limit, and how the ledger words it.

Called by the claiming flow for each lane it leaves with due messages, and by settling for
an endpoint's 429. An exceedance fails nothing: what is over the limit waits.
"""

from __future__ import annotations

from queue_services.domain.message import SECOND, Instant

# At most one a lane in so long: at fifty claims a second the ledger would grow faster than
# the messages are sent.
APART = SECOND
# How far a batch size is counted; more is shown as this.
DUE_COUNTED = 10_000


def exceeded(due: int, left_for_want_of_own_slots: bool, rate: float) -> bool:
    """Whether a claim left due messages behind because its workspace's limit had no slot
    for them, with more due than `rate` sends in a second.

    `due` counts what was due when it claimed, with what it took. Slots are the workspace's
    own where its limit is, and the channel's where its limit is the service's; messages
    left for want of connections or behind a hold do not count as left for them.
    """
    return left_for_want_of_own_slots and due > rate


def recordable(last_at: Instant | None, now: Instant) -> bool:
    """Whether a lane whose newest exceedance is of `last_at` gets another: one a second at
    most. After a clock that stepped back it does.
    """
    return last_at is None or not 0 <= now - last_at < APART


def message(rate: float) -> str:
    """The text of an exceedance of `rate` a second: "Rate limit exceeded: 50 per second";
    below 1 "... 1 per 5 seconds".
    """
    if rate >= 1:
        return f"Rate limit exceeded: {_plain(rate)} per second"
    return f"Rate limit exceeded: 1 per {_plain(1 / rate)} seconds"


def _plain(number: float) -> str:
    """Without an exponent and with two decimals at most, fewer where they are zeros."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
