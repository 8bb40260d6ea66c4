"""When a campaign's step is due: day numbers and wall-clock times in a zone become
instants. Pure; used by `plan` and by applications.

The rules where clocks change (RFC 5545, 3.3.5, has the first two): a time that the clocks
skip moves forward by what they skip; a time they show twice is the first; a whole day that
a zone skipped (Pacific/Apia, 2011-12-30) is skipped like an hour, so its times are those of
the next day.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from queue_services_client.errors import Fault, ValidationFailed
from queue_services_client.types import SendWindow

Weekdays: TypeAlias = Collection[int]
EVERY_DAY: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
MONDAY_TO_FRIDAY: tuple[int, ...] = (1, 2, 3, 4, 5)
DAY = timedelta(days=1)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)


def send_time(
    day_number: int, at: str, zone: str, *, start: datetime | date, days: Weekdays = EVERY_DAY
) -> datetime:
    """The instant when the clocks of `zone` show `at` ("HH:MM" or "HH:MM:SS"), `day_number`
    days after `start`, as a datetime in that zone.

    `start` is an aware datetime, usually now: day 0 is the date it has in `zone`, and a
    time that is not after it goes to the next day. Or it is a date, which is day 0 wherever
    the zone is. A day that is not one of `days` (1 = Monday .. 7) goes to the next that is.
    Raises ValidationFailed for a negative day number, a time, zone or weekday that is none,
    and a start without a zone.

    >>> now = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    >>> # 09:30 is past: tomorrow, when clocks have gone forward
    >>> send_time(0, "09:30", "Europe/Berlin", start=now).isoformat()
    '2026-03-29T09:30:00+02:00'
    >>> # skipped: forward by the hour
    >>> send_time(1, "02:30", "Europe/Berlin", start=now).isoformat()
    '2026-03-29T03:30:00+02:00'
    >>> # a Saturday: Monday
    >>> send_time(3, "09:30", "Europe/Berlin", start=date(2026, 3, 4),
    ...     days=MONDAY_TO_FRIDAY).isoformat()
    '2026-03-09T09:30:00+01:00'
    """
    if day_number < 0:
        raise ValidationFailed.of(
            Fault("day_number", f"{day_number} is before the start; give 0 or more")
        )
    clock, place = wall_clock(at), time_zone(zone)
    _check_days(days)
    try:
        return _send_time(day_number, clock, place, start, days).astimezone(place)
    except OverflowError as error:
        raise ValidationFailed.of(
            Fault("day_number", f"{day_number} days after {start} is beyond the year 9999")
        ) from error


def delay_ms(
    day_number: int, at: str, zone: str, *, start: datetime, days: Weekdays = EVERY_DAY
) -> int:
    """The whole milliseconds from `start`, an aware datetime, to `send_time`, never less: a
    message is not early. Raises as `send_time`.

    >>> delay_ms(0, "09:30", "Asia/Tokyo", start=datetime(2026, 5, 1, 0, 0, tzinfo=UTC))
    1800000
    """
    due = send_time(day_number, at, zone, start=start, days=days)
    return math.ceil((_utc(due) - _utc(start)) / timedelta(milliseconds=1))


def is_open(window: SendWindow, moment: datetime, zone: str) -> bool:
    """Whether `moment` lies in the window: from `start` (inclusive) to `end` (exclusive) of
    an opening on one of its days, by the clocks of `zone`.

    >>> night = SendWindow(start="22:00", end="06:00", days=(5,))
    >>> # Saturday, within Friday's opening
    >>> is_open(night, datetime(2026, 5, 2, 3, 0, tzinfo=UTC), "UTC")
    True
    """
    return _utc(next_opening(window, moment, zone)) == _utc(moment)


def next_opening(window: SendWindow, moment: datetime, zone: str) -> datetime:
    """`moment` itself where the window is open, else its next opening, in `zone`. Raises
    ValidationFailed for a window without days, and as `send_time`.

    >>> office = SendWindow(start="08:00", end="21:00", days=(1, 2, 3, 4, 5))
    >>> # Friday night: Monday
    >>> next_opening(office, datetime(2026, 5, 1, 21, 30, tzinfo=UTC), "UTC").isoformat()
    '2026-05-04T08:00:00+00:00'
    """
    place, opens, closes = time_zone(zone), wall_clock(window.start), wall_clock(window.end)
    _check_days(window.days)
    asked = _utc(moment)
    today = asked.astimezone(place).date()
    for offset in range(
        -2,
        16,
        # an opening may have begun two dates ago where a date was skipped since, and a skipped
        # date may be its only weekday
    ):
        day = today + offset * DAY
        if day.isoweekday() not in window.days:
            continue
        opening = _on(day, opens, place)
        closing = _on(day if closes > opens else day + DAY, closes, place)
        if asked < closing and opening < closing:
            return max(asked, opening).astimezone(place)
    raise ValidationFailed.of(Fault("window", "it never opens"))


def time_zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises ValidationFailed for anything else; ZoneInfo
    itself raises OSError or ValueError for odd and long names.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError) as error:
        raise ValidationFailed.of(
            Fault(
                "zone",
                f"{str(name)[:64]!r} is no time zone; give an IANA name such as Europe/Berlin",
            )
        ) from error


def wall_clock(at: str) -> time:
    """ "HH:MM" or "HH:MM:SS" as a time. Raises ValidationFailed for anything else."""
    try:
        if not (found := _CLOCK.fullmatch(at)):
            raise ValueError(at)  # noqa: TRY301 - one message for both
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return time(hours, minutes, seconds)
    except ValueError as error:
        raise ValidationFailed.of(
            Fault("at", f"{at[:64]!r} is no time of day; give HH:MM or HH:MM:SS, 00:00 to 23:59:59")
        ) from error


def _send_time(
    day_number: int, clock: time, place: ZoneInfo, start: datetime | date, days: Weekdays
) -> datetime:
    if not isinstance(start, datetime):
        return _on(_first_of(days, start + day_number * DAY), clock, place)
    after = _utc(start)
    day = _first_of(days, after.astimezone(place).date() + day_number * DAY)
    while (moment := _on(day, clock, place)) <= after:
        day = _first_of(days, day + DAY)
    return moment


def _on(day: date, clock: time, place: ZoneInfo) -> datetime:
    """The instant, in UTC, when `place` shows `clock` on `day`. A skipped time has the
    offset before it (PEP 495, fold=0), which moves it forward.

    UTC, because Python compares and subtracts two datetimes of one zone by their wall
    clocks, which is wrong where clocks change.
    """
    return datetime.combine(day, clock, place).astimezone(UTC)


def _first_of(days: Weekdays, day: date) -> date:
    while day.isoweekday() not in days:
        day += DAY
    return day


def _check_days(days: Weekdays) -> None:
    if not days or any(day not in EVERY_DAY for day in days):
        raise ValidationFailed.of(Fault("days", "name at least one day, 1 (Monday) to 7 (Sunday)"))


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValidationFailed.of(
            Fault("start", "give a datetime with a zone, as in datetime.now(UTC)")
        )
    return moment.astimezone(UTC)
