"""Where a request came from, also behind proxies, and how often one place may try a wrong
password or key.

Used by the API's check of keys and the dashboard's login.
"""

from __future__ import annotations

import functools
import ipaddress
from collections import OrderedDict
from collections.abc import Collection

from starlette.types import Scope

from queue_services.domain.message import SECOND, Instant
from queue_services.errors import TooManyTries
from queue_services.settings.types import Network

PERIOD = 60 * SECOND
MOST_PLACES = 10_000
IPV6_HOST_BITS = 64
"""A customer's own network (RFC 6177): whoever has one address has all of these."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_of(scope: Scope, trusted: Collection[Network]) -> str:
    """The address that a request came from: the rightmost of X-Forwarded-For that is not in
    `trusted`, where the connection comes from a trusted proxy; else the connection's own.
    """
    client = scope.get("client")
    peer = str(client[0]) if client else ""
    if not trusted or not _is_in(_address(peer), trusted):
        return peer
    found = peer
    for part in reversed(_forwarded(scope)):
        address = _address(part)
        if address is None:
            break  # what stands before it was written by somebody who is not known
        found = str(address)
        if not _is_in(address, trusted):
            break
    return found


@functools.lru_cache(1024)
def place_of(address: str) -> str:
    """What tries are counted by: an IPv4 address, or the network of an IPv6 one."""
    parsed = _address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        network = ipaddress.ip_network((parsed, IPV6_HOST_BITS), strict=False)
        return str(network)
    return address if parsed is None else str(parsed)


class Tries:
    """Counts wrong tries by place, in this process: `most` a minute are looked at, the next only
    when the first of them is a minute old.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._tries: OrderedDict[str, list[Instant]] = OrderedDict()

    def begin(self, place: str, now: Instant) -> int:
        """Count a try, before it is known to be wrong, so that many at once are no more than one
        after the other; how many there are. Raises TooManyTries where the place has to wait.
        """
        recent = [at for at in self._tries.get(place, ()) if 0 <= now - at < PERIOD]
        if len(recent) >= self.most:
            raise TooManyTries((recent[0] + PERIOD - now) / SECOND)
        self._tries[place] = [*recent, now]
        self._tries.move_to_end(place)
        if len(self._tries) > MOST_PLACES:
            self._tries.popitem(last=False)
        return len(recent) + 1

    def take_back(self, place: str, at: Instant) -> None:
        """Do not count the try of that instant: it was right, or nobody could tell."""
        if at in self._tries.get(place, ()):
            self._tries[place].remove(at)


def _forwarded(scope: Scope) -> list[str]:
    parts: list[str] = []
    for name, value in scope["headers"]:
        if name == b"x-forwarded-for":
            parts += value.decode("latin-1").split(",")
    return parts


def _address(text: str) -> _Address | None:
    """The address in a text, which may have a port or brackets; IPv4 within IPv6 as IPv4."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(address: _Address | None, networks: Collection[Network]) -> bool:
    return address is not None and any(address in network for network in networks)
