"""Operations on many jobs, the audit log, and the list of campaigns: what the dashboard does, by
API. A key of one workspace sees and changes its own alone.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from queue_services.api import render
from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.api.job_filters import given, job_filter, moment
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import audit, operations, overview
from queue_services.queue.audit import AuditEntry, AuditFilter
from queue_services.queue.operations import Action, Operation, Request
from queue_services.web import bodies as reading
from queue_services.wire import operations as wire
from queue_services.wire.answers import STATUS_NAMES
from queue_services.wire.bodies import NoMembers
from queue_services.wire.intake import Faults, due_at
from queue_services.wire.times import optional_rfc3339, rfc3339


async def start_operation(incoming: Incoming) -> wire.StartedAnswer:
    """POST /api/operations."""
    body: wire.OperationBody = incoming.body
    wanted = job_filter(incoming.caller, body.filter, incoming.services.rules.searched)
    action, faults, due = Action(body.action), Faults(), None
    if body.filter.status is UNSET:
        faults.append(Fault("filter.status", "is required"))
    elif wanted.status not in operations.ACTS_ON[action]:
        allowed = " or ".join(STATUS_NAMES[one] for one in operations.ACTS_ON[action])
        faults.append(Fault("filter.status", f"must be {allowed} to {action.value}"))
    if not operations.is_narrowed(wanted):
        faults.append(Fault("filter", "needs a member besides `status` that narrows the jobs down"))
    if action is Action.RESCHEDULE:
        if body.delay is None and body.scheduled_for is None:
            faults.append(Fault("delay", "is required, or `scheduledFor` in its place"))
        due = due_at(body.delay, body.scheduled_for, incoming.now, faults)
    elif body.delay is not None or body.scheduled_for is not None:
        faults.append(Fault("delay", "is for `reschedule` alone; remove it"))
    if faults:
        raise InvalidRequest(*faults)
    incoming.record.workspace = wanted.workspace
    incoming.record.contact = wanted.contact
    incoming.record.new = {"action": body.action, "filter": msgspec.to_builtins(body.filter)}
    operation = await operations.start.run(
        incoming.services.database,
        action,
        incoming.caller.name,
        incoming.caller.workspace,
        Request(wanted=wanted, due_at=due),
        incoming.now,
    )
    return wire.StartedAnswer(operation_id=operation.id, count=operation.matched)


async def get_operation(incoming: Incoming) -> wire.OperationAnswer:
    """GET /api/operations/{operationId}."""
    found = await operations.find.run(
        incoming.services.database, incoming.name.lower(), incoming.caller.workspace
    )
    return wire.OperationAnswer(**_operation(found))


async def list_operations(incoming: Incoming) -> wire.OperationsAnswer:
    """GET /api/operations."""
    query: wire.OperationsQuery = incoming.query
    found = await operations.newest.run(
        incoming.services.database,
        incoming.caller.within(given(query.workspace_id)),
        query.limit + 1,
        given(query.cursor),
    )
    page = found[: query.limit]
    return wire.OperationsAnswer(
        operations=[wire.OperationMembers(**_operation(one)) for one in page],
        next_cursor=page[-1].id if len(found) > len(page) else None,
    )


async def stop_operation(incoming: Incoming) -> wire.OperationAnswer:
    """POST /api/operations/{operationId}/stop."""
    database, workspace = incoming.services.database, incoming.caller.workspace
    identity = incoming.name.lower()
    await operations.stop.run(database, identity, workspace, incoming.now)
    found = await operations.find.run(database, identity, workspace)
    incoming.record.workspace = found.workspace
    return wire.OperationAnswer(**_operation(found))


async def list_audit_entries(incoming: Incoming) -> wire.AuditAnswer:
    """GET /api/audit."""
    query, faults = incoming.query, Faults()
    begin = faults.unless("from", moment, query.since)
    end = faults.unless("to", moment, query.until)
    if faults:
        raise InvalidRequest(*faults)
    cursor = given(query.cursor)
    wanted = AuditFilter(
        workspace=incoming.caller.within(given(query.workspace_id)),
        actor=given(query.by),
        action=given(query.action),
        begin=begin,
        end=end,
        before=None if cursor is None else int(cursor),
        limit=query.limit + 1,
    )
    found = await audit.search.run(incoming.services.database, wanted)
    page = found[: query.limit]
    return wire.AuditAnswer(
        entries=[_entry(one) for one in page],
        next_cursor=str(page[-1].id) if len(found) > len(page) else None,
    )


async def list_campaigns(incoming: Incoming) -> wire.CampaignsAnswer:
    """GET /api/campaigns."""
    query: wire.CampaignsQuery = incoming.query
    cursor = given(query.cursor)
    found = await overview.campaigns.run(
        incoming.services.database,
        incoming.caller.within(given(query.workspace_id)),
        None,
        None if cursor is None else int(cursor),
        query.limit + 1,
        incoming.now,
        state=given(query.state),
    )
    page = found[: query.limit]
    return wire.CampaignsAnswer(
        campaigns=[
            wire.CampaignMembers(
                campaign_id=one.name,
                workspace_id=one.workspace,
                state=one.state,
                counts=render.counts(one.counts),
            )
            for one in page
        ],
        next_cursor=str(page[-1].id) if len(found) > len(page) else None,
    )


def _operation(found: Operation) -> dict[str, Any]:
    return {
        "operation_id": found.id,
        "action": found.action.value,
        "state": found.state,
        "workspace_id": found.workspace or found.request.wanted.workspace,
        "by": found.actor,
        "total": found.matched,
        "done": found.done,
        "skipped": found.skipped,
        "error": found.error,
        "created_at": rfc3339(found.created_at),
        "finished_at": optional_rfc3339(found.finished_at),
    }


def _entry(found: AuditEntry) -> wire.AuditEntryMembers:
    return wire.AuditEntryMembers(
        at=rfc3339(found.at),
        by=found.actor,
        via=found.via,
        workspace_id=found.workspace,
        action=found.action,
        subject=found.subject,
        old=_value(found.old),
        new=_value(found.new) if found.new is not None else found.detail,
        outcome=found.outcome,
    )


def _value(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


CALLS = [
    Call(
        "POST",
        "/api/operations",
        start_operation,
        "Cancel, retry, promote or reschedule all jobs that match, in the background",
        wire.StartedAnswer,
        scope=Scope.MANAGE,
        body=wire.OperationBody,
        reads=reading.OTHER,
        tag="Operations",
        status=202,
        audited="start operation",
    ),
    Call(
        "GET",
        "/api/operations",
        list_operations,
        "Operations on many jobs, newest first",
        wire.OperationsAnswer,
        query=wire.OperationsQuery,
        tag="Operations",
    ),
    Call(
        "GET",
        "/api/operations/{operationId}",
        get_operation,
        "An operation and its progress",
        wire.OperationAnswer,
        errors=(404,),
        tag="Operations",
    ),
    Call(
        "POST",
        "/api/operations/{operationId}/stop",
        stop_operation,
        "Leave the rest of an operation undone",
        wire.OperationAnswer,
        scope=Scope.MANAGE,
        body=NoMembers,
        reads=reading.NONE,
        errors=(404, 409),
        tag="Operations",
        audited="stop operation",
    ),
    Call(
        "GET",
        "/api/audit",
        list_audit_entries,
        "Who changed what, newest first",
        wire.AuditAnswer,
        query=wire.AuditQuery,
        tag="Operations",
    ),
    Call(
        "GET",
        "/api/campaigns",
        list_campaigns,
        "Campaigns with their counts, newest first",
        wire.CampaignsAnswer,
        query=wire.CampaignsQuery,
        tag="Campaigns",
    ),
]
