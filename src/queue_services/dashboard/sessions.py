"""Who is looking, as a signed cookie remembers it between two requests. Called by `visits`;
`login` decides who may become a visitor.

The cookie holds no secret: what signs it is kept in the store and made of the settings' own
keys and passwords, so that changing one ends every session.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import msgspec
from itsdangerous import BadSignature, Signer, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from queue_services.domain.message import SECOND, Instant

COOKIE = "queue_services_session"
LASTS = 12 * 3600 * SECOND
RECIPIENTS_SHOWN_FOR = 15 * 60 * SECOND


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who was let in: `name` is what the audit log calls them, `workspace` the
    only one they see (None = all), `key` the id of their stored key.
    """

    name: str
    workspace: str | None = None
    may_send: bool = False
    may_manage: bool = False
    administers: bool = False
    key: str | None = None


class Session(msgspec.Struct, frozen=True):
    """What the cookie holds. `visitor` None: nobody has logged in yet. Recipients are shown
    whole until `recipients_until`; `notice` is shown once.
    """

    id: str
    expires_at: Instant
    visitor: Visitor | None = None
    recipients_until: Instant = 0
    notice: str | None = None


def new_session(now: Instant, visitor: Visitor | None = None) -> Session:
    """A session of its own id, which no earlier cookie can have known."""
    return Session(base64_encode(os.urandom(18)).decode(), now + LASTS, visitor)


class Sessions:
    """Signs and reads cookies, and the tokens of forms. `secret` is the store's, `mixed_in`
    what else must be the same for a cookie to stay good.
    """

    def __init__(self, secret: str, *mixed_in: str | None) -> None:
        key = hashlib.sha256(
            "\0".join([secret, *(text or "" for text in mixed_in)]).encode(
                "utf-8", "surrogateescape"
            )
        ).hexdigest()
        self._cookies = URLSafeSerializer(key, salt="session")
        self._tokens = Signer(key, salt="form")

    def written(self, session: Session) -> str:
        """The cookie's value."""
        return str(self._cookies.dumps(msgspec.to_builtins(session)))

    def read(self, cookie: str | None, now: Instant) -> Session | None:
        """The session of a cookie; None for one that is not ours, or has expired."""
        if not cookie:
            return None
        try:
            held: Any = self._cookies.loads(cookie)
            session = msgspec.convert(held, Session)
        except (BadSignature, msgspec.ValidationError):
            return None
        return session if now < session.expires_at else None

    def token(self, session: Session) -> str:
        """What every form of a session must bring along."""
        return self._tokens.get_signature(session.id).decode()

    def is_token(self, session: Session, given: str) -> bool:
        """Whether a form was made for this session; compared in constant time."""
        return self._tokens.verify_signature(
            session.id.encode(), given.encode("utf-8", "surrogateescape")
        )
