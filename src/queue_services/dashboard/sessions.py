"""Who is looking: the cookie, what it is worth, and the tokens of forms. Called by `visits`;
`login` decides who may become a visitor.

The cookie is a random text and nothing else; what it stands for is kept in the store under
its digest. Before a login it stands for nothing: it only ties a form to its browser.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Instant, new_id
from queue_services.queue import sessions
from queue_services.queue.sessions import Kind, StoredSession
from queue_services.storage.port import Database

COOKIE, NOTICE_COOKIE = "queue_services_session", "queue_services_notice"
LASTS = 12 * 3600 * SECOND
RECIPIENTS_SHOWN_FOR = 15 * 60 * SECOND
_COOKIE = re.compile(r"[\w-]{43}", re.ASCII)


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who was let in: `name` is what the audit log calls them, `workspace` the
    only one they see (None = all), `key` the id of their stored key. `credential` is what they
    came with, where that stands in the settings; `per_minute` their key's quota of messages.
    """

    name: str
    workspace: str | None = None
    may_send: bool = False
    may_manage: bool = False
    administers: bool = False
    key: str | None = None
    kind: Kind = Kind.OPEN
    credential: str = ""
    per_minute: int | None = None

    def __repr__(self) -> str:
        return f"Visitor({self.name!r})"  # and no credential


class Session(msgspec.Struct, frozen=True):
    """A browser's session. `is_new`: its cookie has not come from the browser yet; `stored` is
    what it is worth, None before a login.
    """

    cookie: str
    is_new: bool = False
    stored: StoredSession | None = None

    @property
    def token(self) -> str:
        """What every form of the session must bring along."""
        return _mac(self.cookie, "form")

    def is_token(self, given: str) -> bool:
        """Whether a form was made for this session; compared in constant time."""
        return hmac.compare_digest(self.token.encode(), given.encode("utf-8", "surrogateescape"))

    def proof(self, credential: str) -> str:
        """What is kept of a credential: it shows that it is the same, to whoever has the cookie."""
        return _mac(self.cookie, f"credential {credential}")

    def sealed(self, notice: str) -> str:
        """A notice as a cookie keeps it until the next page."""
        text = urlsafe_b64encode(notice.encode()).decode()
        return f"{text}.{_mac(self.cookie, f'notice {text}')}"

    def notice(self, sealed: str) -> str | None:
        """The notice that was sealed in this session; None for anything else."""
        text, _, mac = sealed.partition(".")
        if not hmac.compare_digest(
            _mac(self.cookie, f"notice {text}").encode(), mac.encode("utf-8", "surrogateescape")
        ):
            return None
        return urlsafe_b64decode(text).decode()


def session_of(cookie: str | None) -> Session:
    """The session of a cookie, as long as nobody asks what it is worth; a new one without."""
    if cookie and _COOKIE.fullmatch(cookie):
        return Session(cookie)
    return Session(secrets.token_urlsafe(32), is_new=True)


class Sessions:
    """The sessions of one store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def known(self, session: Session) -> Session:
        """The session with what it is worth now."""
        if session.is_new:
            return session
        stored = await sessions.find.run(self._database, _digest(session.cookie), self._clock.now())
        return msgspec.structs.replace(session, stored=stored)

    async def begin(
        self, before: Session, visitor: Visitor, address: str, recipients_until: Instant = 0
    ) -> Session:
        """Begin a visitor's session, of a cookie that nobody can have planted, in place of
        another.
        """
        session, now = session_of(None), self._clock.now()
        stored = StoredSession(
            id=new_id(now),
            kind=visitor.kind,
            name=visitor.name,
            workspace=visitor.workspace,
            key_id=visitor.key,
            proof=session.proof(visitor.credential),
            address=address,
            created_at=now,
            expires_at=now + LASTS,
            recipients_until=recipients_until,
        )
        ended = None if before.stored is None else before.stored.id
        await sessions.begin.run(self._database, _digest(session.cookie), stored, ended)
        return msgspec.structs.replace(session, stored=stored)

    async def end(self, session: Session) -> Session:
        """End a session; the one that comes after it."""
        if session.stored is not None:
            await sessions.end.run(self._database, session.stored.id)
        return session_of(None)

    async def show_recipients(
        self, session: Session, visitor: Visitor, address: str, *, shown: bool
    ) -> Session:
        """Show recipients whole for a while, or mask them again."""
        until = self._clock.now() + RECIPIENTS_SHOWN_FOR if shown else 0
        if session.stored is None:
            return await self.begin(session, visitor, address, until)
        await sessions.show_recipients.run(self._database, session.stored.id, until)
        stored = msgspec.structs.replace(session.stored, recipients_until=until)
        return msgspec.structs.replace(session, stored=stored)


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _mac(cookie: str, text: str) -> str:
    return hmac.digest(cookie.encode(), text.encode("utf-8", "surrogateescape"), "sha256").hex()
