"""Contacts: forgetting one."""

from __future__ import annotations

from queue_services.api import bodies as reading
from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.wire import answers, bodies


async def erase(incoming: Incoming) -> answers.EraseAnswer:
    """POST /api/contacts/{contactId}/erase. A contact that nothing was ever sent to is erased already."""
    workspace: str = incoming.query.workspace_id
    incoming.caller.only(workspace)
    erased = await incoming.services.contacts.erase(workspace, incoming.name)
    return answers.EraseAnswer(erased=erased.jobs, cancelled=erased.cancelled, in_flight=erased.in_flight)


CALLS = [
    Call(
        "POST", "/api/contacts/{contactId}/erase", erase, "Forget a contact", answers.EraseAnswer,
        scope=Scope.MANAGE, query=bodies.ContactQuery, body=bodies.NoMembers, reads=reading.NONE, tag="Contacts",
    ),
]  # fmt: skip
