"""A TCP proxy before a server: it can stop forwarding without closing anything, as a
machine that lost its power or a firewall that drops packets does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Proxy:
    """Forwards between clients of `port` and a server on 127.0.0.1 while it is `open`.

    Closed, it still accepts connections and takes in bytes; nobody gets any of them.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._open = asyncio.Event()
        self._open.set()
        self._forwarding: set[asyncio.Task[None]] = set()
        self.port = 0

    def vanish(self) -> None:
        """From now on no byte arrives, and no connection ends."""
        self._open.clear()

    def return_(self) -> None:
        """Forward again, what was held back first."""
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._forwarding.add(task)
        task.add_done_callback(self._forwarding.discard)
        await self._open.wait()
        there, back = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, back))
                both.create_task(self._forward(there, writer))
        finally:
            back.close()
            writer.close()

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65536):
                await self._open.wait()
                target.write(chunk)
                await target.drain()
        await self._open.wait()
        target.close()


@contextlib.asynccontextmanager
async def proxy_to(server_port: int) -> AsyncIterator[Proxy]:
    """A proxy before the server on that port; ends with every connection."""
    proxy = Proxy(server_port)
    listening = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        for task in list(proxy._forwarding):
            task.cancel()
        await asyncio.gather(*proxy._forwarding, return_exceptions=True)
