"""The shapes of what callers send, bodies and queries, as typed structs: the rules that
types can say, and the OpenAPI schemas of them.

A description completes the sentence "FIELD must be ..." in a fault. `intake` applies the
rules that types cannot say.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from queue_services.domain.endpoint import LONGEST as LONGEST_ENDPOINT
from queue_services.wire import patterns
from queue_services.wire.times import instant

LONGEST_ID = 255
LONGEST_MEDIA_URL = 8000
LONGEST_DELAY_MS = 400 * 86_400_000
LARGEST_METADATA = 16 * 1024
MOST_JOB_IDS = 1000
MOST_JOBS = 200
MOST_CHANGES = 1000
MOST_FORESEEN = 100_000_000
CURSOR = r"^([0-9]{1,18}-[0-9]{1,18}|[A-Za-z0-9_-]{38})$(?!\n)"

NO_NUL = r"^[^\u0000]*$"
_NO_NUL = {"pattern": NO_NUL}  # checked for the whole body at once, by `fields`
Id = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_ID,
        description="text of 1-255 characters",
        extra_json_schema=_NO_NUL,
    ),
]
Whole = Annotated[float, Meta(multiple_of=1)]  # to JSON, 3.0 is an integer like 3
WorkspaceId = Annotated[
    Annotated[str, Meta(min_length=1, max_length=LONGEST_ID, extra_json_schema=_NO_NUL)]
    | int
    | Whole,
    Meta(description="text of 1-255 characters, or an integer of as many digits"),
]
Text = Annotated[
    str, Meta(min_length=1, description="text that is not empty", extra_json_schema=_NO_NUL)
]
# `$` alone would let a line feed follow in Python's dialect of regular expressions.
_Phone = Annotated[
    str, Meta(min_length=3, max_length=32, pattern=r"^[+()\-. ]*[0-9][0-9+()\-. ]*$(?!\n)")
]
Phone = Annotated[
    _Phone | None,
    Meta(description="3-32 of digits, `+ ( ) - .` and space, with a digit among them"),
]
Delay = Annotated[
    Annotated[float, Meta(ge=0, le=LONGEST_DELAY_MS)] | None,
    Meta(description="a finite number of milliseconds, 0 to 34,560,000,000 (400 days)"),
]
Time = Annotated[
    Annotated[str, Meta(extra_json_schema={"format": "date-time"}, extra={"rule": instant})] | None,
    Meta(description="a time with an offset, such as 2025-03-22T10:15:30.123Z"),
]
"""The rule reads the text where a body has other faults, so that all are told at once;
where it has none, whoever needs the time reads it.
"""
VALUE = {"$ref": "#/components/schemas/Value"}
OTHER_MEMBERS = {"propertyNames": {"pattern": NO_NUL}, "additionalProperties": VALUE}
VALUES: dict[str, Any] = {
    "description": "Any JSON, whose texts hold no NUL.",
    "if": {},
    "then": {"pattern": NO_NUL, "items": VALUE, **OTHER_MEMBERS},
}
"""Each rule is for the type that it fits. They are behind a condition, which generators of
clients pass over: to them it is any value.
"""
_MEDIA_URL = {"pattern": patterns.MEDIA_URL, "maxLength": LONGEST_MEDIA_URL}
MediaUrl = Annotated[
    Annotated[str, Meta(extra_json_schema=_MEDIA_URL)] | None,
    Meta(description="an http or https URL with a host"),
]
_ADDRESS = {
    "format": "email",
    "pattern": patterns.EMAIL,
    "description": "an email address; one with letters outside ASCII (RFC 6531) is taken, too",
}
_READ_FROM_METADATA = {
    "callbackEndpoint": {
        "anyOf": [
            {"type": "string", "maxLength": LONGEST_ENDPOINT, "pattern": patterns.ENDPOINT},
            {"type": "null"},
        ],
        "description": (
            "a path of the application, such as /send-sms; no dot segment, percent-encoded or not"
        ),
    },
    "campaignId": {
        **VALUE,
        "maxLength": LONGEST_ID,
        "description": "text or an integer names the campaign",
    },
    "messageId": VALUE,
    "source": VALUE,
}
METADATA: dict[str, Any] = {
    "title": "Metadata",
    "description": "What comes back with the callback; the service reads the members named here.",
    "type": "object",
    "properties": _READ_FROM_METADATA,
    **OTHER_MEMBERS,
}
_METADATA = {"anyOf": [{"$ref": "#/components/schemas/Metadata"}, {"type": "null"}]}
Metadata = Annotated[
    Raw | UnsetType, Meta(description="an object of at most 16 KiB", extra_json_schema=_METADATA)
]
Key = Annotated[Id | None, Meta(description="text of 1-255 characters")]


class MessageBody(msgspec.Struct, rename="camel", kw_only=True):
    """What both channels' messages have in common. An optional member that is null is absent."""

    contact_id: Id
    workspace_id: WorkspaceId
    delay: Delay = None
    scheduled_for: Time = None
    metadata: Metadata = UNSET
    priority: Annotated[
        Literal["high", "normal", "low"] | None, Meta(description="`high`, `normal` or `low`")
    ] = None
    expires_at: Time = None
    idempotency_key: Key = None


class SmsBody(MessageBody, kw_only=True):
    """`to` is read in place of `phoneNumber`; where both are given they must be the same."""

    phone_number: Phone = None
    to: Phone = None
    message: Text
    media_url: MediaUrl = None


class EmailBody(MessageBody, kw_only=True):
    """An email."""

    to: Annotated[str, Meta(description="an email address", extra_json_schema=_ADDRESS)]
    subject: Text
    html: Text


class SmsElement(SmsBody, kw_only=True, tag_field="channel", tag="sms", forbid_unknown_fields=True):
    """An SMS in a batch."""


class EmailElement(
    EmailBody, kw_only=True, tag_field="channel", tag="email", forbid_unknown_fields=True
):
    """An email in a batch."""


Element: Any = SmsElement | EmailElement  # told apart by `channel`


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """Messages of both channels; each is told by its `channel`."""

    messages: Annotated[
        list[Element], Meta(max_length=10_000, description="a list of at most 10,000 messages")
    ]


class NoMembers(msgspec.Struct, forbid_unknown_fields=True):
    """A body without members, which may as well be left out."""


class JobIdsBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The jobs asked for."""

    job_ids: Annotated[
        list[Annotated[str, Meta(extra_json_schema=_NO_NUL)]],
        Meta(max_length=MOST_JOB_IDS, description="a list of at most 1,000 job ids"),
    ]


class RescheduleBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One of the two, or both at most a second apart."""

    delay: Delay = None
    scheduled_for: Time = None


class ShiftBody(msgspec.Struct, forbid_unknown_fields=True):
    """How far to move."""

    delay: Annotated[
        float,
        Meta(
            ge=-LONGEST_DELAY_MS,
            le=LONGEST_DELAY_MS,
            description=(
                "a finite number of milliseconds, at most 400 days either way; negative for earlier"
            ),
        ),
    ]


class ForecastBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """How many more messages of whom are meant, due at `scheduledFor`: now where it is not said."""

    workspace_id: WorkspaceId
    channel: Annotated[Literal["sms", "email"], Meta(description="`sms` or `email`")]
    count: Annotated[
        Whole, Meta(ge=1, le=MOST_FORESEEN, description="a whole number, 1-100,000,000")
    ]
    scheduled_for: Time = None


class AdvanceBody(msgspec.Struct, forbid_unknown_fields=True):
    """How far to move the test clock."""

    delay: Annotated[
        float,
        Meta(
            ge=0,
            le=LONGEST_DELAY_MS,
            description="a finite number of milliseconds, 0 to 34,560,000,000 (400 days)",
        ),
    ]


class BatchQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Whether one bad message spoils the batch."""

    atomic: Annotated[
        Literal["true", "false"], Meta(description="`true` (all messages or none) or `false`")
    ] = "false"


class NoQuery(msgspec.Struct, forbid_unknown_fields=True):
    """No query parameters."""


class CampaignQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Whose campaign."""

    workspace_id: Id


class ContactQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Whose contact."""

    workspace_id: Id


class ChangesQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Where in the feed to go on, and of which workspace: of all where it is not said."""

    workspace_id: Id | UnsetType = UNSET
    after: (
        Annotated[str, Meta(pattern=CURSOR, description="the `cursor` of an earlier answer")]
        | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(ge=1, le=MOST_CHANGES, description="a whole number, 1-1,000")] = (
        MOST_CHANGES
    )


class JobMembersQuery(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Every filter that is given must match; `from` is inclusive and `to` exclusive, both
    on `createdAt`.
    """

    workspace_id: Id | UnsetType = UNSET
    channel: Annotated[
        Literal["sms", "email"] | UnsetType, Meta(description="`sms` or `email`")
    ] = UNSET
    status: Annotated[
        Literal["SCHEDULED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"] | UnsetType,
        Meta(description="SCHEDULED, PROCESSING, COMPLETED, FAILED or CANCELLED"),
    ] = UNSET
    campaign_id: Id | UnsetType = UNSET
    contact_id: Id | UnsetType = UNSET
    q: (
        Annotated[
            str,
            Meta(
                min_length=2,
                max_length=255,
                description="text of 2-255 characters: the beginning of a job id, a recipient,"
                " contact or campaign, a whole idempotency key, or `metadata.PATH=VALUE`",
                extra_json_schema=_NO_NUL,
            ),
        ]
        | UnsetType
    ) = UNSET
    error_group: (
        Annotated[
            str,
            Meta(pattern=r"^[0-9a-f]{16}$(?!\n)", description="a group's id of GET /api/errors"),
        ]
        | UnsetType
    ) = UNSET
    recipient: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=320,
                description="a phone number or email address",
                extra_json_schema=_NO_NUL,
            ),
        ]
        | UnsetType
    ) = UNSET
    created_from: (
        Annotated[
            str,
            Meta(extra_json_schema={"format": "date-time"}, description="a time with an offset"),
        ]
        | UnsetType
    ) = msgspec.field(default=UNSET, name="from")
    created_to: (
        Annotated[
            str,
            Meta(extra_json_schema={"format": "date-time"}, description="a time with an offset"),
        ]
        | UnsetType
    ) = msgspec.field(default=UNSET, name="to")


class JobsQuery(JobMembersQuery, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A page of the jobs that match, newest first."""

    limit: Annotated[int, Meta(ge=1, le=MOST_JOBS, description="a whole number, 1-200")] = 50
    cursor: (
        Annotated[
            str,
            Meta(
                description="the `nextCursor` of the page before",
                pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\\n)",
            ),
        ]
        | UnsetType
    ) = UNSET
