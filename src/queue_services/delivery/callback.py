"""Delivery by callback: POSTs a due message to the application and reads what became of it.

The dispatcher calls it through the port `delivery.sender`. It follows no redirect, uses no proxy of the environment, keeps no cookie, and
reads no more than the beginning of an answer. Retries, holds and limits are not its business.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import io
from collections.abc import Callable
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from queue_services import __version__
from queue_services.delivery.connections import AddressGuard, GatedConnector, GateError, Passage, passage
from queue_services.delivery.sender import Delivery, Gate
from queue_services.delivery.signing import sign
from queue_services.domain.endpoint import request_target
from queue_services.domain.message import SECOND, Channel, Content, Instant
from queue_services.domain.outcome import ERROR_CHARACTERS, Answer, Kind, read_answer
from queue_services.wire.callback import callback_body

ANSWER_BYTES = 64 * 1024
_IN_ONE_WRITE = 1024 * 1024
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None)  # the passage keeps the time: the wait at the gate must not count
_VISIBLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_HEADERS = {  # all that aiohttp would add of its own are named here, so that it need not look
    "accept": "application/json",
    "accept-encoding": "identity",
    "content-type": "application/json",
    "user-agent": f"queue-services/{__version__}",
}
_read_content = msgspec.json.Decoder(Content).decode


class CallbackSettings(msgspec.Struct, frozen=True):
    """Where and how callbacks go out. `timeout_seconds` bounds connecting, and again the time from the request's start to its answer's end."""

    sms_base_url: str | None = None
    email_base_url: str | None = None
    sms_endpoint: str = "/send-sms"
    email_endpoint: str = "/api/email/send"
    authorization: str | None = None
    signing_secret: str | None = None
    timeout_seconds: float = 10
    concurrency: int = 256


class CallbackSender:
    """The Sender that speaks HTTP.

    `clock` gives the instants of signatures and of Retry-After. `address_guard` is asked about every address that a base URL set by API leads to,
    when it is dialled, and says why not; such a message is REJECTED, not UNREACHABLE: waiting a day would not make the address a better one.
    """

    def __init__(self, settings: CallbackSettings, clock: Callable[[], Instant], address_guard: AddressGuard | None = None) -> None:
        self._settings, self._clock, self._address_guard = settings, clock, address_guard
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def send(self, delivery: Delivery, gate: Gate) -> Answer:
        """POST the message once `gate` has returned, on a connection that stands by then; see `delivery.sender.Sender.send`."""
        base_url = delivery.base_url or self._base_url(delivery.channel)
        if base_url is None:
            return Answer(Kind.UNREACHABLE, error=f"There is no base URL for {delivery.channel}: set {delivery.channel.upper()}_API_URL.")
        try:
            url, headers, body = self._request(delivery, base_url)
        except ValueError as fault:
            return Answer(Kind.REJECTED, error=f"The request cannot be built: {fault}"[:ERROR_CHARACTERS])
        session = self._session(guarded=delivery.base_url is not None)
        return await self._exchange(session, url, headers, body, gate)

    async def close(self) -> None:
        """Close every connection."""
        while self._sessions:
            await self._sessions.popitem()[1].close()

    async def _exchange(self, session: aiohttp.ClientSession, url: URL, headers: dict[str, str], body: bytes, gate: Gate) -> Answer:
        """Send the request and read its answer, or say how far it came."""
        way: Passage | None = None
        try:
            async with asyncio.timeout(None) as limit:
                way = Passage(gate, limit, self._settings.timeout_seconds)
                passage.set(way)
                content = body if len(body) <= _IN_ONE_WRITE else io.BytesIO(body)  # larger ones in pieces: one write would hold up the loop
                async with session.post(url, headers=headers, data=content, allow_redirects=False) as response:
                    start = await _read_start(response)
        except GateError as closed:
            raise closed.raised from None
        except TimeoutError:
            return self._timed_out(way)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the message needs an outcome, or it would be sent for ever
            return self._not_answered(way, problem)
        return read_answer(response.status, start, response.headers.get("content-type", ""), response.headers.get("retry-after"), self._clock())

    def _timed_out(self, way: Passage | None) -> Answer:
        seconds = f"{self._settings.timeout_seconds:g} s"
        if way is None or not way.stands:
            return Answer(Kind.UNREACHABLE, error=f"No connection within {seconds}.")
        return Answer(Kind.TIMEOUT, error=f"No complete answer within {seconds}.")

    def _not_answered(self, way: Passage | None, problem: Exception) -> Answer:
        text = f"{type(problem).__name__}: {problem}"[:ERROR_CHARACTERS]
        if way is not None and way.stands:
            return Answer(Kind.FAILED, error=text)
        if way is not None and way.address_fault and not way.dialled:
            return Answer(Kind.REJECTED, error=way.address_fault)
        return Answer(Kind.UNREACHABLE, error=text)

    def _base_url(self, channel: Channel) -> str | None:
        return self._settings.sms_base_url if channel is Channel.SMS else self._settings.email_base_url

    def _request(self, delivery: Delivery, base_url: str) -> tuple[URL, dict[str, str], bytes]:
        """The URL, headers and body of a delivery. Raises ValueError for what intake should not have let in."""
        content = _read_content(delivery.payload)
        default = self._settings.sms_endpoint if delivery.channel is Channel.SMS else self._settings.email_endpoint
        url, credentials = _target(base_url, content.endpoint or default)
        body = callback_body(content, channel=delivery.channel, contact=delivery.contact, workspace=delivery.workspace, job=delivery.id)
        headers = {"x-workspace-id": _header_text(delivery.workspace), "idempotency-key": delivery.id, "x-attempt": str(delivery.attempt)}
        if authorization := credentials or self._settings.authorization:
            headers["authorization"] = authorization
        if secrets := delivery.secrets or ((self._settings.signing_secret,) if self._settings.signing_secret else ()):
            seconds = self._clock() // SECOND
            headers |= {"webhook-id": delivery.id, "webhook-timestamp": str(seconds), "webhook-signature": sign(secrets, delivery.id, seconds, body)}
        return url, headers, body

    def _session(self, *, guarded: bool) -> aiohttp.ClientSession:
        """The connections to base URLs set by API are a pool of their own: one opened unguarded must never serve them."""
        if guarded not in self._sessions:
            self._sessions[guarded] = aiohttp.ClientSession(
                connector=GatedConnector(limit=self._settings.concurrency, address_guard=self._address_guard if guarded else None),
                headers=_HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=_NO_TIMEOUT,
                trust_env=False,
                auto_decompress=False,
            )
        return self._sessions[guarded]


@functools.lru_cache(maxsize=1024)
def _target(base_url: str, endpoint: str) -> tuple[URL, str | None]:
    """The URL to dial, and the Basic credentials (RFC 7617) that the base URL carries: they win over the configured `authorization`.

    Joined as text, not as a relative reference: only so does the endpoint stay under the base URL's own path, byte for byte.
    """
    base = URL(base_url)
    url = URL(f"{base.origin()}{base.raw_path.rstrip('/')}{request_target(endpoint)}", encoded=True)
    if base.user is None and base.password is None:
        return url, None
    credentials = f"{base.user or ''}:{base.password or ''}".encode()
    return url, f"Basic {base64.b64encode(credentials).decode()}"


@functools.lru_cache(maxsize=1024)
def _header_text(text: str) -> str:
    """As a header can carry it: visible ASCII as it is, all else percent-encoded as UTF-8; a line break would end the header."""
    return quote(text, safe=_VISIBLE_ASCII)


async def _read_start(response: aiohttp.ClientResponse) -> bytes:
    """The answer's body, or as much as is read of it; then the connection is closed instead of reading on."""
    start = bytearray()
    while chunk := await response.content.readany():
        start += chunk
        if len(start) >= ANSWER_BYTES:
            response.close()
            break
    return bytes(start[:ANSWER_BYTES])
