"""When a step is due: day numbers, wall clocks and zones, where clocks change and where
they do not.
"""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whenever import PlainDateTime

from queue_services_client.calendar import (
    MONDAY_TO_FRIDAY,
    delay_ms,
    is_open,
    next_opening,
    send_time,
    time_zone,
    wall_clock,
)
from queue_services_client.errors import ValidationFailed
from queue_services_client.types import SendWindow

BERLIN = "Europe/Berlin"
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)  # a Friday; 14:00 in Berlin
ZONES = sorted(zoneinfo.available_timezones())
MIDNIGHTS = st.dates(date(2000, 1, 1), date(2040, 12, 31))
UNHURRIED = settings(deadline=None)  # the first use of a zone reads its file
SMALL_HOURS = st.times(time(0), time(4))
TIMES = (SMALL_HOURS | st.times()).map(lambda moment: moment.replace(microsecond=0))


@st.composite
def days_of_change(draw: st.DrawFn) -> tuple[str, date]:
    """A zone, and a day on which its clocks change where it has one that year."""
    zone, year = draw(st.sampled_from(ZONES)), draw(st.integers(2000, 2040))
    place = time_zone(zone)
    noons = [
        datetime(year, 1, 1, 12, tzinfo=place) + timedelta(days=number) for number in range(365)
    ]
    changes = [
        after.date() for before, after in pairwise(noons) if before.utcoffset() != after.utcoffset()
    ]
    return zone, draw(st.sampled_from(changes)) if changes else draw(MIDNIGHTS)


def local(text: str, zone: str = BERLIN) -> datetime:
    """The instant that whenever, another implementation, has for a wall-clock time: forward
    in a gap, the first of two.
    """
    return PlainDateTime(text).assume_tz(zone, disambiguation="compatible").to_instant().to_stdlib()


def test_day_0_is_today_where_the_contact_is_not_where_the_clock_of_the_server_is() -> None:
    late_in_utc = datetime(2026, 5, 1, 20, 0, tzinfo=UTC)  # already 2 May in Tokyo
    assert send_time(0, "09:30", "Asia/Tokyo", start=late_in_utc) == local(
        "2026-05-02 09:30", "Asia/Tokyo"
    )


def test_a_time_already_past_today_goes_to_tomorrow() -> None:
    assert send_time(0, "13:59", BERLIN, start=NOON) == local("2026-05-02 13:59")


def test_the_very_instant_of_the_start_is_past() -> None:
    assert send_time(0, "14:00", BERLIN, start=NOON) == local("2026-05-02 14:00")


def test_a_time_still_ahead_today_is_today() -> None:
    assert send_time(0, "14:00:01", BERLIN, start=NOON) == local("2026-05-01 14:00:01")


def test_a_later_day_keeps_its_wall_clock_over_a_change_of_clocks() -> None:
    before = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
    assert send_time(3, "09:30", BERLIN, start=before).isoformat() == "2026-03-30T09:30:00+02:00"


def test_a_skipped_time_moves_forward_and_a_repeated_one_is_its_first() -> None:
    assert (
        send_time(0, "02:30", BERLIN, start=date(2026, 3, 29)).isoformat()
        == "2026-03-29T03:30:00+02:00"
    )
    assert (
        send_time(0, "02:30", BERLIN, start=date(2026, 10, 25)).isoformat()
        == "2026-10-25T02:30:00+02:00"
    )


def test_a_repeated_time_whose_first_is_past_goes_to_the_next_day_though_its_second_is_ahead() -> (
    None
):
    between = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 02:45, the first time
    assert send_time(0, "02:30", BERLIN, start=between) == local("2026-10-26 02:30")


@pytest.mark.parametrize(
    ("zone", "skipped", "after"),
    [
        ("Pacific/Apia", date(2011, 12, 30), date(2011, 12, 31)),
        ("Pacific/Kwajalein", date(1993, 8, 21), date(1993, 8, 22)),
    ],
)
def test_a_day_that_the_zone_skipped_is_the_next_that_exists(
    zone: str, skipped: date, after: date
) -> None:
    due = send_time(1, "09:30", zone, start=skipped - timedelta(days=1))
    assert (due.date(), due.time()) == (after, time(9, 30))


def test_a_date_as_start_is_day_0_even_where_its_time_is_past() -> None:
    assert send_time(2, "09:30", BERLIN, start=date(2020, 1, 1)) == local("2020-01-03 09:30")


def test_a_day_that_is_no_working_day_goes_to_the_next_one() -> None:
    assert send_time(1, "09:30", BERLIN, start=NOON, days=MONDAY_TO_FRIDAY) == local(
        "2026-05-04 09:30"
    )


def test_a_time_past_on_friday_goes_to_monday_on_working_days() -> None:
    assert send_time(0, "09:30", BERLIN, start=NOON, days=MONDAY_TO_FRIDAY) == local(
        "2026-05-04 09:30"
    )


def test_a_delay_is_never_shorter_than_the_way_to_the_send_time() -> None:
    start = datetime(2026, 5, 1, 7, 29, 59, 999_500, tzinfo=UTC)
    assert delay_ms(0, "09:30", BERLIN, start=start) == 1


def test_a_delay_counts_real_milliseconds_over_a_change_of_clocks_though_start_is_in_the_zone() -> (
    None
):
    start = datetime(2026, 3, 28, 12, 0, tzinfo=time_zone(BERLIN))
    assert delay_ms(1, "12:00", BERLIN, start=start) == 23 * 3_600_000


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Mars/Olympus",
        "x" * 5_000,
        "../../etc/passwd",
        "/etc/passwd",
        "America",
        "a\0b",
        "\ud800",
        "tzdata.zi",
    ],
)
def test_a_zone_that_is_none_is_named_as_such(zone: str) -> None:
    with pytest.raises(ValidationFailed, match="no time zone") as refused:
        send_time(0, "09:30", zone, start=NOON)
    assert refused.value.faults[0].field == "zone"
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "at",
    ["", "9", "24:00", "09:60", "09:30:60", "-1:00", "09:30 ", "09:30+01:00", "٠٩:٣٠", "099:30"],
)
def test_a_time_that_is_none_is_named_as_such(at: str) -> None:
    with pytest.raises(ValidationFailed, match="no time of day"):
        send_time(0, at, BERLIN, start=NOON)


def test_a_single_digit_hour_is_read() -> None:
    assert wall_clock("9:05") == time(9, 5)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"day_number": -1}, "day_number"),
        ({"day_number": 10**9}, "day_number"),
        ({"days": ()}, "days"),
        ({"days": (0,)}, "days"),
        ({"start": datetime(2026, 1, 1)}, "start"),  # noqa: DTZ001 - the fault under test
    ],
)
def test_what_cannot_be_a_day_or_a_start_is_refused_by_name(
    arguments: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        send_time(**{"day_number": 0, "at": "09:30", "zone": BERLIN, "start": NOON, **arguments})  # type: ignore[arg-type]
    assert refused.value.faults[0].field == field


@UNHURRIED
@given(MIDNIGHTS, TIMES, st.sampled_from(ZONES), st.integers(0, 400))
def test_every_zone_agrees_with_whenever(start: date, at: time, zone: str, day_number: int) -> None:
    due = send_time(day_number, at.isoformat(), zone, start=start)
    assert due.astimezone(UTC) == local(f"{start + timedelta(days=day_number)} {at}", zone)


@UNHURRIED
@given(days_of_change(), SMALL_HOURS.map(lambda moment: moment.replace(microsecond=0)))
def test_every_zone_agrees_with_whenever_on_the_days_when_its_clocks_change(
    change: tuple[str, date], at: time
) -> None:
    zone, day = change
    assert send_time(0, at.isoformat(), zone, start=day).astimezone(UTC) == local(
        f"{day} {at}", zone
    )


@UNHURRIED
@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    TIMES,
    st.sampled_from(ZONES),
    st.integers(0, 30),
)
def test_a_send_time_is_always_ahead_and_at_most_a_day_after_its_day(
    start: datetime, at: time, zone: str, day_number: int
) -> None:
    due = send_time(day_number, at.isoformat(), zone, start=start)
    assert due > start
    assert (
        timedelta(0)
        <= due.date() - start.astimezone(time_zone(zone)).date() - timedelta(days=day_number)
        <= timedelta(days=2)
    )
    assert delay_ms(day_number, at.isoformat(), zone, start=start) >= (due - start) / timedelta(
        milliseconds=1
    )


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
def test_each_day_from_2000_to_2040_agrees_with_whenever(zone: str) -> None:
    days = [date(2000, 1, 1) + timedelta(days=number) for number in range(41 * 366)]
    for day, at in product(days, ("00:00:00", "02:30:00", "09:30:00", "23:59:59")):
        assert send_time(0, at, zone, start=day).astimezone(UTC) == local(f"{day} {at}", zone), (
            zone,
            day,
            at,
        )


OFFICE = SendWindow(start="08:00", end="21:00", days=(1, 2, 3, 4, 5))
NIGHT = SendWindow(start="22:00", end="06:00", days=(5,))


def test_a_moment_inside_the_window_is_its_own_opening() -> None:
    assert next_opening(OFFICE, NOON, BERLIN) == NOON


def test_the_window_opens_at_its_start_and_is_closed_from_its_end_on() -> None:
    assert is_open(OFFICE, local("2026-05-01 08:00"), BERLIN)
    assert not is_open(OFFICE, local("2026-05-01 07:59:59"), BERLIN)
    assert is_open(OFFICE, local("2026-05-01 20:59:59"), BERLIN)
    assert not is_open(OFFICE, local("2026-05-01 21:00"), BERLIN)


def test_after_fridays_end_it_opens_on_monday() -> None:
    assert next_opening(OFFICE, local("2026-05-01 21:00"), BERLIN) == local("2026-05-04 08:00")


def test_a_window_over_midnight_belongs_to_the_day_it_opens_on() -> None:
    assert is_open(NIGHT, local("2026-05-02 05:59"), BERLIN)
    assert not is_open(NIGHT, local("2026-05-01 05:59"), BERLIN)
    assert next_opening(NIGHT, local("2026-05-02 06:00"), BERLIN) == local("2026-05-08 22:00")


def test_a_window_whose_end_is_its_start_is_open_all_day() -> None:
    assert is_open(
        SendWindow(start="00:00", end="00:00", days=(5,)), local("2026-05-01 23:59:59"), BERLIN
    )


def test_an_opening_in_a_gap_is_where_the_clocks_go_on() -> None:
    window = SendWindow(start="02:30", end="06:00")
    assert next_opening(window, local("2026-03-29 01:00"), BERLIN) == local("2026-03-29 03:30")


def test_the_second_of_two_equal_hours_is_inside_a_window_that_spans_both() -> None:
    window = SendWindow(start="02:00", end="03:00")
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC).astimezone(time_zone(BERLIN))
    assert second.hour == 2
    assert is_open(window, second, BERLIN)


def test_a_window_without_days_is_refused() -> None:
    with pytest.raises(ValidationFailed, match="at least one day"):
        next_opening(SendWindow(start="08:00", end="21:00", days=()), NOON, BERLIN)


@UNHURRIED
@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    st.sampled_from(ZONES),
    TIMES,
    TIMES,
    st.sets(st.integers(1, 7), min_size=1),
)
def test_an_opening_is_not_before_the_moment_and_the_window_is_open_then(
    moment: datetime, zone: str, start: time, end: time, days: set[int]
) -> None:
    window = SendWindow(start=start.isoformat(), end=end.isoformat(), days=tuple(days))
    opening = next_opening(window, moment, zone)
    assert opening >= moment
    assert is_open(window, opening, zone)
    assert opening == moment or not is_open(window, opening - timedelta(microseconds=1), zone)
