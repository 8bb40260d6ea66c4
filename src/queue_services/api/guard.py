"""Who may call: keys, and the rule that keeps a service without keys to programs of its own
machine.

Two ASGI middlewares around the application. A request's `Caller` is resolved once, by
`KeyCheck`, and passed on in its scope.
"""

from __future__ import annotations

import functools
import hmac
import ipaddress
from collections.abc import Collection
from enum import StrEnum
from typing import Protocol

import msgspec
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from queue_services.api.problems import problem_of
from queue_services.domain.key import digest
from queue_services.domain.message import Instant
from queue_services.errors import Forbidden, StoreUnavailable
from queue_services.queue import keys

CALLER = "queue_services.caller"
KEYED = ("/api/", "/metrics")
"""Paths that need a key where keys exist, and those under them; the dashboard has its own login."""


FORWARDING = frozenset(
    {
        b"forwarded",
        b"via",
        b"x-real-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-envoy-external-address",
        b"x-original-host",
        b"cf-connecting-ip",
        b"fastly-client-ip",
        b"true-client-ip",
    }
)
"""Headers, beside X-Forwarded-*, by which proxies and their operators pass on whom they serve."""


class Scope(StrEnum):
    """What a key may be used for; `admin`, which only administrators' keys have, does not
    include the others.
    """

    READ = "read"
    SEND = "send"
    MANAGE = "manage"
    ADMIN = "admin"


class Caller(msgspec.Struct, frozen=True):
    """On whose behalf a request is made. `workspace` is the only one it sees and touches;
    None = all.

    `key` is the id of its key, where that is a stored one; `per_minute` how many messages
    that may hand in a minute, None: any number; `expires_at` when it ends, None: never.
    """

    workspace: str | None
    scopes: frozenset[Scope]
    key: str | None = None
    per_minute: int | None = None
    expires_at: Instant | None = None

    @property
    def name(self) -> str:
        """What the audit log calls the caller."""
        return "administrator" if self.key is None else f"key {self.key}"

    def check(self, scope: Scope) -> None:
        """Raise Forbidden where the caller's key is not for this."""
        if scope not in self.scopes:
            lack = (
                "is no administrator's"
                if scope is Scope.ADMIN
                else f"lacks the scope {scope.value!r}"
            )
            raise Forbidden(f"The key is not allowed to do this: it {lack}.")

    def within(self, workspace: str | None) -> str | None:
        """The workspace that a call is restricted to: the one asked for, else the caller's own;
        None = all. Raises Forbidden for another's.
        """
        return self.workspace if workspace is None else self.only(workspace)

    def only(self, workspace: str) -> str:
        """Return `workspace` if it is one the caller may see. Raises Forbidden."""
        if self.workspace not in (None, workspace):
            raise Forbidden("The key is another workspace's.")
        return workspace


ADMINISTRATOR = Caller(None, frozenset(Scope))


class Keys(Protocol):
    """Where keys are looked up."""

    async def exist(self) -> bool:
        """Whether there is any key."""
        ...

    async def caller(self, key: str) -> Caller | None:
        """Whose key it is; None for one that is not valid."""
        ...


class AdminKey:
    """The one key that stands in the settings; None = there is none."""

    def __init__(self, key: str | None) -> None:
        self._digest = None if key is None else digest(key)
        self.is_set = key is not None

    async def exist(self) -> bool:
        """Whether it is set."""
        return self.is_set

    async def caller(self, key: str) -> Caller | None:
        """The administrator, for that key; compared in constant time."""
        return (
            ADMINISTRATOR
            if self._digest is not None and hmac.compare_digest(digest(key), self._digest)
            else None
        )


class StoredKeys:
    """The keys of the store, and the one that stands in the settings (None = there is none)."""

    def __init__(self, stored: keys.Keys, admin_key: str | None) -> None:
        self._stored, self._set = stored, AdminKey(admin_key)

    async def exist(self) -> bool:
        """Whether one is set, or there ever was a stored one."""
        return self._set.is_set or await self._stored.exist()

    async def caller(self, key: str) -> Caller | None:
        """Whose key it is; what is looked up is its digest, so that how long that takes tells
        nothing of another key.
        """
        if (administrator := await self._set.caller(key)) is not None:
            return administrator
        found = await self._stored.find(key)
        if found is None:
            return None
        scopes = {Scope(permission) for permission in found.permissions} | (
            {Scope.ADMIN} if found.workspace is None else set()
        )
        return Caller(
            found.workspace, frozenset(scopes), found.id, found.per_minute, found.expires_at
        )


class LoopbackRule:
    """While no key exists, refuses what a program of this machine would not send: a web
    page's requests, and those that a proxy passes on.
    """

    def __init__(self, app: ASGIApp, keys: Keys, origins: Collection[str]) -> None:
        self._app, self._keys, self._origins = app, keys, frozenset(origins)
        self._is_known = False

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        reason = None
        if scope["type"] == "http":
            try:
                if not await self._exist(scope["path"]):
                    reason = self._foreign(scope)
            except StoreUnavailable as away:
                await problem_of(away)(scope, receive, send)
                return
        if reason is not None:
            error = Forbidden(
                f"{reason} Without a key only programs of this machine are served: make a key, and"
                " send it as `Authorization: Bearer`."
            )
            await problem_of(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _exist(self, path: str) -> bool:
        """Whether there is a key. The health of a process whose store is away needs none."""
        try:
            exist = await self._keys.exist()
        except StoreUnavailable:
            if self._is_known and path.startswith("/health"):
                return False
            raise
        self._is_known = True
        return exist

    def _foreign(self, scope: AsgiScope) -> str | None:
        hosts: list[str] = []
        origins: list[str] = []
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name == b"origin":
                origins.append(value.decode("latin-1"))
            elif name in FORWARDING or name.startswith(b"x-forwarded"):
                return "The request was forwarded by a proxy."
        if not hosts or not all(map(is_loopback, hosts)):
            return "The Host is not a loopback name."
        own = f"{scope.get('scheme', 'http')}://{hosts[0]}".lower()
        if any(origin.lower() != own and origin not in self._origins for origin in origins):
            return "The Origin is another site's."
        return None


def caller_of(scope: AsgiScope) -> Caller:
    """The caller that `KeyCheck` resolved; the paths that need no key act for nobody in
    particular.
    """
    caller = scope.get(CALLER)
    return caller if isinstance(caller, Caller) else Caller(None, frozenset())


@functools.lru_cache(256)
def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine itself: localhost, a name under it,
    127.0.0.0/8 or [::1], with any port.
    """
    name = host.strip().lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.rpartition(":")[0] or name
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
