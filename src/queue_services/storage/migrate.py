"""Brings a schema up to date: numbered SQL, each applied once, in order, and never changed
afterwards (checksums tell).

Called by both backends inside one transaction that holds their lock, so that two processes
may start at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from queue_services.errors import ConfigurationError, Fault
from queue_services.storage.port import Tx
from queue_services.storage.statements import Migration


def checksum(migration: Migration) -> str:
    """What is kept of a migration's text once it is applied: of its file's, so that no change
    of the translation makes an applied migration look edited.
    """
    return hashlib.sha256((migration.source or migration.sql).encode()).hexdigest()


async def apply(
    tx: Tx, run_script: Callable[[str], Awaitable[None]], wanted: list[Migration]
) -> list[int]:
    """Apply what is missing of `wanted`, and return the numbers applied.

    Raises ConfigurationError when the database was made by a newer version, or an applied
    migration's text has changed.
    """
    if not await tx.fetch("find_schema"):  # a role that may create nothing asks for nothing
        await tx.fetch("create_schema_migration")
    applied = {row[0]: row[1] for row in await tx.fetch("applied_migrations")}
    known = {migration.number: migration for migration in wanted}
    for number, digest in applied.items():
        if number not in known:
            raise _unusable(
                f"the database has migration {number}, which this version does not know; run a"
                " newer version"
            )
        if digest != checksum(known[number]):
            raise _unusable(
                f"migration {number} was applied with another text; restore the released one"
            )
    missing = [migration for migration in wanted if migration.number not in applied]
    for migration in missing:
        await run_script(migration.sql)
        await tx.fetch("record_migration", migration.number, migration.name, checksum(migration))
    return [migration.number for migration in missing]


async def check(tx: Tx, wanted: list[Migration]) -> None:
    """Raise ConfigurationError unless exactly the migrations `wanted` are applied; changes
    nothing.
    """
    applied = (
        {row[0]: row[1] for row in await tx.fetch("applied_migrations")}
        if await tx.fetch("find_schema")
        else {}
    )
    if applied != {migration.number: checksum(migration) for migration in wanted}:
        raise _unusable(
            "its schema is not this version's; run `queue-services migrate`, or the version that"
            " made it"
        )


def _unusable(why: str) -> ConfigurationError:
    return ConfigurationError(Fault("QUEUE_SERVICES_DATABASE_URL", why))
