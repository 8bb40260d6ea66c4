"""Resolves the caller of a request by its key, and throttles places that send wrong ones.

An ASGI middleware; what it finds is read by `guard.caller_of`.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Collection

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from queue_services.api.guard import ADMINISTRATOR, CALLER, KEYED, Caller, Keys
from queue_services.api.problems import problem_of
from queue_services.clock import Clock
from queue_services.domain.key import digest
from queue_services.errors import (
    QueueServicesError,
    StoreUnavailable,
    TooManyTries,
    Unauthenticated,
)
from queue_services.settings.types import Network
from queue_services.web.clients import MOST_PLACES, Tries, client_of, place_of

WRONG_KEYS = 100
"""So many wrong keys a minute from one place are looked at."""

log = structlog.get_logger(__name__)


class KeyCheck:
    """Resolves the caller of every request, and refuses those to `KEYED` paths that have no
    valid key where keys exist.
    """

    def __init__(
        self, app: ASGIApp, keys: Keys, clock: Clock, trusted_proxies: Collection[Network] = ()
    ) -> None:
        self._app, self._keys, self._clock, self._proxies = app, keys, clock, trusted_proxies
        self._tries = Tries(WRONG_KEYS)
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or answer 401."""
        if scope["type"] == "http" and scope["path"].startswith(KEYED):
            try:
                scope[CALLER] = (
                    await self._resolve(scope) if await self._keys.exist() else ADMINISTRATOR
                )
            except QueueServicesError as error:
                await problem_of(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _resolve(self, scope: AsgiScope) -> Caller:
        """The caller of a request's key. Raises Unauthenticated, also where its place has sent too
        many wrong keys and this one was never right from there.
        """
        text = key_of(Headers(scope=scope).get("authorization", ""))
        address = client_of(scope, self._proxies)
        known = (place_of(address), digest(text))
        if known in self._right:
            caller = await self._keys.caller(text)
        else:
            caller = await self._first_seen(text, known, address)
        if caller is None:
            self._right.pop(known, None)
            raise Unauthenticated("The key is not valid.")
        return caller

    async def _first_seen(self, text: str, known: tuple[str, str], address: str) -> Caller | None:
        place, now = known[0], self._clock.now()
        try:
            tries = self._tries.begin(place, now)
        except TooManyTries as error:
            raise Unauthenticated(
                "Too many wrong keys came from this address: no other is looked at now.",
                retry_after=error.retry_after,
            ) from None
        try:
            caller = await self._keys.caller(text)
        except StoreUnavailable:
            self._tries.take_back(place, now)
            raise
        if caller is not None:
            self._tries.take_back(place, now)
            self._right[known] = None
            if len(self._right) > MOST_PLACES:
                self._right.popitem(last=False)
        elif tries in (1, WRONG_KEYS):
            log.warning("key.refused", address=address, tries=tries)
        return caller


def key_of(authorization: str) -> str:
    """The key in an Authorization header: a Bearer token (RFC 6750), or the password of
    Basic (RFC 7617). Raises Unauthenticated.
    """
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            raise Unauthenticated("The Basic credentials are not base64 of `user:key`.") from None
    raise Unauthenticated(
        "A key is needed: send it as `Authorization: Bearer KEY`, or as the password of Basic."
    )
