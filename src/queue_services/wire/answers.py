"""What the API answers, as structs: every member is always there, null where there is
nothing to say.

Filled in by `api.render`; the OpenAPI document is made from them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from queue_services.domain.message import Channel, Status

StatusName = Literal["SCHEDULED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"]
WaitName = Literal[
    "due", "window", "workspaceLimit", "serviceLimit", "pause", "hold", "receiver", "turn"
]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]

# Members that faults name from outside this package.
WORKSPACE = "workspaceId"
IDEMPOTENCY_KEY = "idempotencyKey"

STATUS_NAMES: dict[Status, StatusName] = {
    Status.SCHEDULED: "SCHEDULED",
    Status.CLAIMED: "PROCESSING",
    Status.DELIVERED: "COMPLETED",
    Status.DEAD: "FAILED",
    Status.CANCELLED: "CANCELLED",
}
WAIT_NAMES: dict[str, WaitName] = {
    "due": "due",
    "window": "window",
    "workspace_limit": "workspaceLimit",
    "service_limit": "serviceLimit",
    "pause": "pause",
    "hold": "hold",
    "receiver": "receiver",
    "turn": "turn",
}
"""What a job waits for."""

STATUSES: dict[StatusName, Status] = {name: status for status, name in STATUS_NAMES.items()}


class Answer(msgspec.Struct, rename="camel", kw_only=True):
    """Every answer says that it is no problem, as the original's did."""

    success: Literal[True] = True


class FieldError(msgspec.Struct, gc=False):
    """One thing wrong with a request."""

    field: str
    message: str


class Problem(msgspec.Struct):
    """RFC 9457, and what the original's clients read: `success` and `message` (the text of
    `detail`).
    """

    type: str
    title: str
    status: int
    detail: str
    success: Literal[False]
    message: str
    errors: list[FieldError] | UnsetType = UNSET


class ScheduleAnswer(Answer, kw_only=True):
    """The message is on disk; `replayed` where its idempotency key had been used for it before."""

    job_id: Uuid
    message: str
    status: Literal["SCHEDULED"] = "SCHEDULED"
    scheduled_for: Time
    replayed: bool | UnsetType = UNSET  # never false: absent instead


class BatchResult(msgspec.Struct, rename="camel", kw_only=True):
    """What became of the message at `index`: `jobId` where it was accepted, else `errors`."""

    index: int
    job_id: Uuid | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET  # never false: absent instead
    errors: list[FieldError] | UnsetType = UNSET


class BatchAnswer(Answer, kw_only=True):
    """One result for each message, in order; a replay counts as accepted."""

    accepted: int
    rejected: int
    results: list[BatchResult]


class Attempt(msgspec.Struct, rename="camel", kw_only=True):
    """One POST that went out and has an outcome: delivered, failed, rejected, throttled or
    timeout.
    """

    number: int
    started_at: Time
    duration_ms: float
    outcome: str
    status_code: int | None
    error: str | None
    answer: Annotated[
        str | None,
        Meta(description="up to 16 KiB of the answer to the last attempt that failed"),
    ]
    answer_cut: bool


class Job(msgspec.Struct, rename="camel", kw_only=True):
    """A job. `attemptsMade` counts the tries used; while it waits, `waitingFor` says for what."""

    job_id: Uuid
    status: StatusName
    reason: str | None
    channel: Channel
    workspace_id: str
    contact_id: str
    campaign_id: str | None
    scheduled_for: Time
    created_at: Time
    finished_at: Time | None
    attempts_made: int
    max_attempts: int
    next_attempt_at: Time | None
    estimated_at: Annotated[
        Time | None,
        Meta(
            description=(
                "when it is expected to start; null where it does not wait, where nobody can know,"
                " and where over 200 are asked at once"
            )
        ),
    ]
    waiting_for: WaitName | None
    units: Annotated[
        int,
        Meta(
            description=(
                "how much it takes of a limit: 1, or the segments of an SMS where those are counted"
            )
        ),
    ]
    error: str | None
    metadata: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]


class JobStatusAnswer(Job, kw_only=True):
    """A job's members at the top level, and every POST of it that has an outcome."""

    success: Literal[True] = True
    attempts: list[Attempt]


class JobAnswer(Answer, kw_only=True):
    """The job as it is now."""

    job: Job


class JobsAnswer(Answer, kw_only=True):
    """Those of the jobs asked for that are known, and the ids of the others."""

    jobs: list[Job]
    unknown: list[str]


class JobListAnswer(Answer, kw_only=True):
    """One page; `nextCursor` is null on the last."""

    jobs: list[Job]
    next_cursor: str | None


class Change(msgspec.Struct, rename="camel", kw_only=True):
    """A job's newest change: it reached a final status, or returned to SCHEDULED by a retry."""

    job_id: Uuid
    status: StatusName
    changed_at: Time


class ChangesAnswer(Answer, kw_only=True):
    """Some changes in order; ask again after `cursor` for those that follow."""

    changes: list[Change]
    cursor: str


class StatusCounts(msgspec.Struct):
    """Jobs by status."""

    SCHEDULED: int
    PROCESSING: int
    COMPLETED: int
    FAILED: int
    CANCELLED: int


class CampaignAnswer(Answer, kw_only=True):
    """A campaign; `state` is active, paused, shifting or cancelled."""

    campaign_id: str
    workspace_id: str
    state: str
    counts: StatusCounts
    first_scheduled_for: Time | None
    last_scheduled_for: Time | None
    estimated_end: Time | None


class ForecastAnswer(Answer, kw_only=True):
    """When the first would start and the last be answered (null: not as things stand), and
    what they would wait for longest.
    """

    start_at: Time | None
    end_at: Time | None
    limited_by: WaitName


class AdvanceAnswer(Answer, kw_only=True):
    """The time after the move; what fell due on the way was delivered."""

    now: Time


class EraseAnswer(Answer, kw_only=True):
    """How many jobs lost their content; how many of them had waited and are cancelled, and
    how many may have been on their way just then.
    """

    erased: int
    cancelled: int
    in_flight: int


class CountAnswer(Answer, kw_only=True):
    """How many unclaimed jobs the call acts on."""

    count: int


class HealthAnswer(msgspec.Struct):
    """All is well at `timestamp`."""

    status: str
    timestamp: Time
