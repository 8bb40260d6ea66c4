"""Names to addresses, on threads of their own.

Used by `delivery.connections`, one resolver a pool of connections. The event loop's own
look-ups share four to six threads: a few names whose servers never answer would stop every
delivery of every workspace.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

THREADS = (
    32  # aiohttp asks once for a name however many wait for it, so this many names may hang at once
)


class ThreadResolver(AbstractResolver):
    """Asks the system's resolver (hosts file, DNS), as every program on the machine does."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises OSError where there are none."""
        look_up = asyncio.get_running_loop().run_in_executor(
            self._threads, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=found,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found, _, proto, _, address in await look_up
        ]

    async def close(self) -> None:
        """Start no look-up more; what hangs is left to end by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
