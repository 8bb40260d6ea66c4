"""Opens connections: names to addresses, each address past the guard, then the addresses
against each other (RFC 8305), then TLS.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

import aiohappyeyeballs

from queue_services.delivery.http1.answer import Failure, Stage
from queue_services.delivery.http1.connection import Connection, Owner
from queue_services.delivery.http1.resolver import AddressInfo, Resolver
from queue_services.delivery.http1.target import Origin
from queue_services.errors import QueueServicesError

NEXT_ADDRESS_SECONDS = 0.25  # RFC 8305, 5: the other addresses begin that much later each

AddressGuard = Callable[[str], str | None]
"""Why an address is not dialled, or None."""


class NoConnection(QueueServicesError):
    """A connection could not be opened; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.reason)


class Dialler:
    """Opens connections within `seconds` each; `guard` is asked about every address at every
    connection, after its name was looked up, so that a name that changes leads nowhere else.
    """

    def __init__(self, seconds: float, guard: AddressGuard | None, body_bytes: int) -> None:
        self._seconds, self._guard, self._body_bytes = seconds, guard, body_bytes
        self._names = Resolver()

    async def dial(self, origin: Origin, owner: Owner) -> Connection:
        """A new connection. Raises NoConnection."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._dial(origin, owner)
        except TimeoutError:
            reason = f"No connection within {self._seconds:g} s."
        except (OSError, UnicodeError) as problem:  # UnicodeError: a label that no DNS name has
            reason = f"Cannot connect to {origin.host}:{origin.port}: {problem}"
        raise NoConnection(Failure(Stage.CONNECTING, reason))

    def close(self) -> None:
        """Look no name up any more."""
        self._names.close()

    async def _dial(self, origin: Origin, owner: Owner) -> Connection:
        found = _literal(origin) or await self._names.look_up(origin.host, origin.port)
        faults = {str(address[4][0]): self._fault(str(address[4][0])) for address in found}
        allowed = [address for address in found if faults[str(address[4][0])] is None]
        if not allowed:
            reason = next((fault for fault in faults.values() if fault), "no address")
            raise NoConnection(Failure(Stage.FORBIDDEN, reason))
        connected = await aiohappyeyeballs.start_connection(
            allowed, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, interleave=1
        )
        context = _tls() if origin.secure else None
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(origin, owner, self._body_bytes),
            sock=connected,
            ssl=context,
            server_hostname=origin.host.rstrip(".") if context else None,
        )
        return connection

    def _fault(self, address: str) -> str | None:
        return None if self._guard is None else self._guard(address)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Verifies names and certificates against the system's authorities, and asks for HTTP/1.1."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _literal(origin: Origin) -> list[AddressInfo]:
    """The address that a host is already: no look-up for these."""
    try:
        address = ip_address(origin.host)
    except ValueError:
        return []
    if not isinstance(address, IPv6Address):
        where: tuple[str, int] | tuple[str, int, int, int] = (origin.host, origin.port)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)]
    if address.scope_id:  # only the system knows the number of a zone
        return []
    where = (origin.host, origin.port, 0, 0)
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)]
