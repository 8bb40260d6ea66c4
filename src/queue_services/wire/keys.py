"""The shapes of keys on the wire: the body that makes one, and answers. A description
completes the sentence "FIELD must be ..." in a fault.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from queue_services.wire.answers import Answer, Time, Uuid
from queue_services.wire.bodies import Id, Whole, WorkspaceId
from queue_services.wire.bodies import Time as GivenTime

MOST_PER_MINUTE = 1_000_000_000
WORKSPACE_ID, EXPIRES_AT = "workspaceId", "expiresAt"
"""As faults name them."""
ScopeName = Literal["read", "send", "manage"]


class KeyBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A key to make: of one workspace or, without `workspaceId`, an administrator's; with
    the scopes, life and quota of the key that makes it, or less where it is said, never more.
    """

    workspace_id: Annotated[
        WorkspaceId | None,
        Meta(description="text of 1-255 characters, or null for an administrator's key"),
    ] = None
    scopes: Annotated[
        Annotated[list[ScopeName], Meta(min_length=1)] | None,
        Meta(
            description="a list of `read`, `send` and `manage` that is not empty; or null for all"
        ),
    ] = None
    expires_at: GivenTime = None
    messages_per_minute: Annotated[
        Annotated[Whole, Meta(ge=1, le=MOST_PER_MINUTE)] | None,
        Meta(description="a whole number from 1 of messages a minute; or null for any number"),
    ] = None


class KeyMembers(msgspec.Struct, rename="camel", kw_only=True):
    """A key; its text is not kept. `workspaceId` is null for an administrator's."""

    key_id: Uuid
    workspace_id: str | None
    scopes: list[ScopeName]
    created_at: Time
    expires_at: Time | None
    messages_per_minute: int | None


class NewKeyAnswer(KeyMembers, kw_only=True):
    """A key that was made. `key` is shown this once: send it as `Authorization: Bearer`, or
    as the password of Basic.
    """

    success: Literal[True] = True
    key: str


class KeyAnswer(KeyMembers, kw_only=True):
    """A key that was revoked."""

    success: Literal[True] = True


class KeysAnswer(Answer, kw_only=True):
    """All keys that are not revoked, oldest first."""

    keys: list[KeyMembers]


class KeysQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Whose keys: one workspace's, or all."""

    workspace_id: Id | msgspec.UnsetType = msgspec.UNSET
