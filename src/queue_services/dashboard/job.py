"""One job: its attempts, what it holds, why it waits, and what can be done to it."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse, Response

from queue_services.dashboard import search, view
from queue_services.dashboard.contents import (
    ERASED,
    content_of,
    metadata_of,
    without_frames,
    without_recipient,
)
from queue_services.dashboard.visits import Need, Page, Visit
from queue_services.domain.message import Instant
from queue_services.errors import Fault, InvalidRequest, NotFound
from queue_services.queue import jobs
from queue_services.queue.operations import ACTS_ON, Action
from queue_services.queue.overview import next_of_campaign


async def job(visit: Visit) -> Response:
    """GET /jobs/{id}."""
    found, attempts = await jobs.status.run(
        visit.desk.database, visit.named("job").lower(), visit.now, workspace=visit.workspace
    )
    content = content_of(found)
    texts = {
        "to": content.to or ERASED,
        "subject": content.subject,
        "text": content.text,
        "media": content.media_url,
        "path": content.endpoint,
    }
    shown: dict[str, Any] = {name: text for name, text in texts.items() if text is not None}
    metadata = metadata_of(content)
    if not visit.shows_recipients:
        shown, metadata = (
            without_recipient(shown, content.to),
            without_recipient(metadata, content.to),
        )
    return visit.page(
        "job.html",
        job=await visit.desk.forecasts.of_job(found),
        attempts=attempts,
        content=shown,
        has_html=content.html is not None,
        metadata=metadata,
        max_attempts=visit.desk.settings.max_attempts,
        following=await next_of_campaign.run(visit.desk.database, found.id)
        if found.campaign is not None
        else None,
        actions=[action for action, states in ACTS_ON.items() if found.status in states],
    )


async def html(visit: Visit) -> Response:
    """GET /jobs/{id}/html: an email's own HTML, for the frame that runs none of its scripts
    and fetches nothing.
    """
    found, _ = await jobs.status.run(
        visit.desk.database, visit.named("job").lower(), visit.now, workspace=visit.workspace
    )
    content = content_of(found)
    if content.html is None:
        raise NotFound("HTML of job", found.id)
    text = content.html if visit.shows_recipients else without_recipient(content.html, content.to)
    return HTMLResponse(without_frames(text), headers=view.FRAME_HEADERS)


async def act(visit: Visit) -> Response:
    """POST /jobs/{id}/{action}."""
    identity, name = visit.named("job").lower(), visit.named("action")
    if name not in set(Action):
        raise NotFound("action", name)
    action, database = Action(name), visit.desk.database
    due_at = _due_at(visit) if action is Action.RESCHEDULE else None
    found, _ = await jobs.status.run(database, identity, visit.now, workspace=visit.workspace)
    async with visit.audited(f"{action.value} job", identity, workspace=found.workspace):
        match action:
            case Action.RETRY:
                await jobs.requeue.run(
                    database, identity, visit.now, visit.desk.writer, workspace=visit.workspace
                )
            case Action.PROMOTE:
                await jobs.promote.run(database, identity, visit.now, workspace=visit.workspace)
            case Action.CANCEL:
                await jobs.cancel.run(
                    database, identity, visit.now, visit.desk.writer, workspace=visit.workspace
                )
            case Action.RESCHEDULE:
                await jobs.reschedule.run(
                    database,
                    identity,
                    due_at or visit.now,
                    visit.now,
                    workspace=visit.workspace,
                )
    return visit.go(view.path("jobs", identity), NOTICES[action])


def _due_at(visit: Visit) -> Instant:
    faults: list[Fault] = []
    due_at = search.moment("due_at", visit.filled("due_at"), faults)
    if due_at is None:
        raise InvalidRequest(*faults or [Fault("due_at", "say when the job is to be due")])
    return due_at


NOTICES = {
    Action.RETRY: "The job is scheduled again, for now.",
    Action.PROMOTE: "The job is due now.",
    Action.CANCEL: "The job is cancelled.",
    Action.RESCHEDULE: "The job has another time.",
}

PAGES = [
    Page("GET", "/jobs/{job}", job),
    Page("GET", "/jobs/{job}/html", html),
    Page("POST", "/jobs/{job}/{action}", act, Need.MANAGE),
]
