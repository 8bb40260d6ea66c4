"""Workspaces, tiers and channels: what is set for them, what holds them up, and stopping
them. A key of one workspace sees and sets its own alone.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from queue_services.api import render_workspaces as render
from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.domain.message import Channel
from queue_services.domain.tiers import Tier
from queue_services.domain.workspace import Change
from queue_services.errors import Fault, Forbidden, InvalidRequest
from queue_services.queue import tiers as tier_queue
from queue_services.queue import workspaces as queue
from queue_services.queue.autoscaling import adjustments
from queue_services.queue.workspaces import Sort
from queue_services.web import bodies as reading
from queue_services.wire import changes
from queue_services.wire import tiers as tier_wire
from queue_services.wire import workspaces as wire
from queue_services.wire.bodies import LONGEST_ID

ADJUSTMENTS = 10
"""As many changes by automatic scaling as are shown with a workspace, of each channel."""


async def get_workspace(incoming: Incoming) -> wire.WorkspaceAnswer:
    """GET /api/workspaces/{workspaceId}."""
    return await _shown(incoming, _workspace(incoming))


async def change_workspace(incoming: Incoming) -> wire.WorkspaceAnswer:
    """PUT /api/workspaces/{workspaceId}."""
    name = _workspace(incoming)
    change = changes.workspace_change(incoming.content)
    if _is_administrators(change):
        _administrator(incoming)
    before = await _shown(incoming, name)
    await queue.change.run(incoming.services.database, name, change, incoming.now)
    after = await _shown(incoming, name)
    _record_change(incoming, before, after)
    return after


async def lift_workspace_holds(incoming: Incoming) -> wire.LiftAnswer:
    """POST /api/workspaces/{workspaceId}/lift."""
    name = _workspace(incoming)
    channels = [Channel(incoming.body.channel)] if incoming.body.channel else list(Channel)
    return wire.LiftAnswer(
        lifted=[
            channel
            for channel in channels
            if await queue.lift.run(incoming.services.database, name, channel, incoming.now)
        ]
    )


async def list_workspaces(incoming: Incoming) -> wire.WorkspacesAnswer:
    """GET /api/workspaces."""
    _administrator(incoming)
    query = incoming.query
    after = None if query.cursor is UNSET else _position(query.cursor)
    found = await queue.busiest.run(
        incoming.services.database, Sort(query.sort), query.limit + 1, after
    )
    page = [render.volume(one) for one in found[: query.limit]]
    last = (
        f"{getattr(page[-1], query.sort)}:{page[-1].workspace_id}"
        if len(found) > len(page)
        else None
    )
    return wire.WorkspacesAnswer(workspaces=page, next_cursor=last)


async def get_tier(incoming: Incoming) -> tier_wire.TierAnswer:
    """GET /api/tiers/{name}."""
    _administrator(incoming)
    return render.tier(
        await tier_queue.find.run(incoming.services.database, _name(incoming, "name"))
    )


async def change_tier(incoming: Incoming) -> tier_wire.TierAnswer:
    """PUT /api/tiers/{name}."""
    _administrator(incoming)
    services = incoming.services
    name, change = _name(incoming, "name"), changes.tier_change(incoming.content)
    known = {one.name: one for one in await tier_queue.every.run(services.database)}
    after = render.tier(
        await tier_queue.change_and_apply(services.database, services.clock, name, change)
    )
    _record_change(incoming, render.tier(known.get(name, Tier(name))), after)
    return after


async def list_tiers(incoming: Incoming) -> tier_wire.TiersAnswer:
    """GET /api/tiers."""
    _administrator(incoming)
    found = await tier_queue.every.run(incoming.services.database)
    return tier_wire.TiersAnswer(tiers=[render.tier_of_list(one) for one in found])


def _record_change(incoming: Incoming, before: msgspec.Struct, after: msgspec.Struct) -> None:
    """Keep the members that the body names, as they were and as they are, for the audit log."""
    named = set(msgspec.json.decode(incoming.content, type=dict[str, msgspec.Raw]))
    for record, values in (("old", before), ("new", after)):
        shown = msgspec.to_builtins(values)
        kept = {name: shown[name] for name in sorted(named & set(shown))}
        setattr(incoming.record, record, kept)


async def _shown(incoming: Incoming, name: str) -> wire.WorkspaceAnswer:
    database = incoming.services.database
    adjusted = [
        change
        for channel in Channel
        for change in await adjustments.run(database, name, channel, ADJUSTMENTS)
    ]
    settings = await queue.effective_settings.run(database, name, incoming.services.limits)
    holds = await queue.holds.run(database, name, incoming.services.clock.now())
    return render.workspace(settings, holds, adjusted)


def _workspace(incoming: Incoming) -> str:
    """The workspace that is meant. Raises Forbidden for another than the key's."""
    return incoming.caller.only(_name(incoming, wire.WORKSPACE_ID))


def _name(incoming: Incoming, field: str) -> str:
    if not 1 <= len(incoming.name) <= LONGEST_ID:
        raise InvalidRequest(Fault(field, f"must be text of 1-{LONGEST_ID} characters"))
    return incoming.name


def _administrator(incoming: Incoming) -> None:
    """Raise Forbidden where the key is one workspace's, or not an administrator's."""
    incoming.caller.check(Scope.ADMIN)
    if incoming.caller.workspace is not None:
        raise Forbidden("Only an administrator's key may do this.")


def _is_administrators(change: Change) -> bool:
    """Whether a change is one that a workspace's own key may not make: limits, tier, base
    URLs, events.
    """
    return (
        bool(change.limits or change.base_urls)
        or change.tier is not UNSET
        or change.events_url is not UNSET
    )


def _position(cursor: str) -> tuple[int, str]:
    """The figure and the id that a cursor holds. Raises InvalidRequest."""
    figure, colon, name = cursor.partition(":")
    if not (figure.isascii() and figure.isdecimal() and len(figure) <= 18 and colon):
        raise InvalidRequest(Fault("cursor", "is not one that this call has answered"))
    return int(figure), name


CALLS = [
    Call(
        "GET",
        "/api/workspaces/{workspaceId}",
        get_workspace,
        "A workspace: its settings, its limits in force, and what holds it up",
        wire.WorkspaceAnswer,
        tag="Workspaces",
    ),
    Call(
        "PUT",
        "/api/workspaces/{workspaceId}",
        change_workspace,
        "Change the members given of a workspace; null clears",
        wire.WorkspaceAnswer,
        scope=Scope.MANAGE,
        body=wire.WorkspaceBody,
        reads=reading.OTHER,
        decodes=False,
        tag="Workspaces",
        audited="change workspace",
    ),
    Call(
        "POST",
        "/api/workspaces/{workspaceId}/lift",
        lift_workspace_holds,
        "End the holds that the endpoint's answers have put on a workspace",
        wire.LiftAnswer,
        scope=Scope.MANAGE,
        body=wire.LiftBody,
        reads=reading.NONE,
        tag="Workspaces",
        audited="lift hold",
    ),
    Call(
        "GET",
        "/api/workspaces",
        list_workspaces,
        "Workspaces by what they sent, have waiting, or were over their limits",
        wire.WorkspacesAnswer,
        scope=Scope.ADMIN,
        query=wire.WorkspacesQuery,
        tag="Workspaces",
    ),
    Call(
        "GET",
        "/api/tiers/{name}",
        get_tier,
        "What the workspaces of a tier get",
        tier_wire.TierAnswer,
        scope=Scope.ADMIN,
        errors=(404,),
        tag="Tiers",
    ),
    Call(
        "PUT",
        "/api/tiers/{name}",
        change_tier,
        "Change the members given of a tier, or make it; null clears",
        tier_wire.TierAnswer,
        scope=Scope.ADMIN,
        body=tier_wire.TierBody,
        reads=reading.OTHER,
        decodes=False,
        tag="Tiers",
        audited="change tier",
    ),
    Call(
        "GET",
        "/api/tiers",
        list_tiers,
        "All tiers",
        tier_wire.TiersAnswer,
        scope=Scope.ADMIN,
        tag="Tiers",
    ),
]
