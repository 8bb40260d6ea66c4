"""Ends and reasons of pauses and limits, as options of commands."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from msgspec import UNSET

from queue_services.domain.timed import TimedChange
from queue_services.errors import Fault, InvalidRequest
from queue_services.wire.times import instant

Until = Annotated[
    str | None,
    Parameter(help="when it ends by itself: a time with an offset, such as 2027-03-01T09:30:00Z"),
]
Reason = Annotated[str | None, Parameter(help="why, for whoever looks at it")]


def timed_change(until: str | None, reason: str | None) -> TimedChange:
    """What the options `--until` and `--reason` say. Raises InvalidRequest."""
    try:
        end = UNSET if until is None else instant(until)
    except ValueError as error:
        raise InvalidRequest(Fault("--until", str(error))) from None
    return TimedChange(end, UNSET if reason is None else reason)
