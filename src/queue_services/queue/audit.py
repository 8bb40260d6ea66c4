"""The audit log: who changed what, by which way, from which value to which, and with what
outcome. Written by the dashboard, the API and the CLI; scheduling and reads are not recorded.

An entry of one workspace is seen by its keys; one of none (keys, tiers, channels, failed
logins) by administrators alone. Secrets never get here and recipients come masked.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any

import msgspec

from queue_services.clock import Clock
from queue_services.domain.message import FOREVER, Instant
from queue_services.errors import InvalidRequest, NotFound, QueueServicesError, Refusal
from queue_services.queue.transactions import reads, writes
from queue_services.redaction import redacted
from queue_services.storage.port import Database, Tx

LONGEST_OUTCOME = 300
LONGEST_VALUE = 4_000
"""Characters of an old or new value; a longer one is cut."""


class Via(StrEnum):
    """Which way somebody came."""

    DASHBOARD = "dashboard"
    API = "api"
    CLI = "cli"


class AuditEntry(msgspec.Struct, frozen=True):
    """One thing somebody did; `outcome` is None while it is under way, or where the process
    died meanwhile. `old` and `new` are JSON, or plain text of an earlier version.
    """

    id: int
    at: Instant
    actor: str
    workspace: str | None
    action: str
    subject: str
    detail: str | None
    outcome: str | None
    via: str
    old: str | None
    new: str | None


class AuditFilter(msgspec.Struct, frozen=True):
    """Which entries: None leaves a member open; `begin` inclusive, `end` exclusive."""

    workspace: str | None = None
    actor: str | None = None
    action: str | None = None
    begin: Instant | None = None
    end: Instant | None = None
    before: int | None = None
    limit: int = 50


class Record(msgspec.Struct):
    """What an action fills in while it runs: the values before and after, the workspace and the
    contact that it concerns.
    """

    workspace: str | None = None
    contact: str | None = None
    old: Any = None
    new: Any = None


class Audit:
    """The audit calls of one process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    @contextlib.asynccontextmanager
    async def of(
        self,
        actor: str,
        action: str,
        subject: str,
        *,
        via: Via = Via.DASHBOARD,
        workspace: str | None = None,
        detail: str | None = None,
    ) -> AsyncIterator[Record]:
        """Write an action down before it is done, and afterwards its outcome and values: an
        entry without outcome is one that a crash cut off.
        """
        entry = await note.run(
            self._database, self._clock.now(), actor, workspace, action, subject, detail, via
        )
        record = Record(workspace)
        try:
            yield record
        except QueueServicesError as error:
            refused = f"refused: {redacted(str(error))}"[:LONGEST_OUTCOME]
            await close.run(self._database, entry, refused, record)
            raise
        await close.run(self._database, entry, "done", record)

    @contextlib.asynccontextmanager
    async def of_request(
        self, actor: str, action: str, subject: str, workspace: str | None
    ) -> AsyncIterator[Record]:
        """Write down what a request to the API did, once it is done. One that is wrong, or about
        what is not there, is not written down: it must change nothing.
        """
        record = Record(workspace)
        try:
            yield record
        except (InvalidRequest, NotFound):
            raise
        except Refusal as error:
            refused = f"refused: {redacted(str(error))}"[:LONGEST_OUTCOME]
            await self._keep(actor, action, subject, record, refused)
            raise
        await self._keep(actor, action, subject, record, "done")

    async def _keep(
        self, actor: str, action: str, subject: str, record: Record, outcome: str
    ) -> None:
        now = self._clock.now()

        async def flow(tx: Tx) -> None:
            entry = await note(tx, now, actor, record.workspace, action, subject, None, Via.API)
            await close(tx, entry, outcome, record)

        await self._database.write(flow)

    async def failed(self, actor: str, action: str, subject: str, reason: str, via: Via) -> None:
        """Write down what was not let in: a failed login."""
        now = self._clock.now()
        entry = await note.run(self._database, now, actor, None, action, subject, None, via)
        await close.run(self._database, entry, f"refused: {reason}"[:LONGEST_OUTCOME], Record())


@writes
async def note(
    tx: Tx,
    at: Instant,
    actor: str,
    workspace: str | None,
    action: str,
    subject: str,
    detail: str | None,
    via: Via = Via.DASHBOARD,
) -> int:
    """Write down that somebody is about to do something; the entry's id."""
    [[identity]] = await tx.fetch(
        "insert_audit", at, actor, workspace, action, subject, detail, via.value
    )
    return int(identity)


@writes
async def close(tx: Tx, identity: int, outcome: str, record: Record) -> None:
    """Write down the outcome and the values."""
    await tx.fetch(
        "finish_audit",
        identity,
        outcome,
        record.workspace,
        _value(record.old),
        _value(record.new),
        record.contact,
    )


@writes
async def forget(tx: Tx, workspace: str, contact: str) -> None:
    """Clear what the entries about a contact say of it."""
    await tx.fetch("forget_audit", workspace, contact)


@reads
async def search(tx: Tx, wanted: AuditFilter) -> list[AuditEntry]:
    """The entries that match, newest first."""
    filters = {
        name: getattr(wanted, name)
        for name in ("workspace", "actor", "action", "begin", "end", "before")
        if getattr(wanted, name) is not None
    }
    return [AuditEntry(*row) for row in await tx.search("search_audit", filters, wanted.limit)]


@reads
async def newest(
    tx: Tx, workspace: str | None, most: int, before: int | None = None
) -> list[AuditEntry]:
    """What was done, the newest first, from before an entry's id on; of a workspace, or all."""
    before = FOREVER if before is None else before
    return await search(tx, AuditFilter(workspace=workspace, before=before, limit=most))


def _value(value: Any) -> str | None:
    """A value as it is kept: JSON in which nothing secret and no recipient is readable."""
    if value is None:
        return None
    text = msgspec.json.encode(redacted(value)).decode()
    return text if len(text) <= LONGEST_VALUE else msgspec.json.encode(text[:3_000]).decode()
