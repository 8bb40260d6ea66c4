"""What an error of PostgreSQL means for the caller: the store is away, it refuses, or the
statement was wrong. Used by `storage.postgres`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import asyncpg

from queue_services.errors import StoreRefuses, StoreUnavailable

CONNECTING = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What connecting to one host may raise: whatever it is, the next host may answer."""
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, until it is promoted
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    # No fault of what is written: the disk, the server's memory, a role's missing grant, a
    # session that was ended, a connection out of step.
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
)
URL = "QUEUE_SERVICES_DATABASE_URL"
ADVICE: tuple[tuple[type[BaseException], str], ...] = (
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        f"Check the user and the password in {URL}, and the server's pg_hba.conf.",
    ),
    (
        asyncpg.InvalidCatalogNameError,
        f"Create the database, or name another one in {URL}.",
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        "Let the role own the schema: CREATE SCHEMA queue AUTHORIZATION the_role.",
    ),
    (asyncpg.DiskFullError, "Make room on the disk of the database server."),
)


class CannotConnect(ConnectionError):
    """No host of the URL could be used; `failures` has each host and why."""

    def __init__(self, failures: list[tuple[object, BaseException]]) -> None:
        self.failures = failures
        super().__init__("; ".join(f"{address}: {_said(error)}" for address, error in failures))


def unavailable(error: BaseException) -> StoreUnavailable:
    """The error for whoever asked: with advice where waiting alone does not help."""
    causes: Iterable[BaseException] = (
        [failure for _, failure in error.failures] if isinstance(error, CannotConnect) else [error]
    )
    reason = f"PostgreSQL: {_said(error)}"
    for cause in causes:
        for kind, advice in ADVICE:
            if isinstance(cause, kind):
                return StoreRefuses(reason, advice)
    return StoreUnavailable(reason)


def is_misuse(error: BaseException) -> bool:
    """Whether a statement was called wrongly: waiting does not help, it is a bug."""
    return isinstance(error, asyncpg.InterfaceError) and not re.search(
        "clos(ed|ing)|released", str(error)
    )


def _said(error: BaseException) -> str:
    text = str(error) or ("no answer" if isinstance(error, TimeoutError) else type(error).__name__)
    return " ".join(text.split())
