"""Keys: making one, which is shown once, listing and revoking them. For administrators alone."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from queue_services.api import bodies as reading
from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.domain.key import Key, Permission
from queue_services.domain.message import Instant
from queue_services.errors import Fault, InvalidRequest, NotFound
from queue_services.storage.jobs import ID
from queue_services.wire import keys as wire
from queue_services.wire.bodies import LONGEST_ID
from queue_services.wire.fields import shown
from queue_services.wire.times import instant, optional_rfc3339, rfc3339


async def create_key(incoming: Incoming) -> wire.NewKeyAnswer:
    """POST /api/keys."""
    body: wire.KeyBody = incoming.body
    workspace = None if body.workspace_id is None else str(body.workspace_id)
    if workspace is not None and len(workspace) > LONGEST_ID:
        raise InvalidRequest(Fault(wire.WORKSPACE_ID, f"must be at most {LONGEST_ID} characters"))
    expires_at = None if body.expires_at is None else _expiry(body.expires_at, incoming.now)
    permissions = list(Permission) if body.scopes is None else [Permission(name) for name in body.scopes]
    key, text = await incoming.services.keys.create(workspace, permissions, per_minute=body.messages_per_minute, expires_at=expires_at)
    return wire.NewKeyAnswer(**_members(key), key=text)


async def list_keys(incoming: Incoming) -> wire.KeysAnswer:
    """GET /api/keys."""
    wanted = incoming.query.workspace_id
    found = await incoming.services.keys.every()
    return wire.KeysAnswer(keys=[wire.KeyMembers(**_members(key)) for key in found if wanted is UNSET or key.workspace == wanted])


async def revoke_key(incoming: Incoming) -> wire.KeyAnswer:
    """DELETE /api/keys/{keyId}."""
    if not ID.fullmatch(incoming.name.lower()):
        raise NotFound("key", shown(incoming.name))
    return wire.KeyAnswer(**_members(await incoming.services.keys.revoke(incoming.name.lower())))


def _members(key: Key) -> dict[str, Any]:
    return {
        "key_id": key.id,
        "workspace_id": key.workspace,
        "scopes": [permission.value for permission in key.permissions],
        "created_at": rfc3339(key.created_at),
        "expires_at": optional_rfc3339(key.expires_at),
        "messages_per_minute": key.per_minute,
    }


def _expiry(text: str, now: Instant) -> Instant:
    try:
        expires_at = instant(text)
    except ValueError as error:
        raise InvalidRequest(Fault(wire.EXPIRES_AT, str(error))) from None
    if expires_at <= now:
        raise InvalidRequest(Fault(wire.EXPIRES_AT, "must be a time to come"))
    return expires_at


CALLS = [
    Call(
        "POST", "/api/keys", create_key, "Make a key; it is shown this once", wire.NewKeyAnswer,
        scope=Scope.ADMIN, body=wire.KeyBody, reads=reading.NONE, tag="Keys",
    ),
    Call("GET", "/api/keys", list_keys, "The keys that are not revoked", wire.KeysAnswer, scope=Scope.ADMIN, query=wire.KeysQuery, tag="Keys"),
    Call(
        "DELETE", "/api/keys/{keyId}", revoke_key, "Revoke a key: within a second it opens nothing", wire.KeyAnswer,
        scope=Scope.ADMIN, errors=(404,), tag="Keys",
    ),
]  # fmt: skip
