"""Send windows and local days: when a workspace's window is open, and when its day begins,
in its own IANA zone.

Called by the claiming flow (what waits for an opening), the workspace calls (which windows
and zones are accepted), quotas and the forecast. A window of a day is one span of instants:
from the instant at which the local clock shows its start to the one at which it shows its
end. A time that a change of the clocks skips moves forward by what was skipped, one that it
repeats is the first: as RFC 5545 (3.3.5) and ISO calendars read local times. Zones come
from the machine or from tzdata; nothing else is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from queue_services.domain.message import SECOND, Instant
from queue_services.errors import Fault

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# Instants outside these years have no local date in every zone that `datetime` can hold;
# FOREVER is one of them.
_FIRST, _LAST = (
    round((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * SECOND
    for year in (3, 9998)
)
# The furthest that an opening lies ahead is a week, and another where a change of the
# clocks left the window of its one day nothing.
_DAYS_AHEAD = 16
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}")
# Names that are files beside the zones but mean the machine's own, nothing, or a copy of
# the whole tree (one of them with leap seconds).
NOT_ZONES = frozenset({"localtime", "posixrules", "Factory"})
_NOT_FOLDERS = ("posix/", "right/")


class Window(msgspec.Struct, frozen=True):
    """From `start` to `end` ("HH:MM") on `days` (1 = Monday); an `end` at or before `start`
    is on the next day, and the day is that of the opening.
    """

    start: str
    end: str
    days: tuple[int, ...] = EVERY_DAY


def window_faults(start: object, end: object, days: object = EVERY_DAY) -> tuple[Fault, ...]:
    """Every fault of a window's members, each with the member's name as field; none means
    that `Window(start, end, tuple(days))` opens some time.
    """
    faults = [
        Fault(name, 'give a time of day as "HH:MM", 00:00 to 23:59')
        for name, value in (("start", start), ("end", end))
        if not (isinstance(value, str) and _TIME.fullmatch(value))
    ]
    if not faults and start == end:
        faults.append(
            Fault(
                "end",
                "is the same as start; for no window give null, for whole days 00:00 to 23:59",
            )
        )
    if not isinstance(days, list | tuple) or not all(
        type(day) is int and 1 <= day <= 7 for day in days
    ):
        faults.append(Fault("days", "give a list of days of the week, 1 (Monday) to 7 (Sunday)"))
    elif not days:
        faults.append(
            Fault(
                "days",
                "names no day, so the window never opens; to stop sending, pause the channel"
                " instead",
            )
        )
    elif len(set(days)) < len(days):
        faults.append(Fault("days", "names a day twice"))
    return tuple(faults)


def zone_fault(name: object) -> str | None:
    """What is wrong with an IANA zone name, or None where the zone can be used. Letter case
    counts.
    """
    if (
        isinstance(name, str)
        and _ZONE_NAME.fullmatch(name)
        and name not in NOT_ZONES
        and not name.startswith(_NOT_FOLDERS)
    ):
        try:
            ZoneInfo(name)
        except (
            OSError,
            ValueError,
            KeyError,
        ):  # a folder, a file that is no zone, or nothing at all
            pass
        else:
            return None
    return 'is no known time zone; give an IANA name such as "Europe/Berlin"'


def opening(window: Window, zone: str, at: Instant) -> Instant:
    """The first instant from `at` on at which the window is open: `at` itself while it is.

    Outside the years 3 to 9997 every window counts as open. Raises what ZoneInfo raises for
    a zone that `zone_fault` refuses.
    """
    if not _FIRST <= at < _LAST:
        return at
    return next((max(at, opens) for opens, closes in _spans(window, zone, at) if at < closes), at)


def closing(window: Window, zone: str, at: Instant) -> Instant:
    """When the window closes that is open at `at` or, where none is, the next to open;
    windows that touch are one.
    """
    if not _FIRST <= at < _LAST:
        return at
    end: Instant | None = None
    for opens, closes in _spans(window, zone, at):
        if end is not None and opens > end:
            break
        if at < closes:
            end = max(closes, end or closes)
    return at if end is None else end


def day_bounds(zone: str, at: Instant) -> tuple[Instant, Instant]:
    """The start (inclusive) and end (exclusive) of the local day that `at` lies in; days
    follow each other without gap or overlap.

    A day that the zone skipped has no instants; one ends when the next begins, even where
    the clocks then come back to its date. Outside the years 3 to 9997 days are those of
    UTC.
    """
    if not _FIRST <= at < _LAST:
        return at // DAY * DAY, at // DAY * DAY + DAY
    day = _local_day(zone, at)
    while at < _midnight(zone, day):
        day -= 1
    while at >= _midnight(zone, day + 1):
        day += 1
    return _midnight(zone, day), _midnight(zone, day + 1)


def _local_day(zone: str, at: Instant) -> int:
    """The ordinal (as `date.toordinal`) of the date that the local calendar shows at `at`."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).toordinal()


def _spans(window: Window, zone: str, at: Instant) -> Iterator[tuple[Instant, Instant]]:
    """The window's spans around `at`, in order: from the last that can still be open, over
    midnight and a skipped day.
    """
    today = _local_day(zone, at)
    for day in range(today - 2, today + _DAYS_AHEAD):
        span = _span(window, zone, day)
        if span is not None:
            yield span


@lru_cache(maxsize=16_384)
def _span(window: Window, zone: str, day: int) -> tuple[Instant, Instant] | None:
    """When the window of one date opens and closes; None where it does not: another day of
    the week, skipped by the zone, or closed before it opens.
    """
    if (day - 1) % 7 + 1 not in window.days or _midnight(zone, day) == _midnight(zone, day + 1):
        return None
    start, end = _minutes(window.start), _minutes(window.end)
    opens = _instant(zone, day, start)
    closes = _instant(zone, day if end > start else day + 1, end)
    return (opens, closes) if opens < closes else None


def _minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


def _instant(zone: str, day: int, minutes: int) -> Instant:
    """The instant at which the local clock shows a time of a date: the first of two, or
    moved forward out of a gap (what fold=0 means, PEP 495).
    """
    naive = datetime.fromordinal(day) + timedelta(minutes=minutes)
    offset = naive.replace(tzinfo=ZoneInfo(zone)).utcoffset() or timedelta(0)
    return ((day - _EPOCH_ORDINAL) * 1440 + minutes) * 60 * SECOND - round(
        offset.total_seconds() * SECOND
    )


@lru_cache(maxsize=16_384)
def _midnight(zone: str, day: int) -> Instant:
    """The first instant whose local date is `day` or later."""
    at = _instant(zone, day, 0)
    offsets = [
        datetime.fromordinal(day).replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset()
        or timedelta(0)
        for fold in (0, 1)
    ]
    skipped = round((offsets[1] - offsets[0]).total_seconds())
    if skipped <= 0:
        return at
    # Midnight is inside a gap that began before it, so that the date begins at the gap's
    # end: between these two, to the second.
    before, after = at // SECOND - skipped, at // SECOND
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (
            (before, middle) if _local_day(zone, middle * SECOND) >= day else (middle, after)
        )
    return after * SECOND
