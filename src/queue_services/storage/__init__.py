"""The store, in SQL: one port (`port.Database`) and two backends. The flows that run on both
are in `queue`.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from queue_services.errors import ConfigurationError, Fault
from queue_services.storage.port import Database
from queue_services.storage.postgres import TIMEOUT_SECONDS, PostgresDatabase
from queue_services.storage.sqlite import SqliteDatabase


def open_database(url: str, timeout: float = TIMEOUT_SECONDS, *, accept: bool = False) -> Database:
    """The database that `url` names: `sqlite:///relative`, `sqlite:////absolute`, or
    `postgresql://user@host:port/name`.

    `timeout` is the seconds that PostgreSQL may take to answer a statement; `accept` takes
    the server for the store's own, which was restored or upgraded. Connects at the first
    use. Raises ConfigurationError for any other URL.
    """
    scheme = urlsplit(url).scheme
    if scheme in ("postgresql", "postgres"):
        return PostgresDatabase(url, timeout, accept=accept)
    if (
        scheme == "sqlite"
        and url.startswith("sqlite:///")
        and (path := url.removeprefix("sqlite:///"))
        and ":memory:" not in path
    ):
        return SqliteDatabase(path)
    raise ConfigurationError(
        Fault(
            "QUEUE_SERVICES_DATABASE_URL",
            "use sqlite:///file.db, sqlite:////absolute/file.db or "
            "postgresql://user@host:port/name",
        )
    )


def open_beside(other: Database, url: str, timeout: float = TIMEOUT_SECONDS) -> Database:
    """Further connections to the store of `other`, which keep to the same server."""
    database = open_database(url, timeout)
    if isinstance(database, PostgresDatabase) and isinstance(other, PostgresDatabase):
        database.keep_to_server_of(other)
    return database


def open_existing(url: str, timeout: float = TIMEOUT_SECONDS) -> Database:
    """`open_database`, where no store is to be made. Raises ConfigurationError where `url`
    names a file that is not there.
    """
    database = open_database(url, timeout)
    if isinstance(database, SqliteDatabase) and not Path(database.path).is_file():
        raise ConfigurationError(
            Fault("QUEUE_SERVICES_DATABASE_URL", f"there is no file {database.path}")
        )
    return database
