"""Alerts: when a figure raises one and when it clears, and whether anyone is notified.

Called by `queue.alerts`, which reads the figures and keeps the states. An alert has
hysteresis (a value of its own to clear at), a duration that the condition must last, and a
quiet period; a transition is reported once, whoever asks however often.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from queue_services.domain.message import Channel, Instant


class Figure(StrEnum):
    """What an alert can watch."""

    FAILED_SHARE = "failed_share"
    OLDEST_DUE_SECONDS = "oldest_due_seconds"
    EXCEEDED_PER_MINUTE = "exceeded_per_minute"
    DISPATCHERS = "dispatchers"
    BACKLOG_CLEARS_SECONDS = "backlog_clears_seconds"
    ENDPOINT_HELD = "endpoint_held"


class Subject(msgspec.Struct, frozen=True):
    """A figure of a channel (None: both) and a workspace (None: all)."""

    figure: Figure
    channel: Channel | None = None
    workspace: str | None = None


class Rule(msgspec.Struct, frozen=True):
    """When an alert fires. The condition holds while the figure is above `threshold`, or below
    it where not `over`; it must hold for `hold_for` microseconds without a break.

    The alert clears once the figure is at `clear_at` or on the other side of it. Within
    `quiet` microseconds of a firing that was notified no other is notified.
    """

    subject: Subject
    threshold: float
    over: bool
    hold_for: int
    quiet: int
    clear_at: float
    sinks: tuple[str, ...] = ()

    def met(self, value: float) -> bool:
        """Whether the condition holds."""
        return value > self.threshold if self.over else value < self.threshold

    def cleared(self, value: float) -> bool:
        """Whether the figure is far enough on the good side."""
        return value <= self.clear_at if self.over else value >= self.clear_at


class AlertState(StrEnum):
    """OK; PENDING: the condition holds, not yet long enough; FIRING."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"


class Standing(msgspec.Struct, frozen=True):
    """Where an alert stands: its state since an instant, the newest value of its figure, when
    it was last notified, and whether the firing that lasts was notified.
    """

    state: AlertState = AlertState.OK
    since: Instant = 0
    value: float | None = None
    notified_at: Instant | None = None
    loud: bool = False


class Transition(StrEnum):
    """What an evaluation brought, as the event and the notification call it; TEST is what an
    operator asked for.
    """

    FIRING = "alert.firing"
    CLEARED = "alert.cleared"
    TEST = "alert.test"


class Evaluation(msgspec.Struct, frozen=True):
    """The standing after an evaluation, the transition if there was one, and whether the
    sinks hear of it.
    """

    standing: Standing
    transition: Transition | None = None
    notify: bool = False


def evaluate(rule: Rule, before: Standing, value: float, now: Instant) -> Evaluation:
    """Compare a figure with its rule at an instant.

    A clock that was set back never prolongs an alert: an instant ahead of `now` counts as
    `now`.
    """
    since = min(before.since, now)
    if before.state is AlertState.FIRING:
        if rule.cleared(value):
            after = msgspec.structs.replace(
                before, state=AlertState.OK, since=now, value=value, loud=False
            )
            return Evaluation(after, Transition.CLEARED, before.loud)
        return Evaluation(msgspec.structs.replace(before, since=since, value=value))
    if not rule.met(value):
        ok_since = since if before.state is AlertState.OK else now
        return Evaluation(
            msgspec.structs.replace(before, state=AlertState.OK, since=ok_since, value=value)
        )
    if before.state is AlertState.OK:
        since = now
    if now - since < rule.hold_for:
        return Evaluation(
            msgspec.structs.replace(before, state=AlertState.PENDING, since=since, value=value)
        )
    notified_at = before.notified_at
    loud = notified_at is None or notified_at > now or now - notified_at >= rule.quiet
    after = Standing(AlertState.FIRING, now, value, now if loud else notified_at, loud)
    return Evaluation(after, Transition.FIRING, loud)
