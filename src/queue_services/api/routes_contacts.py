"""Contacts: forgetting one."""

from __future__ import annotations

from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.errors import NotFound
from queue_services.queue import privacy
from queue_services.web import bodies as reading
from queue_services.wire import answers, bodies
from queue_services.wire.fields import shown


async def erase_contact(incoming: Incoming) -> answers.EraseAnswer:
    """POST /api/contacts/{contactId}/erase. A contact that nothing was ever sent to is
    erased already.
    """
    workspace: str = incoming.query.workspace_id
    incoming.caller.only(workspace)
    if len(incoming.name) > bodies.LONGEST_ID:
        raise NotFound("contact", shown(incoming.name))
    services = incoming.services
    erased = await privacy.erase_contact(
        services.database, services.clock, services.writer, workspace, incoming.name
    )
    return answers.EraseAnswer(
        erased=erased.jobs, cancelled=erased.cancelled, in_flight=erased.in_flight
    )


CALLS = [
    Call(
        "POST",
        "/api/contacts/{contactId}/erase",
        erase_contact,
        "Forget a contact",
        answers.EraseAnswer,
        scope=Scope.MANAGE,
        query=bodies.ContactQuery,
        body=bodies.NoMembers,
        reads=reading.NONE,
        errors=(404,),
        tag="Contacts",
        audited="erase contact",
    ),
]
