"""The commands `erase`, which forgets a contact, and `backup`, which copies a running
SQLite store. Used by `cli`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from queue_services import bootstrap
from queue_services.cli.terminal import Terminal
from queue_services.errors import ConfigurationError, Fault
from queue_services.queue.privacy import Erased, erase_contact
from queue_services.settings import Settings
from queue_services.storage.backup import copy
from queue_services.storage.sqlite import SqliteDatabase

DatabaseUrl = Annotated[str | None, Parameter(help="the store (QUEUE_SERVICES_DATABASE_URL)")]


def erase(contact: str, *, workspace: str, database_url: DatabaseUrl = None) -> None:
    """Forget a contact: take recipient, content, metadata and errors from all of its jobs;
    what waits is cancelled.
    """
    settings = Settings.from_environment(database_url=database_url)

    async def work() -> Erased:
        async with bootstrap.open_core(settings) as core:
            return await erase_contact(core.database, core.clock, "cli", workspace, contact)

    erased = asyncio.run(work())
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
