"""Keys: making one, which is shown once, listing and revoking them. For administrators alone."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Caller, Scope
from queue_services.domain.key import Key, Permission
from queue_services.domain.message import Instant
from queue_services.errors import Forbidden, InvalidRequest, NotFound
from queue_services.queue.jobs import ID
from queue_services.queue.keys import every
from queue_services.web import bodies as reading
from queue_services.wire import keys as wire
from queue_services.wire.fields import shown
from queue_services.wire.intake import Faults, workspace_of
from queue_services.wire.times import instant, optional_rfc3339, rfc3339


async def create_key(incoming: Incoming) -> wire.NewKeyAnswer:
    """POST /api/keys."""
    body: wire.KeyBody = incoming.body
    faults = Faults()
    workspace = faults.unless(wire.WORKSPACE_ID, workspace_of, body.workspace_id)
    expires_at = faults.unless(
        wire.EXPIRES_AT, lambda text: _expiry(text, incoming.now), body.expires_at
    )
    if faults:
        raise InvalidRequest(*faults)
    caller = incoming.caller
    own = [permission for permission in Permission if Scope(permission) in caller.scopes]
    permissions = own if body.scopes is None else [Permission(name) for name in body.scopes]
    per_minute = (
        caller.per_minute if body.messages_per_minute is None else int(body.messages_per_minute)
    )
    if expires_at is None:
        expires_at = caller.expires_at
    _check_within(caller, own, permissions, per_minute, expires_at)
    key, text = await incoming.services.keys.create(
        workspace, permissions, per_minute=per_minute, expires_at=expires_at
    )
    incoming.record.new = _members(key)
    return wire.NewKeyAnswer(**_members(key), key=text)


def _check_within(
    caller: Caller,
    own: list[Permission],
    permissions: list[Permission],
    per_minute: int | None,
    expires_at: Instant | None,
) -> None:
    """Raise Forbidden for a key that could do more than the one that makes it."""
    more = []
    if not set(permissions) <= set(own):
        more.append(f"other scopes than its own ({', '.join(own)})")
    if _is_more(per_minute, caller.per_minute):
        more.append(f"a larger quota than its own ({caller.per_minute} messages a minute)")
    if _is_more(expires_at, caller.expires_at):
        more.append(f"a longer life than its own (until {optional_rfc3339(caller.expires_at)})")
    if more:
        raise Forbidden(f"The key is not allowed to make one with {' or '.join(more)}.")


def _is_more(wanted: int | None, most: int | None) -> bool:
    return most is not None and (wanted is None or wanted > most)


async def list_keys(incoming: Incoming) -> wire.KeysAnswer:
    """GET /api/keys."""
    wanted = incoming.query.workspace_id
    found = await every.run(incoming.services.database)
    return wire.KeysAnswer(
        keys=[
            wire.KeyMembers(**_members(key))
            for key in found
            if wanted is UNSET or key.workspace == wanted
        ]
    )


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
    expires_at = instant(text)
    if expires_at <= now:
        raise ValueError("must be a time to come")
    return expires_at


CALLS = [
    Call(
        "POST",
        "/api/keys",
        create_key,
        "Make a key; it is shown this once",
        wire.NewKeyAnswer,
        scope=Scope.ADMIN,
        body=wire.KeyBody,
        reads=reading.NONE,
        tag="Keys",
        audited="make key",
    ),
    Call(
        "GET",
        "/api/keys",
        list_keys,
        "The keys that are not revoked",
        wire.KeysAnswer,
        scope=Scope.ADMIN,
        query=wire.KeysQuery,
        tag="Keys",
    ),
    Call(
        "DELETE",
        "/api/keys/{keyId}",
        revoke_key,
        "Revoke a key: within a second it opens nothing",
        wire.KeyAnswer,
        scope=Scope.ADMIN,
        errors=(404,),
        tag="Keys",
        audited="revoke key",
    ),
]
