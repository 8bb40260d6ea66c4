"""The key flows: making, listing and revoking keys, and counting what a key hands in a minute.

Called by `queue.keys` and `queue.quotas`. The texts of keys never come here, only their
digests.
"""

from __future__ import annotations

from queue_services.domain.key import Key, Permission
from queue_services.domain.message import Instant
from queue_services.errors import NotFound
from queue_services.queue.jobs import ID
from queue_services.storage.port import Row, Tx


async def insert(tx: Tx, key: Key) -> None:
    """Keep a new key."""
    permissions = " ".join(key.permissions)
    await tx.fetch(
        "insert_key",
        key.id,
        key.digest,
        key.workspace,
        permissions,
        key.per_minute,
        key.created_at,
        key.expires_at,
    )
    await tx.fetch("count_key_change")


async def every(tx: Tx) -> list[Key]:
    """All keys that are not revoked, oldest first; expired ones too."""
    return [_key(row) for row in await tx.fetch("all_keys")]


async def since(tx: Tx, version: int | None) -> tuple[int, list[Key] | None]:
    """How often keys have been made or revoked, and all keys where that is not `version`; 0
    where there never was one.
    """
    rows = await tx.fetch("key_version")
    current = int(rows[0][0]) if rows else 0
    return current, None if current == version else await every(tx)


async def revoke(tx: Tx, identity: str, now: Instant) -> Key:
    """End a key. Raises NotFound for one that is not there, or is revoked already."""
    rows = await tx.fetch("revoke_key", identity, now) if ID.fullmatch(identity) else []
    if not rows:
        raise NotFound("key", identity)
    await tx.fetch("count_key_change")
    return _key(rows[0])


async def use(tx: Tx, identity: str, minute: int, messages: int, most: int) -> int | None:
    """Count messages of a key in a minute, and return how many that makes; None, and
    nothing is counted, where it would be more than `most`.
    """
    rows = await tx.fetch("use_key", identity, minute, messages, most) if messages <= most else []
    return int(rows[0][0]) if rows else None


async def used(tx: Tx, identity: str, minute: int) -> int:
    """How many messages of a key are counted in a minute."""
    rows = await tx.fetch("key_used", identity, minute)
    return int(rows[0][0]) if rows else 0


def _key(row: Row) -> Key:
    identity, digest, workspace, permissions, per_minute, created_at, expires_at = row
    return Key(
        identity,
        digest,
        workspace,
        tuple(map(Permission, permissions.split())),
        per_minute,
        created_at,
        expires_at,
    )
