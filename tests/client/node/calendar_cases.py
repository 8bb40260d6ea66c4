"""5,000 cases of the calendar rule: what `delay_ms` says, for the Node package's `delayFor` to
say too. Half lie near a change of clocks, where two implementations differ if they do at all.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

from queue_services_client.calendar import delay_ms

COUNT = 5_000
ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Amman",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
)
"""Half-hour and quarter-hour offsets, changes of 30 minutes and of two hours, a skipped day, and a
zone that changes four times a year.
"""
FIRST, LAST = datetime(2005, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
"""The past, which no newer edition of the time zone database changes."""
SKIPPED_DAY = datetime(2011, 12, 29, 12, 0, tzinfo=UTC)


class Case(TypedDict):
    """One case: what is given and the milliseconds it should make."""

    day: int
    at: str
    zone: str
    now: str
    days: list[int]
    delay: int


def cases() -> list[Case]:
    """The cases, the same every time."""
    draw = random.Random("calendar")
    changes = {zone: _changes(zone) for zone in ZONES}
    return [_case(draw, changes, index) for index in range(COUNT)]


def _case(draw: random.Random, changes: dict[str, list[datetime]], index: int) -> Case:
    zone = draw.choice(ZONES)
    day = draw.choice((0, 0, 0, 1, 1, 2, 3, 7, 30, draw.randrange(400)))
    moment = FIRST + timedelta(
        milliseconds=draw.randrange(int((LAST - FIRST) / timedelta(milliseconds=1)))
    )
    near = [SKIPPED_DAY] if zone == "Pacific/Apia" and draw.random() < 0.4 else changes[zone]
    hour = draw.randrange(24)
    if index % 2 and near:
        change = draw.choice(near)
        hours = draw.uniform(-40, 10)
        moment = change - timedelta(days=day) + timedelta(milliseconds=int(hours * 3_600_000))
        hour = (change.astimezone(ZoneInfo(zone)).hour + draw.randrange(-2, 2)) % 24
    at = f"{hour:02}:{draw.choice((0, 0, 15, 30, 45, 59)):02}"
    if draw.random() < 0.3:
        at += f":{draw.randrange(60):02}"
    days = (
        list(range(1, 8))
        if draw.random() < 0.7
        else sorted(draw.sample(range(1, 8), draw.randrange(1, 7)))
    )
    delay = delay_ms(day, at, zone, start=moment, days=days)
    now = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"day": day, "at": at, "zone": zone, "now": now, "days": days, "delay": delay}


def _changes(zone: str) -> list[datetime]:
    """The hours in which the zone's offset changes."""
    place, found = ZoneInfo(zone), []
    moment, step = FIRST, timedelta(days=7)
    while moment < LAST:
        if moment.astimezone(place).utcoffset() != (moment + step).astimezone(place).utcoffset():
            low, high = moment, moment + step
            while high - low > timedelta(hours=1):
                middle = low + (high - low) / 2
                if middle.astimezone(place).utcoffset() == low.astimezone(place).utcoffset():
                    low = middle
                else:
                    high = middle
            found.append(high)
        moment += step
    return found
