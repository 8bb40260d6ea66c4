"""Notifications of alerts: what one says, and the sinks that it can go to.

Kept by `queue.alerts`, delivered by `delivery.notifications`.
"""

from __future__ import annotations

import msgspec

from queue_services.domain.alerts import Rule, Transition
from queue_services.domain.message import Instant


class Sink(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Where notifications go; the subclasses say how."""


class WebhookSink(Sink, frozen=True, kw_only=True, tag="webhook"):
    """A URL that takes Standard Webhooks, signed where there is a secret."""

    url: str
    secret: str | None = None


class SlackSink(Sink, frozen=True, kw_only=True, tag="slack"):
    """A URL that takes `{"text": ...}`."""

    url: str


class SmtpSink(Sink, frozen=True, kw_only=True, tag="smtp"):
    """A mail server. `tls`: implicit on port 465, else STARTTLS is required."""

    host: str
    port: int
    tls: bool
    sender: str
    to: tuple[str, ...]
    username: str | None = None
    password: str | None = None


AnySink = WebhookSink | SlackSink | SmtpSink


class Report(msgspec.Struct, frozen=True):
    """What a notification says. `value` None: the figure is infinite."""

    alert: str
    transition: Transition
    rule: Rule
    value: float | None
    at: Instant
