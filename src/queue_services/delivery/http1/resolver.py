"""Names to addresses, on threads of their own.

Used by `dialler`, one resolver a pool of connections. The event loop's own look-ups share
four to six threads: a few names whose servers never answer would stop every delivery of
every workspace.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

AddressInfo = tuple[
    int | socket.AddressFamily,
    int | socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int],
]

THREADS = 32  # a name is asked for once however many wait for it: so many names may hang at once
KEPT_SECONDS = 10.0
LARGEST = 1024


class Resolver:
    """Asks the system's resolver (hosts file, DNS), as every program on the machine does."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "resolver")
        self._asked: dict[tuple[str, int], asyncio.Future[Sequence[AddressInfo]]] = {}
        self._kept: dict[tuple[str, int], tuple[float, Sequence[AddressInfo]]] = {}

    async def look_up(self, host: str, port: int) -> Sequence[AddressInfo]:
        """The addresses of `host`. Raises OSError where there are none."""
        name, now = (host, port), asyncio.get_running_loop().time()
        kept_until, addresses = self._kept.get(name, (0.0, ()))
        if now < kept_until:
            return addresses
        asked = self._asked.get(name)
        if asked is None:
            asked = asyncio.ensure_future(self._ask(host, port))
            self._asked[name] = asked
            asked.add_done_callback(functools.partial(self._answered, name))
        return await asyncio.shield(asked)

    def close(self) -> None:
        """Start no look-up more; what hangs is left to end by itself."""
        for asked in self._asked.values():
            asked.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, host: str, port: int) -> Sequence[AddressInfo]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM
        )
        addresses = cast("Sequence[AddressInfo]", found)
        if len(self._kept) >= LARGEST:
            self._kept.clear()
        self._kept[host, port] = (loop.time() + KEPT_SECONDS, addresses)
        return addresses

    def _answered(self, name: tuple[str, int], asked: asyncio.Future[Any]) -> None:
        del self._asked[name]
        if not asked.cancelled():
            asked.exception()  # it may be that nobody waits for it any more
