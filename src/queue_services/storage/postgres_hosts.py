"""Makes every connection to PostgreSQL: tries the hosts of the URL in turn, refuses a former
primary, and notices a pooler.

Used by `storage.postgres` alone. The host that answered last is asked first.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import asyncpg
import structlog

from queue_services.storage.postgres_connection import Connection, notice_a_vanished_host
from queue_services.storage.postgres_errors import CONNECTING, CannotConnect
from queue_services.storage.postgres_url import Address, PostgresUrl
from queue_services.storage.server_identity import Identity, IdentityGuard, WrongServer, identity

HOST_SECONDS = 2.0
"""How long one of several hosts may take to connect; a host that vanished takes all of it."""
TELLS_NOTHING = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedFunctionError,
    asyncpg.FeatureNotSupportedError,
)
"""What a managed server answers that does not say which one it is."""

log = structlog.get_logger(__name__)


class Hosts:
    """The servers of one URL. `seconds` bounds connecting, all hosts together; `texts` are
    the named statements. `guard` knows the newest server that was seen.
    """

    def __init__(self, url: PostgresUrl, seconds: float, texts: dict[str, str]) -> None:
        self._url, self._seconds, self._texts = url, seconds, texts
        self._order = list(url.addresses)
        self._made: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._told_of_pooler = False
        self._refused: set[tuple[Address, Identity | None]] = set()
        self.share(IdentityGuard())

    def share(self, guard: IdentityGuard) -> None:
        """Go by what `guard` has seen; of each newer server everybody who shares it hears."""
        self.guard = guard
        guard.on_newer.append(self._leave_older)

    async def connect(self, _dsn: str | None = None, **options: Any) -> Connection:
        """A connection with every setting of the session. Raises CannotConnect where no host
        gives one; none is left half made. asyncpg's pool hands over what it was made with.
        """
        failures: list[tuple[object, BaseException]] = []
        several = len(self._order) > 1
        seconds = min(HOST_SECONDS, self._seconds / len(self._order)) if several else self._seconds
        for address in list(self._order):
            try:
                async with asyncio.timeout(seconds):
                    connection = await self._connect_to(address, seconds, options)
            except CONNECTING as error:
                failures.append((address, error))
                self._ask_last(address)
            else:
                return connection
        raise CannotConnect(failures)

    def discard(self, address: Address) -> None:
        """Give up every connection to a host, which is no primary any more."""
        log.warning("postgres.read_only", host=str(address))
        self._ask_last(address)
        for connection in list(self._made):
            if connection.address == address:
                connection.terminate()

    def _ask_last(self, address: Address) -> None:
        self._order.remove(address)
        self._order.append(address)

    async def _connect_to(
        self, address: Address, seconds: float, options: dict[str, Any]
    ) -> Connection:
        connection: Connection = await asyncpg.connect(
            self._url.dsn,
            **options,
            host=address.host,
            port=address.port,
            timeout=seconds,
            target_session_attrs=self._url.attributes,
            statement_cache_size=0,  # until it is known that the session is its own
            server_settings={"application_name": "queue-services"},
        )
        try:
            connection.address = address
            notice_a_vanished_host(connection, self._seconds)
            await self._identify(connection)
        except BaseException:
            connection.terminate()
            raise
        self._made.add(connection)
        return connection

    async def _identify(self, connection: Connection) -> None:
        """Learn whose session it is, and make its settings. The server's process, as it tells
        it itself, differs from the one of the connection's key where a pooler stands between.
        """
        # one transaction: behind a pooler its statements meet one session
        await connection.execute("begin")
        try:
            [row] = await connection.fetch(self._texts["identify_server"])
            connection.identity = identity(row[1], row[2])
            says = not row[3]
        except TELLS_NOTHING:
            await connection.execute("rollback; begin")
            [row] = await connection.fetch(self._texts["identify_session"])
            says = True
        if says:
            await self._admit(connection)
        await connection.set_type_codec(
            "uuid", schema="pg_catalog", encoder=str, decoder=str, format="text"
        )
        await connection.execute("commit")
        pooled = row[0] != connection.get_server_pid()
        if pooled and not self._told_of_pooler:
            self._told_of_pooler = True
            log.info(
                "postgres.pooler",
                host=str(connection.address),
                wakes="by the poll of 1 s",
                statement_cache=self._url.cache_size or 0,
            )
        await connection.prepare_session(pooled, self._url.cache_size)

    async def _admit(self, connection: Connection) -> None:
        found, seen = connection.identity, self.guard.seen
        other = found is not None and seen is not None and found.system != seen.system
        stored = await self._stored(connection) if other else []
        try:
            newer = self.guard.admit(found, stored)
        except WrongServer as error:
            if (connection.address, found) not in self._refused:
                self._refused.add((connection.address, found))
                log.warning("postgres.wrong_server", host=str(connection.address), why=str(error))
            raise
        if newer and seen is not None:
            log.warning("postgres.new_primary", host=str(connection.address), now=str(found))
            for leave_older in self.guard.on_newer:
                leave_older(found)

    async def _stored(self, connection: Connection) -> list[Any]:
        try:
            rows: list[Any] = await connection.fetch(self._texts["find_server"])
        except asyncpg.PostgresError:  # no table of that name: no store of ours
            raise WrongServer("it has no store") from None
        return rows

    def _leave_older(self, newest: Identity | None) -> None:
        """Give up connections to the servers before it: one may still be written to."""
        for connection in list(self._made):
            if connection.identity is not None and connection.identity != newest:
                connection.terminate()
