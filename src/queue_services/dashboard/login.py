"""Who may look: the login of the settings, or a key; and how often a wrong one may be
tried. Called by `visits` and the login page.

On this machine, while no key exists and no login is set, everybody is let in: whatever a
web page or a proxy sends then never comes here (the API's loopback rule stands before every
path).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from queue_services.dashboard.sessions import Session, Visitor
from queue_services.domain.key import Key, Permission
from queue_services.queue.keys import Keys
from queue_services.queue.sessions import Kind

TRIES = 5
"""So many wrong tries a minute from one place are looked at."""


@dataclass(frozen=True)
class Login:
    """The ways in: `username` and `password` (both set, or neither), the administrator's
    key of the settings, the keys of the store.
    """

    keys: Keys
    admin_key: str | None = None
    username: str | None = None
    password: str | None = None

    async def is_open(self) -> bool:
        """Whether nothing is asked for."""
        return self.username is None and self.admin_key is None and not await self.keys.exist()

    async def visitor(self, username: str, password: str) -> Visitor | None:
        """Who a name and a password (or a key in its place) stand for; None for nobody."""
        if (
            self.username is not None
            and self.password is not None
            and _same(username, self.username) & _same(password, self.password)
        ):
            return self._of_settings()[Kind.PASSWORD]
        if self.admin_key is not None and _same(password, self.admin_key):
            return self._of_settings()[Kind.ADMIN_KEY]
        key = await self.keys.find(password)
        return None if key is None else _holder(key)

    async def holder(self, session: Session) -> Visitor | None:
        """Who a session belongs to, as long as what they came with is still in force; None for
        nobody.
        """
        stored = session.stored
        if stored is None:
            return None
        if stored.kind is Kind.KEY:
            key = await self.keys.in_force(stored.key_id or "")
            return None if key is None else _holder(key)
        if stored.kind is Kind.OPEN:
            return LOCAL if await self.is_open() else None
        visitor = self._of_settings().get(stored.kind)
        same = visitor is not None and _same(session.proof(visitor.credential), stored.proof)
        return visitor if same else None

    def _of_settings(self) -> dict[Kind, Visitor]:
        """The visitors that the settings let in."""
        found = {}
        if self.username is not None and self.password is not None:
            credential = f"{self.username}\0{self.password}"
            found[Kind.PASSWORD] = _administrator(self.username, Kind.PASSWORD, credential)
        if self.admin_key is not None:
            found[Kind.ADMIN_KEY] = _administrator(
                "administrator's key", Kind.ADMIN_KEY, self.admin_key
            )
        return found


def _administrator(name: str, kind: Kind, credential: str = "") -> Visitor:
    return Visitor(
        name, may_send=True, may_manage=True, administers=True, kind=kind, credential=credential
    )


LOCAL = _administrator("this machine", Kind.OPEN)


def _holder(key: Key) -> Visitor | None:
    """Who comes with a stored key; None with one that is not for looking."""
    if Permission.READ not in key.permissions:
        return None
    may_send, may_manage = Permission.SEND in key.permissions, Permission.MANAGE in key.permissions
    return Visitor(
        f"key {key.id}",
        key.workspace,
        may_send,
        may_manage,
        key.workspace is None and may_manage,
        key.id,
        Kind.KEY,
        per_minute=key.per_minute,
    )


def credentials(authorization: str) -> tuple[str, str] | None:
    """The name and password of HTTP Basic (RFC 7617), which programs send in place of the
    form; None for anything else.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, password


def _same(one: str, other: str) -> bool:
    """Compared in constant time, whatever their lengths."""
    return hmac.compare_digest(
        *(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (one, other))
    )
