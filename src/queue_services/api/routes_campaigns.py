"""Campaigns: their counts, and ending, holding or moving all of their jobs."""

from __future__ import annotations

from queue_services.api import render
from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.api.routes_channels import timed_of
from queue_services.domain.message import Instant
from queue_services.errors import NotFound
from queue_services.queue import campaigns
from queue_services.queue.transactions import Transaction
from queue_services.web import bodies as reading
from queue_services.wire import answers, bodies
from queue_services.wire.channels import PauseBody
from queue_services.wire.fields import shown


async def get_campaign(incoming: Incoming) -> answers.CampaignAnswer:
    """GET /api/campaigns/{campaignId}."""
    found = await campaigns.summary.run(
        incoming.services.database, *_campaign(incoming), incoming.now
    )
    return render.campaign(await incoming.services.forecasts.of_campaign(found))


async def cancel_campaign(incoming: Incoming) -> answers.CountAnswer:
    """POST /api/campaigns/{campaignId}/cancel."""
    return await _counted(incoming, campaigns.cancel)


async def pause_campaign(incoming: Incoming) -> answers.CountAnswer:
    """POST /api/campaigns/{campaignId}/pause."""
    timed = timed_of(incoming.body)
    return answers.CountAnswer(
        count=await campaigns.pause.run(
            incoming.services.database, *_campaign(incoming), incoming.now, timed
        )
    )


async def resume_campaign(incoming: Incoming) -> answers.CountAnswer:
    """POST /api/campaigns/{campaignId}/resume."""
    return await _counted(incoming, campaigns.resume)


async def shift_campaign(incoming: Incoming) -> answers.CountAnswer:
    """POST /api/campaigns/{campaignId}/shift."""
    delta = round(incoming.body.delay * 1000)
    incoming.record.new = {"delay": incoming.body.delay}
    return answers.CountAnswer(
        count=await campaigns.shift.run(
            incoming.services.database, *_campaign(incoming), delta, incoming.now
        )
    )


async def _counted(
    incoming: Incoming, action: Transaction[[str, str, Instant], int]
) -> answers.CountAnswer:
    return answers.CountAnswer(
        count=await action.run(incoming.services.database, *_campaign(incoming), incoming.now)
    )


def _campaign(incoming: Incoming) -> tuple[str, str]:
    """The workspace and name that are meant. Raises NotFound, where it is another
    workspace's too.
    """
    workspace: str = incoming.query.workspace_id
    if len(incoming.name) > bodies.LONGEST_ID or incoming.caller.workspace not in (None, workspace):
        raise NotFound("campaign", shown(incoming.name))
    return workspace, incoming.name


CALLS = [
    Call(
        "GET",
        "/api/campaigns/{campaignId}",
        get_campaign,
        "A campaign's state and counts",
        answers.CampaignAnswer,
        query=bodies.CampaignQuery,
        errors=(404,),
        tag="Campaigns",
    ),
    *(
        Call(
            "POST",
            f"/api/campaigns/{{campaignId}}/{action}",
            handler,
            summary,
            answers.CountAnswer,
            scope=Scope.MANAGE,
            query=bodies.CampaignQuery,
            body=body,
            reads=reads,
            errors=errors,
            tag="Campaigns",
            audited=f"{action} campaign",
        )
        for action, handler, summary, body, reads, errors in (
            (
                "cancel",
                cancel_campaign,
                "End every job that exists now",
                bodies.NoMembers,
                reading.NONE,
                (404,),
            ),
            (
                "pause",
                pause_campaign,
                "Hold every job, and those scheduled later, until an end if one is given",
                PauseBody,
                reading.NONE,
                (404,),
            ),
            (
                "resume",
                resume_campaign,
                "Let a paused campaign's jobs go",
                bodies.NoMembers,
                reading.NONE,
                (404,),
            ),
            (
                "shift",
                shift_campaign,
                "Move the due times of every job",
                bodies.ShiftBody,
                reading.OTHER,
                (404, 409),
            ),
        )
    ),
]
