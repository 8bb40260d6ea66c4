"""Settings with an end: a pause or a limit that somebody set until an instant, with a reason, and
the value that is in force after it.

Called by `queue.timed_settings`. A change of the value without an end ends the former one.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from queue_services.domain.message import Instant


class Timed(msgspec.Struct, frozen=True):
    """The end of a setting (None: none), why it was set, and the value that follows it."""

    until: Instant | None = None
    reason: str | None = None
    former: Any = None


class TimedChange(msgspec.Struct, frozen=True):
    """What a caller says of a setting's end and reason: UNSET is what it does not say, None
    takes it away.
    """

    until: Instant | UnsetType | None = UNSET
    reason: str | UnsetType | None = UNSET

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return self.until is UNSET and self.reason is UNSET


NOTHING_SAID = TimedChange()


def after_change(
    before: Timed | None, change: TimedChange, *, value_changed: bool, former: Any
) -> Timed | None:
    """The end and reason after a change; None where the setting has neither.

    `value_changed`: the same change set the value. What follows a temporary value is the one
    before it, also where a temporary value replaces another.
    """
    kept = Timed() if before is None or value_changed else before
    until = kept.until if change.until is UNSET else change.until
    reason = kept.reason if change.reason is UNSET else change.reason
    if until is None and reason is None:
        return None
    if before is not None and before.until is not None:
        former = before.former
    return Timed(until, reason, former)
