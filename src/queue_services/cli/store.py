"""The commands on the store as a whole: `verify` checks it against its invariants and changes
nothing, `backup` copies a running SQLite store, `erase` forgets a contact. Used by `cli.app`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_audit
from queue_services.cli.terminal import Terminal
from queue_services.domain.message import SECOND
from queue_services.errors import ConfigurationError, Fault
from queue_services.queue import verification
from queue_services.queue.privacy import erase_contact
from queue_services.queue.verification import Verification, describe
from queue_services.settings import Settings
from queue_services.storage.backup import copy
from queue_services.storage.sqlite import SqliteDatabase

HOUR = 3600 * SECOND
MOST_SHOWN = 20
"""Findings of one rule, and limits of workspaces, that are shown."""


def verify(
    *,
    hours: Annotated[
        float,
        Parameter(
            help="sends this far back are held against today's limits; 0: all that are kept",
            validator=cyclopts.validators.Number(gte=0),
        ),
    ] = 24,
    database_url: DatabaseUrl = None,
) -> None:
    """Check the store against its invariants, beside whatever runs on it; exit code 1 and a
    report where one is broken.
    """
    settings = Settings.from_environment(database_url=database_url)

    async def work() -> Verification:
        async with bootstrap.open_to_read(settings) as core:
            now = core.clock.now()
            return await verification.verify.run(
                core.database,
                core.limits,
                now,
                now - round(hours * HOUR) if hours else 0,
                counts_segments=settings.counts_segments,
            )

    found = asyncio.run(work())
    _report(found, Terminal(soft_wrap=True))
    sys.exit(1 if found.findings else 0)


def _report(found: Verification, console: Terminal) -> None:
    console.print(
        f"{found.messages:,} messages: {found.waiting:,} wait, {found.ended:,} have ended"
    )
    for rule in found.rules:
        broken = [finding for finding in found.findings if finding.rule == rule]
        console.print(f"{'BROKEN' if broken else 'ok':8}{rule}", style="red" if broken else None)
        for finding in broken[:MOST_SHOWN]:
            console.print(f"{'':8}- {finding.subject}: {finding.detail}")
        if len(broken) > MOST_SHOWN:
            console.print(f"{'':8}- and more")
    for density in found.densities[:MOST_SHOWN]:
        console.print(describe(density))


def erase(contact: str, *, workspace: str, database_url: DatabaseUrl = None) -> None:
    """Forget a contact: take recipient, content, metadata and errors from all of its jobs;
    what waits is cancelled.
    """
    erased = with_audit(
        database_url,
        lambda core: erase_contact(core.database, core.clock, "cli", workspace, contact),
        "erase contact",
        contact,
        workspace,
    )
    Terminal().print(
        f"{erased.jobs:,} jobs erased, {erased.cancelled:,} of them cancelled, {erased.in_flight:,}"
        " perhaps on their way"
    )


def backup(file: Path, *, database_url: DatabaseUrl = None) -> None:
    """Copy the SQLite store into a new FILE, beside whatever runs on it; the copy is a
    store of its own.
    """
    settings = Settings.from_environment(database_url=database_url)

    async def work() -> int:
        async with bootstrap.open_to_read(settings) as core:
            if not isinstance(core.database, SqliteDatabase):
                raise ConfigurationError(
                    Fault(
                        "QUEUE_SERVICES_DATABASE_URL",
                        "is not SQLite; copy PostgreSQL with pg_dump or a base backup",
                    )
                )
            return await asyncio.to_thread(copy, core.database.path, file)

    size = asyncio.run(work())
    Terminal(soft_wrap=True).print(f"{file}: {size / 1_048_576:.1f} MiB")
