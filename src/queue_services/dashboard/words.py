"""Figures, times and states as people read them. Called by the templates (as filters) and
by the live figures; decides nothing.
"""

from __future__ import annotations

import json
from typing import Any

from queue_services.domain.message import SECOND, Instant, Status
from queue_services.queue.overview import DUE_COUNTED
from queue_services.wire.answers import STATUS_NAMES
from queue_services.wire.times import rfc3339

MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

STATUS_WORDS = {status: name.capitalize() for status, name in STATUS_NAMES.items()}
WAITS = {
    "due": "its time",
    "window": "the send window to open",
    "workspace_limit": "a slot of the workspace's limit",
    "service_limit": "a slot of the service's limit",
    "pause": "a pause to end",
    "hold": "a hold on the endpoint to end",
    "receiver": "the endpoint to answer faster",
    "turn": "its turn among other workspaces",
}
REASONS = {
    "cancelled": "cancelled by request",
    "expired": "it was past its expiry",
    "suppressed": "the recipient is suppressed",
    "rejected": "the application rejected it",
    "exhausted": "all tries are used",
    "unreachable": "the application could not be reached for 24 h",
    "throttled": "the application asked to wait for 24 h",
}


def number(value: float) -> str:
    """1,234,567."""
    return f"{value:,.0f}"


def due(count: int) -> str:
    """How many are due; as far as they are counted."""
    return f"{count:,}+" if count >= DUE_COUNTED else f"{count:,}"


def rate(value: float) -> str:
    """Messages a second: 50, 4.2, 0.05."""
    return (
        f"{value:,.0f}"
        if value >= 10 or value == int(value)
        else f"{value:.1f}"
        if value >= 1
        else f"{value:.2g}"
    )


def duration(value: float | None) -> str:
    """A span of microseconds: 12 ms, 3.4 s, 5 min 20 s, 2 h 5 min, 3 d 4 h."""
    if value is None:
        return "—"
    if value < SECOND:
        return (
            f"{value / 1000:.0f} ms" if value >= 10_000 or value == 0 else f"{value / 1000:.1f} ms"
        )
    if value < 10 * SECOND:
        return f"{value / SECOND:.1f} s"
    whole = round(value / SECOND)
    for size, name, part_size, part_name in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            part = whole % size // part_size
            return f"{whole // size} {name}" + (f" {part} {part_name}" if part else "")
    return f"{whole} s"


def moment(at: Instant) -> str:
    """24 Nov 2026, 08:03:12: in UTC, as the page says once."""
    text = rfc3339(at)
    return f"{int(text[8:10])} {MONTHS[int(text[5:7]) - 1]} {text[:4]}, {text[11:19]}"


def relative(at: Instant, now: Instant) -> str:
    """In 5 min, 2 h ago, now."""
    if abs(at - now) < SECOND:
        return "now"
    seconds = abs(at - now) // SECOND
    text = f"{seconds} s" if seconds < 60 else duration(seconds * SECOND)
    return f"in {text}" if at > now else f"{text} ago"


def size(value: int) -> str:
    """Bytes: 12 KB, 3.4 MB."""
    amount = float(value)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TB"


def status(value: Status) -> str:
    """Scheduled, Processing, Completed, Failed, Cancelled."""
    return STATUS_WORDS[value]


def plain(value: float) -> str:
    """A limit: 50 and not 50.0."""
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def pretty(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
