"""Sessions of the dashboard: one row each, found by the digest of a cookie, gone at logout.
Used by the dashboard.

The store has neither cookies nor passwords: a copy of it lets nobody in.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from queue_services.domain.message import Instant
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Row, Tx

MOST_LISTED = 1_000


class Kind(StrEnum):
    """What somebody came in with; `open`: with nothing, where nothing is asked for."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    ADMIN_KEY = "admin_key"
    KEY = "key"
    OPEN = "open"


class StoredSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session: its visitor's `name` in the audit log, the only `workspace` they see (None =
    all), the id of their stored key where they came with one, the address they came from.

    `proof` shows that a password or key of the settings is still the same. Recipients are shown
    whole until `recipients_until`.
    """

    id: str
    kind: Kind
    name: str
    workspace: str | None
    key_id: str | None
    proof: str
    address: str
    created_at: Instant
    expires_at: Instant
    recipients_until: Instant = 0


@writes
async def begin(tx: Tx, digest: str, session: StoredSession, ended: str | None = None) -> None:
    """Keep a session, in place of the one whose id is `ended`; forget those that have expired."""
    await tx.fetch("prune_sessions", session.created_at)
    if ended is not None:
        await tx.fetch("end_session", ended)
    await tx.fetch(
        "insert_session",
        session.id,
        digest,
        session.kind.value,
        session.name,
        session.workspace,
        session.key_id,
        session.proof,
        session.address,
        session.created_at,
        session.expires_at,
        session.recipients_until,
    )


@reads
async def find(tx: Tx, digest: str, now: Instant) -> StoredSession | None:
    """The session of a cookie's digest, unless it has expired."""
    rows = await tx.fetch("find_session", digest, now)
    return _session(rows[0]) if rows else None


@reads
async def every(tx: Tx, now: Instant) -> list[StoredSession]:
    """The sessions that have not expired, newest first; the newest 1,000."""
    return [_session(row) for row in await tx.fetch("list_sessions", now, MOST_LISTED)]


@writes
async def end(tx: Tx, identity: str) -> bool:
    """End a session; whether there was one."""
    return bool(await tx.fetch("end_session", identity))


@writes
async def show_recipients(tx: Tx, identity: str, until: Instant) -> None:
    """Show recipients whole in a session until an instant; 0: mask them."""
    await tx.fetch("show_recipients", identity, until)


def _session(row: Row) -> StoredSession:
    identity, kind, name, workspace, key_id, proof, address, created_at, expires_at, shown = row
    return StoredSession(
        id=identity,
        kind=Kind(kind),
        name=name,
        workspace=workspace,
        key_id=key_id,
        proof=proof,
        address=address,
        created_at=created_at,
        expires_at=expires_at,
        recipients_until=shown,
    )
