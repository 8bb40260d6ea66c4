"""Send windows and local days, against `whenever` as an oracle and against a
minute-by-minute search.
"""

from __future__ import annotations

import time
from datetime import date
from functools import cache
from typing import NamedTuple
from zoneinfo import available_timezones

import pytest
import whenever
from hypothesis import example, given, settings
from hypothesis import strategies as st

from queue_services.domain.calendar import (
    DAY,
    EVERY_DAY,
    Window,
    closing,
    day_bounds,
    opening,
    window_faults,
    zone_fault,
)
from queue_services.domain.message import FOREVER, SECOND, Instant

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

# Places and dates where clocks or calendars do something that a naive rule gets wrong.
ODD_DAYS = [
    ("Europe/Berlin", "2024-03-31"),
    ("Europe/Berlin", "2024-10-27"),
    ("America/New_York", "2025-03-09"),
    ("America/New_York", "2025-11-02"),
    ("Australia/Lord_Howe", "2024-04-07"),  # half an hour
    ("Africa/Cairo", "2024-04-26"),  # midnight is skipped
    ("America/Havana", "2024-11-03"),  # midnight is repeated
    ("America/Nuuk", "2024-03-30"),  # the last hour of a Saturday is skipped
    ("America/St_Johns", "2009-11-01"),  # back over midnight, at one minute past it
    ("America/Toronto", "1919-03-30"),  # a gap around midnight
    ("Pacific/Apia", "2011-12-30"),  # a Friday that never was
    ("Pacific/Kwajalein", "1993-08-21"),
    ("America/Juneau", "1867-10-18"),  # a date that was lived twice
    ("Asia/Kathmandu", "2030-06-01"),
    ("Antarctica/Troll", "2031-03-30"),  # two hours
    ("America/Sao_Paulo", "2018-11-04"),
    ("Europe/London", "8765-10-25"),
]

times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
windows = st.builds(
    Window,
    times,
    times,
    st.sets(st.sampled_from(EVERY_DAY), min_size=1).map(lambda days: tuple(sorted(days))),
).filter(lambda window: window.start != window.end)


class Span(NamedTuple):
    opens: Instant
    closes: Instant


def instant(text: str) -> Instant:
    """'2024-03-31 08:00 Europe/Berlin' as an instant, read by whenever."""
    day, clock, zone = text.split()
    return at_clock(whenever.Date(day), clock, zone)


def at_clock(day: whenever.Date, clock: str, zone: str) -> Instant:
    zoned = day.at(whenever.Time(f"{clock}:00")).assume_tz(zone, disambiguation="compatible")
    return zoned.timestamp(unit="microsecond")


@cache
def exists(day: whenever.Date, zone: str) -> bool:
    """Whether the zone's calendar shows the date at any minute of it."""
    start = at_clock(day, "00:00", zone)
    return any(
        local_date(start + minutes * MINUTE, zone) == day
        for minutes in (-1439, -60, -30, -1, 0, 1, 30, 60)
    )


def local(at: Instant, zone: str) -> whenever.ZonedDateTime:
    return whenever.Instant.from_timestamp(at, unit="microsecond").to_tz(zone)


def local_date(at: Instant, zone: str) -> whenever.Date:
    return local(at, zone).date()


@cache
def spans_around(window: Window, zone: str, middle: whenever.Date) -> list[Span]:
    """What the oracle says the window's spans are, from ten days before a date to twenty after."""
    spans = []
    for days in range(-10, 21):
        day = middle.add(days=days)
        if day.day_of_week().value not in window.days or not exists(day, zone):
            continue
        last = day if window.end > window.start else day.add(days=1)
        span = Span(at_clock(day, window.start, zone), at_clock(last, window.end, zone))
        if span.opens < span.closes:
            spans.append(span)
    return spans


def is_open(spans: list[Span], at: Instant) -> bool:
    return any(span.opens <= at < span.closes for span in spans)


# --- windows
# ---------------------------------------------------------------------------------------------------------------------------------


def test_an_open_window_does_not_wait() -> None:
    noon = instant("2025-06-03 12:00 Europe/Berlin")
    assert opening(Window("08:00", "21:00"), "Europe/Berlin", noon) == noon


def test_a_closed_window_waits_for_the_next_allowed_day() -> None:
    office = Window("08:00", "17:00", (1, 2, 3, 4, 5))
    friday_evening = instant("2025-06-06 17:00 America/New_York")  # the end itself is closed
    assert opening(office, "America/New_York", friday_evening) == instant(
        "2025-06-09 08:00 America/New_York"
    )
    assert closing(office, "America/New_York", friday_evening) == instant(
        "2025-06-09 17:00 America/New_York"
    )


def test_a_window_over_midnight_belongs_to_the_day_it_opens() -> None:
    night = Window("22:00", "06:00", (5,))  # Friday's
    saturday = instant("2025-06-07 05:59 Asia/Tokyo")
    assert opening(night, "Asia/Tokyo", saturday) == saturday
    assert closing(night, "Asia/Tokyo", saturday) == instant("2025-06-07 06:00 Asia/Tokyo")
    assert opening(night, "Asia/Tokyo", instant("2025-06-06 05:00 Asia/Tokyo")) == instant(
        "2025-06-06 22:00 Asia/Tokyo"
    )


def test_a_skipped_start_moves_forward_and_a_repeated_one_is_the_first() -> None:
    assert opening(
        Window("02:30", "09:00"), "Europe/Berlin", instant("2024-03-31 00:00 UTC")
    ) == instant("2024-03-31 01:30 UTC")
    assert opening(
        Window("02:30", "09:00"), "Europe/Berlin", instant("2024-10-26 22:30 UTC")
    ) == instant("2024-10-27 00:30 UTC")


def test_a_day_that_never_was_has_no_opening() -> None:
    fridays = Window("08:00", "20:00", (5,))
    assert opening(fridays, "Pacific/Apia", instant("2011-12-29 21:00 Pacific/Apia")) == instant(
        "2012-01-06 08:00 Pacific/Apia"
    )


def test_a_window_that_is_empty_on_one_day_opens_on_the_next_of_its_days() -> None:
    window = Window("02:30", "03:15", (7,))  # 2024-03-31: it would open at 03:30 and close at 03:15
    assert opening(window, "Europe/Berlin", instant("2024-03-31 00:00 Europe/Berlin")) == instant(
        "2024-04-07 02:30 Europe/Berlin"
    )


def test_windows_that_overlap_where_the_clocks_change_close_together() -> None:
    window = Window(
        "03:15", "02:45"
    )  # the night of 2024-03-31: 02:45 is 03:45, after the next opening
    assert closing(window, "Europe/Berlin", instant("2024-03-31 01:00 Europe/Berlin")) == instant(
        "2024-04-01 02:45 Europe/Berlin"
    )


def test_instants_beyond_the_calendar_wait_for_nothing() -> None:
    for at in (FOREVER, -FOREVER):
        assert opening(Window("08:00", "09:00", (1,)), "Europe/Berlin", at) == at
        assert closing(Window("08:00", "09:00", (1,)), "Europe/Berlin", at) == at
        start, end = day_bounds("Europe/Berlin", at)
        assert start <= at < end


def shows_open(window: Window, zone: str, at: Instant) -> bool:
    """Whether the local clock and calendar, as they read at `at`, are inside the window."""
    now = local(at, zone)
    clock, today = now.time().format("HH:mm"), now.date().day_of_week().value
    if window.start < window.end:
        return today in window.days and window.start <= clock < window.end
    yesterday = (today - 2) % 7 + 1
    return (today in window.days and clock >= window.start) or (
        yesterday in window.days and clock < window.end
    )


@settings(max_examples=25, deadline=None)
@given(
    window=windows,
    zone=st.sampled_from(["Europe/Berlin", "America/Denver", "Asia/Kathmandu", "Pacific/Chatham"]),
    start=st.integers(0, 60 * 1440),
)
def test_where_no_clock_changes_it_is_open_whenever_the_clock_says_so(
    window: Window, zone: str, start: int
) -> None:
    at = instant("2025-06-01 00:00 UTC") + start * MINUTE
    found = next(
        at + minutes * MINUTE
        for minutes in range(8 * 1440)
        if shows_open(window, zone, at + minutes * MINUTE)
    )
    assert opening(window, zone, at) == found
    shut = next(
        found + minutes * MINUTE
        for minutes in range(2 * 1440)
        if not shows_open(window, zone, found + minutes * MINUTE)
    )
    assert closing(window, zone, at) == shut


@settings(max_examples=300, deadline=None)
@given(
    window=windows,
    odd=st.sampled_from(ODD_DAYS),
    minutes=st.integers(-3 * 1440, 3 * 1440),
    extra=st.integers(0, MINUTE - 1),
)
@example(
    window=Window("23:15", "01:00", (6,)), odd=("America/Nuuk", "2024-03-30"), minutes=0, extra=0
)
@example(
    window=Window("22:00", "06:00", (4,)), odd=("Pacific/Apia", "2011-12-30"), minutes=-60, extra=1
)
@example(
    window=Window("00:00", "00:30"), odd=("America/St_Johns", "2009-11-01"), minutes=0, extra=0
)
def test_where_clocks_or_calendars_change_it_agrees_with_the_oracle(
    window: Window, odd: tuple[str, str], minutes: int, extra: int
) -> None:
    zone, day = odd
    middle = whenever.Date(day)
    at = at_clock(middle, "00:00", zone) + minutes * MINUTE + extra
    check_against_oracle(window, zone, middle, at)


@settings(max_examples=100, deadline=None)
@given(
    window=windows,
    zone=st.sampled_from([zone for zone, _ in ODD_DAYS]),
    day=st.dates(date(1800, 1, 1), date(9990, 12, 1)),
    minutes=st.integers(0, 1439),
)
def test_it_agrees_with_the_oracle_in_any_year(
    window: Window, zone: str, day: date, minutes: int
) -> None:
    middle = whenever.Date(day)
    check_against_oracle(window, zone, middle, at_clock(middle, "00:00", zone) + minutes * MINUTE)


def check_against_oracle(window: Window, zone: str, middle: whenever.Date, at: Instant) -> None:
    spans = spans_around(window, zone, middle)
    found = at if is_open(spans, at) else min(span.opens for span in spans if span.opens > at)
    assert opening(window, zone, at) == found
    shut = found
    while is_open(spans, shut):
        shut = max(span.closes for span in spans if span.opens <= shut < span.closes)
    assert closing(window, zone, at) == shut


@pytest.mark.long
def test_every_zone_opens_when_the_oracle_says() -> None:
    window = Window("00:30", "02:30")
    for zone in sorted(name for name in available_timezones() if zone_fault(name) is None):
        for year in range(2000, 2041, 4):
            for day in (date(year, month, 1) for month in range(1, 13)):
                middle = whenever.Date(day)
                at = at_clock(middle, "12:00", zone)
                assert opening(window, zone, at) == next(
                    span.opens for span in spans_around(window, zone, middle) if at < span.opens
                ), (zone, day)


# --- days
# ------------------------------------------------------------------------------------------------------------------------------------


def test_a_day_is_as_long_as_the_clocks_make_it() -> None:
    for day, hours in (("2024-03-31", 23), ("2024-10-27", 25), ("2024-06-01", 24)):
        start, end = day_bounds("Europe/Berlin", instant(f"{day} 12:00 Europe/Berlin"))
        assert (start, end - start) == (instant(f"{day} 00:00 Europe/Berlin"), hours * HOUR)


def test_a_day_begins_where_a_gap_around_its_midnight_ends() -> None:
    start, _ = day_bounds("America/Toronto", instant("1919-03-31 12:00 America/Toronto"))
    assert start == instant("1919-03-31 04:30 UTC")  # 23:30 became 00:30
    assert day_bounds("Africa/Cairo", instant("2024-04-26 12:00 Africa/Cairo"))[0] == instant(
        "2024-04-26 01:00 Africa/Cairo"
    )


def test_a_day_that_has_begun_goes_on_when_the_clocks_come_back_to_the_one_before() -> None:
    quarter_past = instant("2009-11-01 02:45 UTC")  # at 00:01 the clocks went back to 23:01
    assert local_date(quarter_past, "America/St_Johns") == whenever.Date("2009-10-31")
    assert day_bounds("America/St_Johns", quarter_past) == (
        instant("2009-11-01 02:30 UTC"),
        instant("2009-11-02 03:30 UTC"),
    )


def test_a_skipped_day_has_no_bounds_and_its_neighbours_touch() -> None:
    thursday = day_bounds("Pacific/Apia", instant("2011-12-29 12:00 Pacific/Apia"))
    saturday = day_bounds("Pacific/Apia", instant("2011-12-31 12:00 Pacific/Apia"))
    assert thursday[1] == saturday[0]
    assert saturday[1] - saturday[0] == DAY


@settings(max_examples=200, deadline=None)
@given(
    odd=st.sampled_from(ODD_DAYS),
    minutes=st.integers(-4 * 1440, 4 * 1440),
    extra=st.integers(0, MINUTE - 1),
)
def test_days_follow_each_other_and_hold_their_instants(
    odd: tuple[str, str], minutes: int, extra: int
) -> None:
    zone, day = odd
    at = at_clock(whenever.Date(day), "12:00", zone) + minutes * MINUTE + extra
    start, end = day_bounds(zone, at)
    assert start <= at < end
    assert day_bounds(zone, end)[0] == end
    assert day_bounds(zone, start - 1)[1] == start
    assert day_bounds(zone, start) == (start, end)
    assert local_date(start - 1, zone) != local_date(start, zone)


# --- what is accepted
# ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Europe/Berlin",
        "UTC",
        "Etc/GMT+5",
        "America/Argentina/Buenos_Aires",
        "America/Port-au-Prince",
        "EST5EDT",
        "GB",
    ],
)
def test_iana_zones_are_accepted(name: str) -> None:
    assert zone_fault(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Europe",
        "Mars/Olympus",
        "europe/berlin",
        "Europe/Berlin ",
        "Europe/Berlin\n",
        "localtime",
        "posixrules",
        "Factory",
        "posix/UTC",
        "right/UTC",
        "/etc/passwd",
        "../UTC",
        "Europe/../UTC",
        "Europe//Berlin",
        ".",
        "zone.tab",
        "leapseconds",
        "tzdata.zi",
        "a" * 5000,
        "a/" * 500,
        "UTC\0",
        "Ευρώπη",
        "\ud800",
        "C:\\zones",
        None,
        1,
        10**5000,
        ["UTC"],
        True,
    ],
    ids=lambda name: ascii(name)[:20] if not isinstance(name, int) else "number",
)
def test_what_is_no_iana_zone_is_refused(name: object) -> None:
    assert "IANA" in (zone_fault(name) or "")


@given(st.text(max_size=300))
def test_any_text_is_judged_without_an_error(name: str) -> None:
    assert zone_fault(name) is None or name not in {"UTC", "Europe/Berlin"}


@settings(max_examples=60, deadline=None)
@given(windows)
def test_a_window_without_faults_opens_within_a_week(window: Window) -> None:
    assert window_faults(window.start, window.end, window.days) == ()
    at = instant("2025-01-01 00:00 UTC")
    assert opening(window, "UTC", at) < at + 8 * DAY


@pytest.mark.parametrize(
    ("start", "end", "days", "fields"),
    [
        ("08:00", "08:00", [1], ["end"]),
        ("08:00", "21:00", [], ["days"]),
        ("8:00", "21:00", [1], ["start"]),
        ("08:00", "24:00", [1], ["end"]),
        ("08:00", "21:60", [1], ["end"]),
        ("08:00\n", "21:00", [1], ["start"]),
        ("٠٨:٠٠", "21:00", [1], ["start"]),
        (800, None, [1], ["start", "end"]),
        ("08:00", "21:00", [0], ["days"]),
        ("08:00", "21:00", [8], ["days"]),
        ("08:00", "21:00", [1, 1], ["days"]),
        ("08:00", "21:00", [True], ["days"]),
        ("08:00", "21:00", [1.0], ["days"]),
        ("08:00", "21:00", [[1]], ["days"]),
        ("08:00", "21:00", "12345", ["days"]),
        ("08:00", "21:00", None, ["days"]),
        ("x", "y", 7, ["start", "end", "days"]),
    ],
)
def test_every_fault_of_a_window_is_named(
    start: object, end: object, days: object, fields: list[str]
) -> None:
    assert [fault.field for fault in window_faults(start, end, days)] == fields


def test_asking_for_an_opening_again_is_cheap() -> None:
    window, at = (
        Window("08:00", "21:00", (1, 2, 3, 4, 5)),
        instant("2025-06-07 12:00 Europe/Berlin"),
    )
    opening(window, "Europe/Berlin", at)
    started = time.process_time()
    for second in range(2_000):
        opening(window, "Europe/Berlin", at + second * SECOND)
    assert time.process_time() - started < 0.2  # 100 us a call, some ten times what it takes
