"""Instants as the wire writes them: RFC 3339 in UTC with milliseconds and `Z`. Used by
every body, query and answer.

Reads no clock and knows no zone but offsets.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from queue_services.domain.message import SECOND, Instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST: Instant = (
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) - _EPOCH
) // _MICROSECOND
_LEAP_SECOND = re.compile(
    r"(.{17})60(?:\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII | re.IGNORECASE
)
_Aware = Annotated[datetime, msgspec.Meta(tz=True)]

MALFORMED = "must be a time with an offset, such as 2025-03-22T10:15:30.123Z"


def instant(text: str) -> Instant:
    """The instant that an RFC 3339 date-time names, rounded to the microsecond.

    A leap second (RFC 3339, 5.6: `:60` at 23:59 UTC) is the first instant after it. Raises
    ValueError, whose text says what to send, for anything else: no offset, no such day,
    24:00, a year outside 1-9999.
    """
    try:
        return (msgspec.convert(text, _Aware) - _EPOCH) // _MICROSECOND
    except (msgspec.ValidationError, UnicodeEncodeError):
        return _leap_second(text)


def _leap_second(text: str) -> Instant:
    match = _LEAP_SECOND.fullmatch(text)
    if match is None:
        raise ValueError(MALFORMED)
    before = instant(f"{match[1]}59{match[2]}")
    if (before // SECOND + 1) % 86_400:
        raise ValueError("has a second 60, which only 23:59 UTC can have")
    return before + SECOND


def rfc3339(moment: Instant) -> str:
    """`moment` in UTC with milliseconds (cut, not rounded: an answer never names a later
    time than it means).

    Years outside 1-9999 cannot be written; `moment` is then taken to the nearest that can.
    """
    moment = min(max(moment, -62_135_596_800 * SECOND), _LATEST)
    seconds, microseconds = divmod(moment, SECOND)
    return f"{_whole_seconds(seconds)}.{microseconds // 1000:03}Z"


@functools.lru_cache(1024)  # most of what is written at one time is of the same few seconds
def _whole_seconds(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def optional_rfc3339(moment: Instant | None) -> str | None:
    """`moment` as `rfc3339` writes it, or None."""
    return None if moment is None else rfc3339(moment)
