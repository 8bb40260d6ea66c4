"""The list of jobs: tabs by state, search, and what is done to chosen jobs, or to all that
match, in the background.
"""

from __future__ import annotations

import re

import msgspec
from starlette.responses import Response

from queue_services.dashboard import search, view
from queue_services.dashboard.contents import recipient_of
from queue_services.dashboard.search import PAGE, Search
from queue_services.dashboard.visits import Need, Page, Visit
from queue_services.domain.message import Status
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import jobs as queue
from queue_services.queue.operations import ACTS_ON, Action, Request

JOB = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
TABS = (Status.SCHEDULED, Status.CLAIMED, Status.DELIVERED, Status.DEAD, Status.CANCELLED)


async def jobs(visit: Visit) -> Response:
    """GET /jobs."""
    if wanted_job := visit.asked("job"):
        return _found(visit, wanted_job)
    asked = search.read(visit, visit.asked)
    counted = await search.count(visit, asked.wanted)
    counts, status = counted.counts, asked.wanted.status
    expected = counts[status] if status is not None else sum(counts.values())
    before = visit.asked("before")
    wanted = msgspec.structs.replace(
        asked.wanted, before=before if before and JOB.fullmatch(before) else None
    )
    found = (
        await queue.search.run(visit.desk.database, wanted, visit.now) if expected else []
    )  # a count of none is exact, and dearer to find out again
    page = found[:PAGE]
    return visit.page(
        "jobs.html",
        fields=asked.fields,
        status=status,
        tabs=TABS,
        counts=counts,
        more=counted.more,
        rows=[(job, visit.recipient(recipient_of(job))) for job in page],
        older=page[-1].id if len(found) > PAGE else None,
        newest=wanted.before is None,
        actions=[action for action in Action if status is None or status in ACTS_ON[action]],
        narrowed=asked.is_narrowed,
        matching=None if status is None else counts[status],
    )


def _found(visit: Visit, text: str) -> Response:
    job = text.lower()
    if not JOB.fullmatch(job):
        raise InvalidRequest(
            Fault("job", "is no job id: those look like 01a20bcd-1011-71c5-a418-fddf35d8a67e")
        )
    return visit.go(view.path("jobs", job))


async def confirm(visit: Visit) -> Response:
    """POST /jobs/bulk: how many jobs it would be, and whether that is meant."""
    action, asked, request, matched, more = await _asked(visit)
    return visit.page(
        "confirm.html",
        action=action,
        fields=asked.fields,
        status=asked.wanted.status,
        request=request,
        matched=matched,
        more=more,
    )


async def start(visit: Visit) -> Response:
    """POST /jobs/bulk/start."""
    action, asked, request, matched, _ = await _asked(visit)
    detail = f"{matched:,} jobs" + ("" if request.jobs else f" that match {_shown(asked)}")
    async with visit.audited(
        f"{action.value} jobs",
        "chosen jobs" if request.jobs else "all that match",
        workspace=asked.wanted.workspace,
        detail=detail,
    ):
        operation = await visit.desk.operations.start(
            action, visit.visitor.name, visit.workspace, request, matched
        )
    return visit.go(view.path("operations", operation.id))


async def _asked(visit: Visit) -> tuple[Action, Search, Request, int, bool]:
    """What the form asks for: an action, the search, the jobs, and how many they are (and
    whether more than are counted). Raises InvalidRequest.
    """
    name, faults = visit.filled("action"), list[Fault]()
    if name not in set(Action):
        raise InvalidRequest(Fault("action", "choose what to do"))
    action = Action(name)
    asked = search.read(visit, visit.filled)
    due_at = (
        search.moment("due_at", visit.filled("due_at"), faults)
        if action is Action.RESCHEDULE
        else None
    )
    if action is Action.RESCHEDULE and due_at is None and not faults:
        faults.append(Fault("due_at", "say when the jobs are to be due"))
    every = visit.filled("scope") == "matching"
    chosen = (
        ()
        if every
        else tuple(job for job in dict.fromkeys(visit.form.getlist("job")) if JOB.fullmatch(job))
    )
    if not every and not chosen:
        faults.append(Fault("jobs", "choose some rows first, or all that match"))
    if every and not asked.is_narrowed:
        faults.append(
            Fault(
                "filter",
                "narrow the jobs down first: by workspace, channel, campaign, contact, recipient or"
                " time",
            )
        )
    if every and asked.wanted.status not in ACTS_ON[action]:
        faults.append(Fault("status", f"choose a tab of jobs that can be {_DONE[action]}"))
    if faults:
        raise InvalidRequest(*faults)
    if chosen:
        known = await queue.find.run(
            visit.desk.database, chosen, visit.now, workspace=visit.workspace
        )
        return (
            action,
            asked,
            Request(jobs=tuple(job.id for job in known), due_at=due_at),
            len(known),
            False,
        )
    counted, status = await search.count(visit, asked.wanted), asked.wanted.status
    matched = counted.counts[status] if status else 0
    return (
        action,
        asked,
        Request(wanted=msgspec.structs.replace(asked.wanted, limit=PAGE), due_at=due_at),
        matched,
        status in counted.more,
    )


def _shown(asked: Search) -> str:
    """The search as the audit log keeps it; a recipient is not written there."""
    fields = (
        asked.fields
        | ({"recipient": "***"} if "recipient" in asked.fields else {})
        | ({"status": asked.wanted.status} if asked.wanted.status else {})
    )
    return ", ".join(f"{name}={text}" for name, text in fields.items())


_DONE = {
    Action.RETRY: "retried",
    Action.CANCEL: "cancelled",
    Action.PROMOTE: "promoted",
    Action.RESCHEDULE: "rescheduled",
}

PAGES = [
    Page("GET", "/jobs", jobs),
    Page("POST", "/jobs/bulk", confirm, Need.MANAGE),
    Page("POST", "/jobs/bulk/start", start, Need.MANAGE),
]
