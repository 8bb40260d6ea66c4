"""The shapes of workspaces, tiers and channels on the wire: bodies, queries and answers, as
typed structs.

A description completes the sentence "FIELD must be ..." in a fault. `changes` applies the
rules that types cannot say.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queue_services.domain import tiers
from queue_services.domain.calendar import EVERY_DAY
from queue_services.domain.message import Channel
from queue_services.wire import patterns
from queue_services.wire.answers import Answer, Time
from queue_services.wire.bodies import NO_NUL, Id, Whole
from queue_services.wire.bodies import Time as GivenTime

LONGEST_URL = 2000
_NO_NUL = {"pattern": NO_NUL}
Number = int | float
PerSecond = (
    Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": tiers.FASTEST})]
    | Annotated[float, Meta(extra_json_schema={"minimum": tiers.SLOWEST, "exclusiveMaximum": 1})]
)
Limit = Annotated[
    PerSecond | None,
    Meta(description="a whole number of messages a second, or a number below 1; or null"),
]
Url = Annotated[
    Annotated[str, Meta(max_length=LONGEST_URL, extra_json_schema={"pattern": patterns.BASE_URL})]
    | None,
    Meta(description="an http or https URL of at most 2,000 characters; or null"),
]
PAUSED_UNTIL, LIMITS_UNTIL = "pausedUntil", "limitsUntil"
"""As faults name them."""
WORKSPACE_ID = "workspaceId"
"""The path's parameter, as faults name it."""
Reason = Annotated[
    Annotated[str, Meta(min_length=1, max_length=255, extra_json_schema=_NO_NUL)] | None,
    Meta(description="text of 1-255 characters, or null"),
]
TimeOfDay = Annotated[
    str,
    Meta(
        description='a time of day as "HH:MM"', extra_json_schema={"pattern": patterns.TIME_OF_DAY}
    ),
]
_Day = Annotated[Whole, Meta(extra_json_schema={"minimum": 1, "maximum": 7})]
_DAYS = {"minItems": 1, "uniqueItems": True}
_Zone = Annotated[str, Meta(extra_json_schema={"pattern": patterns.ZONE})]
_Secret = Annotated[str, Meta(extra_json_schema={"pattern": patterns.SECRET})]
BY_CHANNEL = "an object with `sms`, `email` or both; or null"


class LimitsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Messages a second by channel: a whole number, or below 1; null falls back."""

    sms: Limit | UnsetType = UNSET
    email: Limit | UnsetType = UNSET


class BaseUrlsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Where callbacks of each channel go, in place of the service's own; null falls back."""

    sms: Url | UnsetType = UNSET
    email: Url | UnsetType = UNSET


class PausedBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which channels are paused."""

    sms: Annotated[bool | None, Meta(description="true, false or null")] | UnsetType = UNSET
    email: Annotated[bool | None, Meta(description="true, false or null")] | UnsetType = UNSET


class WindowBody(msgspec.Struct, forbid_unknown_fields=True):
    """From `start` to `end` in the workspace's zone; an `end` at or before `start` is on
    the next day. `days` are those of the opening, 1 = Monday.
    """

    start: TimeOfDay
    end: TimeOfDay
    days: Annotated[
        list[_Day],
        Meta(
            description="a list of days of the week, 1 (Monday) to 7 (Sunday)",
            extra_json_schema=_DAYS,
        ),
    ] = msgspec.field(default_factory=lambda: list(EVERY_DAY))


class MomentsBody(msgspec.Struct, forbid_unknown_fields=True):
    """By channel, when a pause or a limit ends; null: it does not."""

    sms: GivenTime | UnsetType = UNSET
    email: GivenTime | UnsetType = UNSET


class ReasonsBody(msgspec.Struct, forbid_unknown_fields=True):
    """By channel, why a pause or a limit was set."""

    sms: Reason | UnsetType = UNSET
    email: Reason | UnsetType = UNSET


class WorkspaceBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to change of a workspace: what is not given stays, null clears."""

    tier: (
        Annotated[
            Annotated[str, Meta(min_length=1, max_length=255)] | None,
            Meta(description="the name of a tier, or null"),
        ]
        | UnsetType
    ) = UNSET
    timezone: (
        Annotated[
            _Zone | None, Meta(description='an IANA time zone such as "Europe/Berlin", or null')
        ]
        | UnsetType
    ) = UNSET
    limits: Annotated[LimitsBody | None, Meta(description=BY_CHANNEL)] | UnsetType = UNSET
    callback_base_urls: Annotated[BaseUrlsBody | None, Meta(description=BY_CHANNEL)] | UnsetType = (
        UNSET
    )
    paused: Annotated[PausedBody | None, Meta(description=BY_CHANNEL)] | UnsetType = UNSET
    paused_until: Annotated[MomentsBody | None, Meta(description=BY_CHANNEL)] | UnsetType = UNSET
    paused_reason: Annotated[ReasonsBody | None, Meta(description=BY_CHANNEL)] | UnsetType = UNSET
    limits_until: Annotated[MomentsBody | None, Meta(description=BY_CHANNEL)] | UnsetType = UNSET
    limits_reason: Annotated[ReasonsBody | None, Meta(description=BY_CHANNEL)] | UnsetType = UNSET
    events_url: Url | UnsetType = UNSET
    signing_secret: (
        Annotated[
            _Secret | None,
            Meta(description="whsec_ followed by the base64 of 24 to 64 random bytes; or null"),
        ]
        | UnsetType
    ) = UNSET
    send_window: (
        Annotated[
            WindowBody | None, Meta(description="an object with `start`, `end` and `days`; or null")
        ]
        | UnsetType
    ) = UNSET


class LiftBody(msgspec.Struct, forbid_unknown_fields=True):
    """Of which channel to lift the hold; of both where it is not said."""

    channel: Annotated[Literal["sms", "email"] | None, Meta(description="`sms` or `email`")] = None


class WorkspacesQuery(msgspec.Struct, forbid_unknown_fields=True):
    """The list's order, most first, and its page."""

    sort: Annotated[
        Literal["sent", "backlog", "exceeded"], Meta(description="`sent`, `backlog` or `exceeded`")
    ] = "sent"
    limit: Annotated[int, Meta(ge=1, le=200, description="a whole number, 1-200")] = 50
    cursor: (
        Annotated[
            str,
            Meta(
                description="the `nextCursor` of the page before",
                extra_json_schema={"pattern": patterns.PLACE},
            ),
        ]
        | UnsetType
    ) = UNSET


class LimitsAnswer(msgspec.Struct):
    """By channel; null where there is none of its own."""

    sms: float | None
    email: float | None


class UrlsAnswer(msgspec.Struct):
    """By channel, credentials masked; null where there is none of its own."""

    sms: str | None
    email: str | None


class PausedAnswer(msgspec.Struct):
    """By channel."""

    sms: bool
    email: bool


class MomentsAnswer(msgspec.Struct):
    """By channel; null where there is no end."""

    sms: Time | None
    email: Time | None


class ReasonsAnswer(msgspec.Struct):
    """By channel; null where none was given."""

    sms: str | None
    email: str | None


class WindowAnswer(msgspec.Struct):
    """As `WindowBody`."""

    start: str
    end: str
    days: list[int]


class InForce(msgspec.Struct, rename="camel"):
    """A limit in force, and where it comes from: the service, the tier, the workspace, or
    automatic scaling.
    """

    per_second: float
    source: Literal["service", "tier", "workspace", "scaled"]


class LimitsInForce(msgspec.Struct):
    """By channel."""

    sms: InForce
    email: InForce


class HoldAnswer(msgspec.Struct):
    """Why messages of a channel wait, and until when; null: until somebody ends it."""

    channel: Channel
    reason: Literal["throttled", "unreachable", "refused", "fault", "pause", "window", "quota"]
    until: Time | None


class AdjustmentAnswer(msgspec.Struct):
    """One change of a limit by automatic scaling."""

    timestamp: Time
    channel: Channel
    from_rate: float = msgspec.field(name="from")
    to_rate: float = msgspec.field(name="to")
    reason: Literal["saturated", "throttled", "idle", "bounds"]


class WorkspaceSettings(msgspec.Struct, rename="camel", kw_only=True):
    """What is set for a workspace; `signingSecret` is never shown."""

    workspace_id: Id
    tier: str
    timezone: str
    limits: LimitsAnswer
    callback_base_urls: UrlsAnswer
    paused: PausedAnswer
    events_url: str | None
    events_off: Annotated[
        bool, Meta(description="the events' URL answered 410: none are sent until it is set again")
    ]
    signing_secret_set: bool
    send_window: WindowAnswer | None


class WorkspaceAnswer(WorkspaceSettings, kw_only=True):
    """A workspace's settings, the ends and reasons of its pauses and limits, its limits in force,
    why it waits, and the newest changes that automatic scaling made.
    """

    success: Literal[True] = True
    paused_until: MomentsAnswer
    paused_reason: ReasonsAnswer
    limits_until: MomentsAnswer
    limits_reason: ReasonsAnswer
    limits_in_force: LimitsInForce
    holds: list[HoldAnswer]
    adjustments: list[AdjustmentAnswer]


class WorkspaceVolume(WorkspaceSettings, kw_only=True):
    """A workspace of the list: what it sent, its messages that wait or are in flight, and
    its exceedances; resets of metrics do not change them.
    """

    sent: int
    backlog: int
    exceeded: int


class WorkspacesAnswer(Answer, kw_only=True):
    """A page of the list."""

    workspaces: list[WorkspaceVolume]
    next_cursor: str | None


class LiftAnswer(Answer, kw_only=True):
    """The channels of which a hold was lifted."""

    lifted: list[Channel]
