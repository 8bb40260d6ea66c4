"""The client: begins requests on a pool of connections, and keeps the time of their answers.

exchange = client.begin(post(read_target(url), fields, body), listener)
exchange.start()                      # written now; `listener.finished(outcome)` follows

outcome = await client.fetch(get(read_target(url), {}))       # the same as a coroutine
"""

from __future__ import annotations

import asyncio
from typing import Self

from queue_services.delivery.http1.answer import BODY_BYTES, Outcome
from queue_services.delivery.http1.deadlines import Deadlines
from queue_services.delivery.http1.dialler import AddressGuard, Dialler
from queue_services.delivery.http1.exchange import Exchange, Listener
from queue_services.delivery.http1.pool import Pool
from queue_services.delivery.http1.target import Request


class Client:
    """Requests on at most `connections` connections. `seconds` bounds the opening of one, and
    again the time from a request's start to its answer's end; of an answer's body at most
    `body_bytes` are read. It follows no redirect, uses no proxy of the environment, keeps no
    cookie and decompresses nothing.

    `guard` is asked about every address before it is dialled. Made on the event loop it is
    used on.
    """

    def __init__(
        self,
        seconds: float,
        connections: int,
        guard: AddressGuard | None = None,
        body_bytes: int = BODY_BYTES,
    ) -> None:
        self._seconds = seconds
        self._dialler = Dialler(seconds, guard, body_bytes)
        self._pool = Pool(self._dialler.dial, connections)
        self._deadlines: Deadlines[Exchange] = Deadlines(seconds, self._expire)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def begin(self, request: Request, listener: Listener) -> Exchange:
        """Look for a connection for the request, and have one opened where none is idle."""
        return Exchange(request, listener, self._pool, self._deadlines)

    async def fetch(self, request: Request) -> Outcome:
        """Send a request and wait for what it comes to. Raises nothing but CancelledError."""
        fetching = _Fetching()
        exchange = self.begin(request, fetching)
        fetching.exchange = exchange
        exchange.start()
        try:
            return await fetching.outcome
        finally:
            exchange.abandon()

    async def close(self) -> None:
        """Close every connection; what is under way is told nothing more."""
        self._deadlines.close()
        self._dialler.close()
        await self._pool.close()

    def _expire(self, exchange: Exchange) -> None:
        exchange.expire(f"No complete answer within {self._seconds:g} s.")


class _Fetching:
    """The listener of a request that starts as soon as it can."""

    exchange: Exchange

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def ready(self) -> None:
        self.exchange.start()

    def finished(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)
