"""One POST and its answer: what callbacks and events have in common on the wire.

Used by the senders. It follows no redirect, uses no proxy of the environment, keeps no
cookie, verifies TLS, and reads no more than the beginning of an answer. What the answer
means to a message is not its business.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import io
from collections.abc import Callable

import aiohttp
from yarl import URL

from queue_services import __version__
from queue_services.delivery.connections import (
    AddressGuard,
    GatedConnector,
    GateError,
    Passage,
    PromptRequest,
    passage,
)
from queue_services.delivery.sender import Gate
from queue_services.domain.message import Instant
from queue_services.domain.outcome import ERROR_CHARACTERS, Answer, Kind, read_answer

ANSWER_BYTES = 64 * 1024
_IN_ONE_WRITE = 1024 * 1024
_NO_TIMEOUT = aiohttp.ClientTimeout(
    total=None, sock_connect=None
)  # the passage keeps the time: the wait at the gate must not count
_HEADERS = {  # all that aiohttp would add of its own are named here, so that it need not look
    "accept": "application/json",
    "accept-encoding": "identity",
    "content-type": "application/json",
    "user-agent": f"queue-services/{__version__}",
}


class Exchange:
    """POSTs on connections of its own, at most `concurrency` at once.

    `seconds` bounds connecting, and again the time from the request's start to its answer's
    end. `clock` gives the instants of Retry-After. `address_guard` is asked about every
    address that a guarded URL leads to, when it is dialled, and says why not; what it
    refuses is REJECTED.
    """

    def __init__(
        self,
        seconds: float,
        concurrency: int,
        clock: Callable[[], Instant],
        address_guard: AddressGuard | None,
    ) -> None:
        self._seconds, self._concurrency, self._clock, self._address_guard = (
            seconds,
            concurrency,
            clock,
            address_guard,
        )
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def post(
        self, url: URL, headers: dict[str, str], body: bytes, gate: Gate, *, guarded: bool
    ) -> Answer:
        """Send the request and read its answer, or say how far it came. Raises only what `gate`
        raises, and CancelledError.
        """
        way: Passage | None = None
        session = self._session(guarded=guarded)
        try:
            async with asyncio.timeout(None) as limit:
                way = Passage(gate, limit, self._seconds)
                passage.set(way)
                content = (
                    body if len(body) <= _IN_ONE_WRITE else io.BytesIO(body)
                )  # larger ones in pieces: one write would hold up the loop
                async with session.post(
                    url, headers=headers, data=content, allow_redirects=False
                ) as response:
                    start = await _read_start(response)
        except GateError as closed:
            raise closed.raised from None
        except TimeoutError:
            return self._timed_out(way)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it needs an outcome, or it would be sent for ever
            return self._not_answered(way, problem)
        return read_answer(
            response.status,
            start,
            response.headers.get("content-type", ""),
            response.headers.get("retry-after"),
            self._clock(),
        )

    async def close(self) -> None:
        """Close every connection."""
        while self._sessions:
            await self._sessions.popitem()[1].close()

    def _timed_out(self, way: Passage | None) -> Answer:
        if way is None or not way.stands:
            return Answer(Kind.UNREACHABLE, error=f"No connection within {self._seconds:g} s.")
        return Answer(Kind.TIMEOUT, error=f"No complete answer within {self._seconds:g} s.")

    def _not_answered(self, way: Passage | None, problem: Exception) -> Answer:
        text = f"{type(problem).__name__}: {problem}"[:ERROR_CHARACTERS]
        if way is not None and way.stands:
            return Answer(Kind.FAILED, error=text)
        if way is not None and way.address_fault and not way.dialled:
            return Answer(Kind.REJECTED, error=way.address_fault)
        return Answer(Kind.UNREACHABLE, error=text)

    def _session(self, *, guarded: bool) -> aiohttp.ClientSession:
        """The connections to guarded URLs are a pool of their own: one opened unguarded must
        never serve them.
        """
        if guarded not in self._sessions:
            self._sessions[guarded] = aiohttp.ClientSession(
                connector=GatedConnector(
                    limit=self._concurrency, address_guard=self._address_guard if guarded else None
                ),
                headers=_HEADERS,
                request_class=PromptRequest,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=_NO_TIMEOUT,
                trust_env=False,
                auto_decompress=False,
            )
        return self._sessions[guarded]


@functools.lru_cache(maxsize=1024)
def target(base_url: str, path: str = "") -> tuple[URL, str | None]:
    """The URL to dial, and the Basic credentials (RFC 7617) that the base URL carries.
    `path` is a request target, or nothing.

    Joined as text, not as a relative reference: only so does the path stay under the base
    URL's own, byte for byte.
    """
    base = URL(base_url)
    url = URL(
        f"{base.origin()}{base.raw_path.rstrip('/') if path else base.raw_path_qs}{path}",
        encoded=True,
    )
    if base.user is None and base.password is None:
        return url, None
    credentials = f"{base.user or ''}:{base.password or ''}".encode()
    return url, f"Basic {base64.b64encode(credentials).decode()}"


async def _read_start(response: aiohttp.ClientResponse) -> bytes:
    """The answer's body, or as much as is read of it; then the connection is closed instead
    of reading on.
    """
    start = bytearray()
    while chunk := await response.content.readany():
        start += chunk
        if len(start) >= ANSWER_BYTES:
            response.close()
            break
    return bytes(start[:ANSWER_BYTES])
