"""The shapes of operations on many jobs, of the audit log and of the list of campaigns on the
wire. A description completes the sentence "FIELD must be ..." in a fault.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queue_services.wire.answers import Answer, StatusCounts, Time
from queue_services.wire.bodies import Delay, Id, JobMembersQuery
from queue_services.wire.bodies import Time as GivenTime

MOST_LISTED = 200
_Cursor = Annotated[str, Meta(pattern=r"^[0-9]{1,18}$(?!\n)", description="a cursor of this list")]
_OperationCursor = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)",
        description="a cursor of this list",
    ),
]
_Limit = Annotated[int, Meta(ge=1, le=MOST_LISTED, description="a whole number, 1-200")]
_Moment = Annotated[
    str, Meta(extra_json_schema={"format": "date-time"}, description="a time with an offset")
]
_Word = Annotated[str, Meta(min_length=1, max_length=255, description="text of 1-255 characters")]


class FilterBody(JobMembersQuery, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Which jobs: as the query of GET /api/jobs, with `status` and at least one other member."""


class OperationBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to do to all jobs that match and exist now; a reschedule takes `delay` or
    `scheduledFor`.
    """

    action: Literal["cancel", "retry", "promote", "reschedule"]
    filter: FilterBody
    delay: Delay = None
    scheduled_for: GivenTime = None


class OperationsQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Whose operations; newest first."""

    workspace_id: Id | UnsetType = UNSET
    limit: _Limit = 50
    cursor: _OperationCursor | UnsetType = UNSET


class StartedAnswer(Answer, kw_only=True):
    """An operation that was started: how many jobs match now."""

    operation_id: str
    count: int


class OperationMembers(msgspec.Struct, rename="camel", kw_only=True):
    """An operation: `done` of `total` jobs, `skipped` because their state had changed."""

    operation_id: str
    action: Literal["cancel", "retry", "promote", "reschedule"]
    state: Literal["waiting", "running", "finished", "stopped", "failed"]
    workspace_id: str | None
    by: str
    total: int
    done: int
    skipped: int
    error: str | None
    created_at: Time
    finished_at: Time | None


class OperationAnswer(OperationMembers, kw_only=True):
    """One operation."""

    success: Literal[True] = True


class OperationsAnswer(Answer, kw_only=True):
    """Operations, newest first."""

    operations: list[OperationMembers]
    next_cursor: str | None


class AuditQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which entries; `from` is inclusive and `to` exclusive. Newest first."""

    workspace_id: Id | UnsetType = UNSET
    since: _Moment | UnsetType = msgspec.field(default=UNSET, name="from")
    until: _Moment | UnsetType = msgspec.field(default=UNSET, name="to")
    by: _Word | UnsetType = UNSET
    action: _Word | UnsetType = UNSET
    limit: _Limit = 50
    cursor: _Cursor | UnsetType = UNSET


class AuditEntryMembers(msgspec.Struct, rename="camel", kw_only=True):
    """Who did what; `outcome` is null while it is under way or where the process died."""

    at: Time
    by: str
    via: Annotated[str, Meta(extra_json_schema={"enum": ["dashboard", "api", "cli"]})]
    workspace_id: str | None
    action: str
    subject: str
    old: Any
    new: Any
    outcome: str | None


class AuditAnswer(Answer, kw_only=True):
    """Entries of the audit log, newest first."""

    entries: list[AuditEntryMembers]
    next_cursor: str | None


class CampaignsQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Whose campaigns, in which state; newest first."""

    workspace_id: Id | UnsetType = UNSET
    state: Annotated[
        Literal["active", "paused", "shifting", "cancelled"] | UnsetType,
        Meta(description="active, paused, shifting or cancelled"),
    ] = UNSET
    limit: _Limit = 50
    cursor: _Cursor | UnsetType = UNSET


class CampaignMembers(msgspec.Struct, rename="camel", kw_only=True):
    """A campaign of the list."""

    campaign_id: str
    workspace_id: str
    state: str
    counts: StatusCounts


class CampaignsAnswer(Answer, kw_only=True):
    """Campaigns, newest first."""

    campaigns: list[CampaignMembers]
    next_cursor: str | None
