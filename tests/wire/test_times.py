"""RFC 3339 in, UTC with milliseconds out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from queue_services.domain.message import FOREVER
from queue_services.wire.times import instant, optional_rfc3339, rfc3339

SECOND_OF_SEED = 1_742_638_530_123_000


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-22T10:15:30.123Z",
        "2025-03-22T12:15:30.123+02:00",
        "2025-03-22T04:45:30.123-05:30",
        "2025-03-22t10:15:30.123z",
        "2025-03-22T10:15:30.1230000Z",
        "2025-03-23T10:14:30.123+23:59",
    ],
)
def test_every_spelling_of_one_instant_is_that_instant(text: str) -> None:
    assert instant(text) == SECOND_OF_SEED


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-22T10:15:30.123",
        "2025-03-22",
        "2025-03-22T24:00:00Z",
        "2025-02-29T10:15:30Z",
        "2025-03-22T10:60:30Z",
        "2025-03-22T10:15:61Z",
        "2025-03-22T10:15Z",
        "2025-03-22T10:15:30+24:00",
        "0000-03-22T10:15:30Z",
        "12025-03-22T10:15:30Z",
        "9999-12-31T23:59:59.9999999Z",
        "20250322T101530Z",
        " 2025-03-22T10:15:30Z",
        "2025-03-22T10:15:30Z\n",
        "٢٠٢٥-03-22T10:15:30Z",
        "1742638530123",
        "now",
        "",
    ],
)
def test_what_is_no_instant_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 2025-03-22T10:15:30\.123Z"):
        instant(text)


def test_a_leap_second_is_the_first_instant_after_it() -> None:
    midnight = instant("2017-01-01T00:00:00Z")
    assert [
        instant(text)
        for text in ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z", "2017-01-01T01:59:60+02:00")
    ] == [midnight] * 3


def test_a_second_60_anywhere_else_is_refused() -> None:
    with pytest.raises(ValueError, match="second 60"):
        instant("2016-12-31T12:59:60Z")


def test_an_answer_never_names_a_later_time_than_it_means() -> None:
    assert rfc3339(SECOND_OF_SEED + 999) == "2025-03-22T10:15:30.123Z"
    assert rfc3339(-1) == "1969-12-31T23:59:59.999Z"


def test_an_instant_beyond_the_calendar_is_written_as_the_nearest_that_can_be() -> None:
    assert rfc3339(FOREVER) == "9999-12-31T23:59:59.999Z"
    assert rfc3339(-FOREVER) == "0001-01-01T00:00:00.000Z"


def test_no_instant_is_written_as_null() -> None:
    assert (optional_rfc3339(None), optional_rfc3339(0)) == (None, "1970-01-01T00:00:00.000Z")


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
@example(datetime(2024, 2, 29, 23, 59, 59, 999_999), -1)  # noqa: DTZ001
def test_what_is_written_in_any_zone_is_read_as_the_same_instant(
    naive: datetime, minutes: int
) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    read = instant(moment.isoformat())
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=read) == moment
    assert instant(rfc3339(read)) == read // 1000 * 1000
