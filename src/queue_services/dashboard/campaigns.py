"""Campaigns: how far they are, when they will be done, and holding, ending or moving them."""

from __future__ import annotations

import math

from starlette.responses import Response

from queue_services.dashboard import view
from queue_services.dashboard.visits import Need, Page, Visit
from queue_services.domain.message import Status
from queue_services.errors import Fault, InvalidRequest, NotFound
from queue_services.queue import campaigns as queue
from queue_services.queue import overview

LISTED = 50
LONGEST_SHIFT_MINUTES = 400 * 24 * 60
ENDED = (Status.DELIVERED, Status.DEAD, Status.CANCELLED)


async def campaigns(visit: Visit) -> Response:
    """GET /campaigns."""
    workspace, name, before = visit.asked("workspace"), visit.asked("name"), visit.asked("before")
    position = (
        int(before)
        if before and before.isascii() and before.isdecimal() and len(before) < 19
        else None
    )
    only = visit.only(workspace) if workspace else visit.workspace
    found = await overview.campaigns.run(
        visit.desk.database, only, name, position, LISTED + 1, visit.now
    )
    return visit.page(
        "campaigns.html",
        lines=[
            (line, sum(line.counts.values()), sum(line.counts[status] for status in ENDED))
            for line in found[:LISTED]
        ],
        older=found[LISTED - 1].id if len(found) > LISTED else None,
        workspace=workspace,
        name=name,
    )


async def campaign(visit: Visit) -> Response:
    """GET /campaign."""
    workspace, name = _meant(visit.asked("workspace"), visit.asked("campaign"), visit)
    found = await visit.desk.forecasts.of_campaign(
        await queue.summary.run(visit.desk.database, workspace, name, visit.now)
    )
    rate = await overview.campaign_rate.run(visit.desk.database, workspace, name, visit.now)
    return visit.page(
        "campaign.html",
        campaign=found,
        rate=rate,
        total=sum(found.counts.values()),
        ended=sum(found.counts[status] for status in ENDED),
    )


async def act(visit: Visit) -> Response:
    """POST /campaign/{action}."""
    workspace, name = _meant(visit.filled("workspace"), visit.filled("campaign"), visit)
    action, database = visit.named("action"), visit.desk.database
    if action not in _DONE:
        raise NotFound("action", action)
    minutes = _minutes(visit) if action == "shift" else 0
    detail = f"by {minutes:g} min" if action == "shift" else None
    async with visit.audited(f"{action} campaign", name, workspace=workspace, detail=detail):
        match action:
            case "pause":
                count = await queue.pause.run(database, workspace, name, visit.now)
            case "resume":
                count = await queue.resume.run(database, workspace, name, visit.now)
            case "cancel":
                count = await queue.cancel.run(database, workspace, name, visit.now)
            case _:
                delta = round(minutes * 60_000_000)
                count = await queue.shift.run(database, workspace, name, delta, visit.now)
    return visit.go(
        view.path("campaign", workspace=workspace, campaign=name),
        f"{_DONE[action]}: {count:,} jobs.",
    )


def _meant(workspace: str | None, campaign: str | None, visit: Visit) -> tuple[str, str]:
    """The campaign that is meant. Raises NotFound, for another workspace's too."""
    if not workspace or not campaign or visit.workspace not in (None, workspace):
        raise NotFound("campaign", campaign or "")
    return workspace, campaign


def _minutes(visit: Visit) -> float:
    try:
        minutes = float(visit.filled("minutes") or "")
    except ValueError:
        minutes = math.nan
    if not abs(minutes) <= LONGEST_SHIFT_MINUTES or minutes == 0:
        raise InvalidRequest(Fault("minutes", "give a number of minutes, below zero for earlier"))
    return minutes


_DONE = {"pause": "Paused", "resume": "Resumed", "cancel": "Cancelled", "shift": "Moved"}

PAGES = [
    Page("GET", "/campaigns", campaigns),
    Page("GET", "/campaign", campaign),
    Page("POST", "/campaign/{action}", act, Need.MANAGE),
]
