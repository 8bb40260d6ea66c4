"""The commands about messages: `schedule` and `jobs`. They open the store themselves, so
they work where the API does not run.

Used by `cli.app`. What they accept is what the API accepts: the same decoder reads it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import cyclopts
import msgspec
from cyclopts import Parameter
from msgspec import UNSET
from rich.table import Table

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_audit, with_core
from queue_services.cli.forecast import forecasts
from queue_services.cli.terminal import Terminal, print_table
from queue_services.domain.message import Channel, Message
from queue_services.queue import jobs
from queue_services.queue.intake import Intake
from queue_services.queue.records import Attempt, Insertion, Job, JobFilter
from queue_services.wire import bodies, intake
from queue_services.wire.addresses import searched_recipient
from queue_services.wire.answers import STATUS_NAMES, STATUSES, StatusName
from queue_services.wire.times import optional_rfc3339, rfc3339

WRITER = "cli"

app = cyclopts.App(name="jobs", help="List jobs, look at one, and retry, cancel or promote it.")


def schedule(
    channel: Literal["sms", "email"],
    *,
    to: str,
    workspace: str,
    contact: str,
    message: str | None = None,
    subject: str | None = None,
    html: str | None = None,
    delay: float = 0,
    priority: Literal["high", "normal", "low"] = "normal",
    idempotency_key: str | None = None,
    metadata: Annotated[str | None, Parameter(help="a JSON object")] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Schedule one SMS (--message) or email (--subject, --html), `delay` milliseconds from
    now; prints the job's id.
    """
    common: dict[str, Any] = {
        "contact_id": contact,
        "workspace_id": workspace,
        "delay": delay,
        "priority": priority,
        "idempotency_key": idempotency_key,
    }
    shape, read = (
        (bodies.SmsBody, intake.sms) if channel == "sms" else (bodies.EmailBody, intake.email)
    )
    members: dict[str, str | None] = (
        {"to": to, "message": message}
        if channel == "sms"
        else {"to": to, "subject": subject, "html": html}
    )
    described = UNSET if metadata is None else msgspec.Raw(metadata.encode())
    common |= {name: text for name, text in members.items() if text is not None}
    body = msgspec.json.encode(shape(**common, metadata=described))

    async def work(core: bootstrap.Core) -> Insertion:
        return await _accept(
            core,
            read(
                body,
                core.clock.now(),
                intake.Rules(
                    core.settings.callback_paths,
                    counts_segments=core.settings.counts_segments,
                ),
            ),
        )

    insertion = with_core(database_url, work)
    Terminal().print(
        insertion.id, "(replayed)" if insertion.replayed else f"due {rfc3339(insertion.due_at)}"
    )


@app.default
def list_jobs(
    *,
    workspace: str | None = None,
    channel: Literal["sms", "email"] | None = None,
    status: StatusName | None = None,
    campaign: str | None = None,
    contact: str | None = None,
    recipient: str | None = None,
    limit: Annotated[int, Parameter(validator=cyclopts.validators.Number(gte=1, lte=200))] = 50,
    database_url: DatabaseUrl = None,
) -> None:
    """List jobs, newest first."""
    wanted = JobFilter(
        workspace=workspace,
        channel=Channel(channel) if channel else None,
        status=STATUSES[status] if status else None,
        campaign=campaign,
        contact=contact,
        recipient=searched_recipient(recipient) if recipient else None,
        limit=limit,
    )
    found = with_core(
        database_url, lambda core: jobs.search.run(core.database, wanted, core.clock.now())
    )
    table = Table(
        "job",
        "status",
        "channel",
        "workspace",
        "contact",
        "scheduled for",
        "tries",
        "error",
        box=None,
        pad_edge=False,
    )
    for job in found:
        table.add_row(
            job.id,
            _status(job),
            job.channel.value,
            job.workspace,
            job.contact,
            rfc3339(job.due_at),
            str(job.tries),
            (job.error or "")[:60],
        )
    print_table(table)


@app.command
def show(job_id: str, *, database_url: DatabaseUrl = None) -> None:
    """Show one job and its attempts."""

    async def work(core: bootstrap.Core) -> tuple[Job, list[Attempt]]:
        job, attempts = await jobs.status.run(core.database, job_id.lower(), core.clock.now())
        return await forecasts(core).of_job(job), attempts

    job, attempts = with_core(database_url, work)
    console = Terminal(soft_wrap=True)
    for name, value in (
        ("job", job.id),
        ("status", _status(job)),
        ("channel", job.channel.value),
        ("workspace", job.workspace),
        ("contact", job.contact),
        ("campaign", job.campaign),
        ("scheduled for", rfc3339(job.due_at)),
        ("created", rfc3339(job.created_at)),
        ("finished", optional_rfc3339(job.finished_at)),
        ("next attempt", optional_rfc3339(job.next_attempt_at)),
        ("waits for", job.waiting_for),
        ("expected", optional_rfc3339(job.estimated_at)),
        ("error", job.error),
    ):
        if value is not None:
            console.print(f"{name:14} {value}")
    for attempt in attempts:
        outcome = f"{attempt.outcome} {attempt.status_code or ''} {attempt.error or ''}".strip()
        console.print(
            f"attempt {attempt.number:<6} {rfc3339(attempt.started_at)}"
            f" {attempt.duration / 1000:.0f} ms {outcome}"
        )


@app.command
def retry(job_id: str, *, database_url: DatabaseUrl = None) -> None:
    """Schedule a failed or cancelled job now."""
    _print(
        with_audit(
            database_url,
            lambda core: jobs.requeue.run(core.database, job_id.lower(), core.clock.now(), WRITER),
            "retry job",
            job_id.lower(),
        )
    )


@app.command
def promote(job_id: str, *, database_url: DatabaseUrl = None) -> None:
    """Make a scheduled job due now."""
    _print(
        with_audit(
            database_url,
            lambda core: jobs.promote.run(core.database, job_id.lower(), core.clock.now()),
            "promote job",
            job_id.lower(),
        )
    )


@app.command
def cancel(job_id: str, *, database_url: DatabaseUrl = None) -> None:
    """End a scheduled job as cancelled."""
    _print(
        with_audit(
            database_url,
            lambda core: jobs.cancel.run(core.database, job_id.lower(), core.clock.now(), WRITER),
            "cancel job",
            job_id.lower(),
        )
    )


async def _accept(core: bootstrap.Core, message: Message) -> Insertion:
    return (await Intake(core.database, core.clock, WRITER).schedule_all([message]))[0]


def _status(job: Job) -> str:
    return STATUS_NAMES[job.status]


def _print(job: Job) -> None:
    Terminal().print(job.id, _status(job))
