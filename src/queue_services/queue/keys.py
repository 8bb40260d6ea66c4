"""Keys: making, listing and revoking them, and finding the key whose text a caller sent.

Called by the API, the dashboard and the CLI. Every process keeps all keys in memory, and
twice a second at most asks the store whether any was made or revoked: so a change is in
force within a second everywhere, and a request costs no read of the store, whatever it
sends as its key. The store has the keys' digests, never their texts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from queue_services.clock import Clock
from queue_services.domain.key import Key, Permission, digest, new_key
from queue_services.domain.message import SECOND, Instant, new_id
from queue_services.errors import NotFound, StoreUnavailable
from queue_services.queue.jobs import ID
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Database, Row, Tx

log = structlog.get_logger(__name__)

FRESH = SECOND // 2
"""How long what is known of the keys is gone by without asking the store."""
IN_FORCE = SECOND
"""How long after a key was revoked it may still open something, at most: without a younger
answer of the store nobody is let in.
"""
PATIENCE_SECONDS = 0.2
"""How long a request waits for the store's answer about the keys before it goes by what was
known, where that is young enough.
"""
LAST_PATIENCE_SECONDS = 1.0
"""The same, where it is not."""


class Keys:
    """The keys of the store, as one process knows them. They are read by `reads_from`, a
    connection to the same store that no other read keeps busy; None: by `database`.
    """

    def __init__(
        self, database: Database, clock: Clock, reads_from: Database | None = None
    ) -> None:
        self._database, self._clock = database, clock
        self._reads_from = reads_from or database
        self._by_digest: dict[str, Key] = {}
        self._version: int | None = None
        self._asked_at: Instant | None = None
        self._asking: asyncio.Task[StoreUnavailable | None] | None = None

    async def create(
        self,
        workspace: str | None,
        permissions: Iterable[Permission] = Permission,
        *,
        per_minute: int | None = None,
        expires_at: Instant | None = None,
    ) -> tuple[Key, str]:
        """Make a key; what is kept of it, and its text, which nobody can learn again.
        `workspace` None: an administrator's.
        """
        text, now = new_key(), self._clock.now()
        key = Key(
            new_id(now),
            digest(text),
            workspace,
            tuple(dict.fromkeys(permissions)),
            per_minute,
            now,
            expires_at,
        )
        await insert.run(self._database, key)
        self._ask_anew()
        log.info(
            "a key was made",
            key_id=key.id,
            workspace=workspace,
            scopes=[permission.value for permission in key.permissions],
        )
        return key, text

    async def revoke(self, identity: str) -> Key:
        """End a key. Raises NotFound."""
        key = await revoke.run(self._database, identity, self._clock.now())
        self._ask_anew()
        log.info("a key was revoked", key_id=key.id, workspace=key.workspace)
        return key

    async def exist(self) -> bool:
        """Whether there ever was a key: from then on one is always needed, even where all are
        revoked or have expired. Raises StoreUnavailable where that is not known.
        """
        if not self._version:
            await self._ask()
        return bool(self._version)

    async def find(self, text: str) -> Key | None:
        """The key in force whose text this is."""
        await self._ask()
        key = self._by_digest.get(digest(text))
        return key if key is not None and key.in_force(self._clock.now()) else None

    async def in_force(self, identity: str) -> Key | None:
        """The key of this id, as long as it opens anything: a session that began with it ends
        with it.
        """
        await self._ask()
        now = self._clock.now()
        held = (key for key in self._by_digest.values() if key.id == identity)
        return next((key for key in held if key.in_force(now)), None)

    async def _ask(self) -> None:
        """Know the keys as they were half a second ago or later; while the store is slow, as they
        were a second ago or later. Raises StoreUnavailable.
        """
        if self._is_known(FRESH):
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._read())
        asking = self._asking
        known = self._is_known(IN_FORCE)
        patience = PATIENCE_SECONDS if known else LAST_PATIENCE_SECONDS
        await asyncio.wait({asking}, timeout=None if self._version is None else patience)
        if self._is_known(IN_FORCE):
            return
        if asking.done() and asking is not self._asking:
            await self._ask()  # a key was made or revoked here meanwhile
            return
        error = asking.result() if asking.done() else None
        raise error or StoreUnavailable("it does not say in time which keys are in force")

    async def _read(self) -> StoreUnavailable | None:
        """Read what has changed; the reason where the store is away. What was read while a key
        was made or revoked here is not gone by.
        """
        asked_at = self._clock.now()
        try:
            version, found = await since.run(self._reads_from, self._version)
        except StoreUnavailable as error:
            return error
        if self._asking is asyncio.current_task():
            self._version, self._asked_at = version, asked_at
            if found is not None:
                self._by_digest = {key.digest: key for key in found}
        return None

    def _ask_anew(self) -> None:
        self._asked_at = self._asking = None

    def _is_known(self, within: Instant) -> bool:
        """Whether the keys are known as they were so long ago or later."""
        return (
            self._version is not None
            and self._asked_at is not None
            and 0 <= self._clock.now() - self._asked_at < within
        )


@writes
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


@reads
async def every(tx: Tx) -> list[Key]:
    """All keys that are not revoked, oldest first; expired ones too."""
    return [_key(row) for row in await tx.fetch("all_keys")]


@reads
async def since(tx: Tx, version: int | None) -> tuple[int, list[Key] | None]:
    """How often keys have been made or revoked, and all keys where that is not `version`; 0
    where there never was one.
    """
    rows = await tx.fetch("key_version")
    current = int(rows[0][0]) if rows else 0
    return current, None if current == version else await every(tx)


@writes
async def revoke(tx: Tx, identity: str, now: Instant) -> Key:
    """End a key. Raises NotFound for one that is not there, or is revoked already."""
    rows = await tx.fetch("revoke_key", identity, now) if ID.fullmatch(identity) else []
    if not rows:
        raise NotFound("key", identity)
    await tx.fetch("count_key_change")
    return _key(rows[0])


def _key(row: Row) -> Key:
    identity, fingerprint, workspace, permissions, per_minute, created_at, expires_at = row
    return Key(
        identity,
        fingerprint,
        workspace,
        tuple(map(Permission, permissions.split())),
        per_minute,
        created_at,
        expires_at,
    )
