"""The parts of a PostgreSQL URL: its hosts in order, what asyncpg reads itself, and the
options that are the store's own.

Called by `storage.postgres`. `settings` has checked the URL's form before.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import msgspec

POOL_SIZE = 10


class Address(NamedTuple):
    """One server's host and port; None leaves it to asyncpg (PGHOST, PGPORT, local sockets)."""

    host: str | None
    port: int | None

    def __str__(self) -> str:
        host = self.host or "the default host"
        return host if self.port is None else f"{host}:{self.port}"


class PostgresUrl(msgspec.Struct, frozen=True):
    """`dsn` has no hosts: asyncpg is handed one address of `addresses` a try. `attributes` is
    what the session must be, as libpq's `target_session_attrs`; `cache_size` the statements
    kept prepared, None where the URL does not say.
    """

    dsn: str
    addresses: tuple[Address, ...]
    attributes: str | None
    cache_size: int | None
    pool_size: int


def parse(url: str) -> PostgresUrl:
    """Take a URL apart: `postgresql://user@h1:p,h2:p/db?target_session_attrs=read-write`, or
    `?host=h1,h2&port=p` as libpq has it. With several hosts the one that can be written is
    meant unless the URL says otherwise. Raises ValueError for a port that is no number.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    cache_size = options.pop("statement_cache_size", None)
    pool_size = int(options.pop("pool_size", POOL_SIZE))
    user, mark, hosts = parts.netloc.rpartition("@")
    addresses = _addresses(
        options.pop("host", "") if not hosts else unquote(hosts), options.pop("port", "")
    )
    attributes = options.pop("target_session_attrs", None)
    return PostgresUrl(
        urlunsplit(("postgresql", user + mark, parts.path, urlencode(options), "")),
        addresses,
        attributes or ("read-write" if len(addresses) > 1 else None),
        None if cache_size is None else int(cache_size),
        pool_size,
    )


def _addresses(hosts: str, ports: str) -> tuple[Address, ...]:
    """The addresses in `hosts` (`h1:p,h2`); a host without a port takes its one of `ports`,
    which has one for each or one for all.
    """
    named = hosts.split(",")
    apart: list[str] = ports.split(",")
    if len(apart) == 1:
        apart *= len(named)
    if len(apart) != len(named):
        raise ValueError("give one port for each host, or one for all")
    return tuple(_address(host, port) for host, port in zip(named, apart, strict=True))


def _address(host: str, port: str) -> Address:
    if host.startswith("/"):  # a folder of local sockets
        return Address(host, int(port) if port else None)
    parts = urlsplit(f"//{host}")
    return Address(parts.hostname, parts.port or (int(port) if port else None))
