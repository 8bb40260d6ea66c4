"""The shapes of failures grouped by their fault."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queue_services.wire.answers import Answer, Time
from queue_services.wire.bodies import Id

_Moment = Annotated[
    str, Meta(extra_json_schema={"format": "date-time"}, description="a time with an offset")
]


class ErrorsQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which failed jobs; `from` is inclusive and `to` exclusive, both on when they failed."""

    workspace_id: Id | UnsetType = UNSET
    campaign_id: Id | UnsetType = UNSET
    channel: Annotated[
        Literal["sms", "email"] | UnsetType, Meta(description="`sms` or `email`")
    ] = UNSET
    since: _Moment | UnsetType = msgspec.field(default=UNSET, name="from")
    until: _Moment | UnsetType = msgspec.field(default=UNSET, name="to")
    limit: Annotated[int, Meta(ge=1, le=200, description="a whole number, 1-200")] = 50
    cursor: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9]{1,15}:[0-9a-f]{16}$(?!\n)",
                description="the `nextCursor` of the page before",
            ),
        ]
        | UnsetType
    ) = UNSET


class ErrorMembers(msgspec.Struct, rename="camel", kw_only=True):
    """Failed jobs of one fault: its status and text, in which UUIDs, numbers and quoted text are
    `…`; `example` is the id of one of them.
    """

    error_group: str
    status_code: int | None
    message: str
    count: int
    last_at: Time
    example: str


class ErrorsAnswer(Answer, kw_only=True):
    """The faults of failed jobs, most frequent first."""

    errors: list[ErrorMembers]
    next_cursor: str | None
