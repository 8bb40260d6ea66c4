"""Opens the store for one command, so that commands work where the API does not run. Used
by every command that runs an operation.
"""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from cyclopts import Parameter

from queue_services import bootstrap
from queue_services.queue.audit import Audit, Via
from queue_services.settings import Settings

T = TypeVar("T")

DatabaseUrl = Annotated[str | None, Parameter(help="the store (QUEUE_SERVICES_DATABASE_URL)")]


def with_core(database_url: str | None, work: Callable[[bootstrap.Core], Awaitable[T]]) -> T:
    """What `work` returns, done on the store and the settings of the environment."""
    settings = Settings.from_environment(database_url=database_url)

    async def opened() -> T:
        async with bootstrap.open_core(settings) as core:
            return await work(core)

    return asyncio.run(opened())


def with_audit(
    database_url: str | None,
    work: Callable[[bootstrap.Core], Awaitable[T]],
    action: str,
    subject: str,
    workspace: str | None = None,
) -> T:
    """What `work` returns, recorded in the audit log under the name of this system's user."""

    async def recorded(core: bootstrap.Core) -> T:
        audit = Audit(core.database, core.clock)
        async with audit.of(user(), action, subject, via=Via.CLI, workspace=workspace):
            return await work(core)

    return with_core(database_url, recorded)


def user() -> str:
    """The name of whoever runs the command; a number where the system has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
