"""How stored values are shown: from what the flows return to the wire's answers.
Called by the routes; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from queue_services.domain.message import Channel, Content, Instant, Status
from queue_services.errors import Fault
from queue_services.queue import records
from queue_services.wire import answers
from queue_services.wire.times import optional_rfc3339, rfc3339

_NAMES = {Channel.SMS: "SMS", Channel.EMAIL: "Email"}
_read_content = msgspec.json.Decoder(Content).decode


def scheduled(
    insertion: records.Insertion, channel: Channel, now: Instant
) -> answers.ScheduleAnswer:
    """The answer to one message that was accepted, or accepted before."""
    delayed = insertion.due_at > now
    return answers.ScheduleAnswer(
        job_id=insertion.id,
        message=f"{_NAMES[channel]} scheduled successfully"
        if delayed
        else f"{_NAMES[channel]} queued for immediate delivery",
        scheduled_for=rfc3339(insertion.due_at),
        replayed=True if insertion.replayed else UNSET,
    )


def field_errors(faults: Iterable[Fault]) -> list[answers.FieldError]:
    """Faults as a problem lists them."""
    return [answers.FieldError(fault.field, fault.message) for fault in faults]


def _members(job: records.Job, max_attempts: int) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "status": answers.STATUS_NAMES[job.status],
        "reason": job.reason,
        "channel": job.channel,
        "workspace_id": job.workspace,
        "contact_id": job.contact,
        "campaign_id": job.campaign,
        "scheduled_for": rfc3339(job.due_at),
        "created_at": rfc3339(job.created_at),
        "finished_at": optional_rfc3339(job.finished_at),
        "attempts_made": job.tries,
        "max_attempts": max_attempts,
        "next_attempt_at": optional_rfc3339(job.next_attempt_at),
        "estimated_at": optional_rfc3339(job.estimated_at),
        "waiting_for": None if job.waiting_for is None else answers.WAIT_NAMES[job.waiting_for],
        "units": job.units,
        "error": job.error,
        "metadata": _read_content(job.payload).metadata,
    }


def job(found: records.Job, max_attempts: int) -> answers.Job:
    """A job as lists and the calls that act on one show it. `max_attempts` is the setting."""
    return answers.Job(**_members(found, max_attempts))


def job_status(
    found: records.Job, attempts: list[records.Attempt], max_attempts: int
) -> answers.JobStatusAnswer:
    """A job with its attempts, oldest first."""
    shown = [
        answers.Attempt(
            number=attempt.number,
            started_at=rfc3339(attempt.started_at),
            duration_ms=attempt.duration / 1000,
            outcome=attempt.outcome,
            status_code=attempt.status_code,
            error=attempt.error,
            answer=attempt.answer,
            answer_cut=attempt.answer_cut,
        )
        for attempt in attempts
    ]
    return answers.JobStatusAnswer(**_members(found, max_attempts), attempts=shown)


def counts(found: Mapping[Status, int]) -> answers.StatusCounts:
    """Jobs by status, those that there are none of as well."""
    return answers.StatusCounts(
        **{name: found.get(status, 0) for status, name in answers.STATUS_NAMES.items()}
    )


def campaign(found: records.Campaign) -> answers.CampaignAnswer:
    """A campaign with its counts by status."""
    return answers.CampaignAnswer(
        campaign_id=found.name,
        workspace_id=found.workspace,
        state=found.state,
        counts=counts(found.counts),
        first_scheduled_for=optional_rfc3339(found.first_due_at),
        last_scheduled_for=optional_rfc3339(found.last_due_at),
        estimated_end=optional_rfc3339(found.estimated_end),
    )
