"""A request to a page: who makes it, what the form holds, and how it is answered. Called by
`app` for every line of the pages' tables.

Every page that changes something is a POST with the session's token, noted in the audit
log; refusals become pages, never JSON.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import structlog
from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from queue_services import errors
from queue_services.dashboard import forms, view
from queue_services.dashboard.contents import ERASED
from queue_services.dashboard.desk import Desk
from queue_services.dashboard.login import LOCAL, credentials
from queue_services.dashboard.sessions import (
    COOKIE,
    LASTS,
    NOTICE_COOKIE,
    Session,
    Visitor,
    session_of,
)
from queue_services.domain.message import SECOND, Instant
from queue_services.queue.audit import Record, Via
from queue_services.redaction import masked_recipient, redacted_text
from queue_services.web.bodies import Reads
from queue_services.web.clients import client_of, place_of
from queue_services.web.root_path import rooted

log = structlog.get_logger(__name__)


class Need(Enum):
    """What a page asks of its visitor."""

    NOTHING = "nothing"
    LOOK = "look"
    SEND = "send"
    MANAGE = "manage"
    ADMINISTER = "administer"


@dataclass
class Visit:
    """One request as a page sees it. `notice` is what the next page will show, None where it
    stays as it is.
    """

    desk: Desk
    request: Request
    now: Instant
    session: Session
    visitor: Visitor
    form: ImmutableMultiDict[str, str]
    notice: str | None = None

    @property
    def workspace(self) -> str | None:
        """The only workspace that may be seen; None = all."""
        return self.visitor.workspace

    @property
    def shows_recipients(self) -> bool:
        """Whether recipients are shown whole."""
        stored = self.session.stored
        return stored is not None and self.now < stored.recipients_until

    @property
    def address(self) -> str:
        """Where the request came from."""
        return client_of(self.request.scope, self.desk.settings.trusted_proxies)

    def asked(self, name: str) -> str | None:
        """A member of the query, or None where it is absent or blank."""
        return (self.request.query_params.get(name) or "").strip() or None

    def filled(self, name: str) -> str | None:
        """A member of the form, or None where it is absent or blank."""
        return (self.form.get(name) or "").strip() or None

    def named(self, name: str) -> str:
        """What a path's parameter holds."""
        return str(self.request.path_params[name])

    def only(self, workspace: str) -> str:
        """Return `workspace` if it may be seen. Raises NotFound, as for one that is not there."""
        if self.workspace not in (None, workspace):
            raise errors.NotFound("workspace", workspace)
        return workspace

    def recipient(self, given: str) -> str:
        """A recipient as it may be shown; one that was erased leaves a word in its place."""
        if not given:
            return ERASED
        return given if self.shows_recipients else masked_recipient(given)

    def audited(
        self, action: str, subject: str, *, workspace: str | None = None, detail: str | None = None
    ) -> AbstractAsyncContextManager[Record]:
        """What is done within is written down."""
        return self.desk.audit.of(
            self.visitor.name, action, subject, workspace=workspace or self.workspace, detail=detail
        )

    async def hand_in(self, messages: int) -> None:
        """Count messages for the quota of the visitor's key, where it has one. Raises OverQuota."""
        visitor = self.visitor
        if visitor.key is not None and visitor.per_minute is not None:
            await self.desk.quotas.spend(visitor.key, visitor.per_minute, messages)

    def go(self, to: str, notice: str | None = None) -> Response:
        """Send the browser to another page, which says what was done."""
        self.notice = notice
        return RedirectResponse(to, 303, view.HEADERS)

    def page(self, template: str, code: int = 200, **values: Any) -> Response:
        """A page drawn for this visitor; `code` is the answer's status."""
        notice = self.session.notice(self.request.cookies.get(NOTICE_COOKIE, ""))
        if notice is not None:
            self.notice = ""
        known = {
            "visitor": self.visitor,
            "token": self.session.token,
            "notice": notice,
            "now": self.now,
            "visit": self,
        }
        known |= {
            "read_only": self.desk.settings.dashboard_read_only,
            "here": rooted(self.request.url.path),
        }
        return view.page(template, code, None, **known, **values)


Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    """One line of the pages' table: `path` is under the dashboard's own; `reads` bounds a form."""

    method: str
    path: str
    handler: Handler
    needs: Need = Need.LOOK
    reads: Reads = forms.SMALL

    async def serve(self, request: Request, desk: Desk) -> Response:
        """Let the visitor in, check the form, let the handler answer; refusals become pages."""
        session = session_of(request.cookies.get(COOKIE))
        nobody = Visitor("nobody")
        visit = Visit(desk, request, desk.clock.now(), session, nobody, ImmutableMultiDict())
        try:
            answer = await self._answer(visit)
        except (errors.QueueServicesError, HTTPException) as error:
            answer = _refused(error)
        except Exception:
            log.exception("a page failed", path=self.path)
            words = {
                "title": "That went wrong",
                "explanation": (
                    "The service failed in a way that nobody foresaw; its log has the reason."
                ),
                "faults": (),
            }
            answer = view.page("refused.html", 500, **words)
        _set_cookies(visit, answer, refused=answer.status_code >= 400)
        return answer

    async def _answer(self, visit: Visit) -> Response:
        desk, request = visit.desk, visit.request
        visit.session = await desk.sessions.known(visit.session)
        if self.needs is not Need.NOTHING:
            visitor = await _let_in(visit)
            if visitor is None:
                return _to_login(visit)
            visit.visitor = visitor
        if self.method == "POST":
            self._check(visit.visitor, read_only=desk.settings.dashboard_read_only)
            if visit.session.is_new:
                raise _expired()  # no token can be right: nothing is read
            with desk.memory.share() as share:
                content = await forms.read(request, self.reads, share)
                if not visit.session.is_token(forms.token_of(content)):
                    raise _expired()
                visit.form = await forms.members(content)
                del content
                return await self.handler(visit)
        if self.needs is Need.ADMINISTER:
            self._check(visit.visitor, read_only=False)
        return await self.handler(visit)

    def _check(self, visitor: Visitor, *, read_only: bool) -> None:
        """Raise Forbidden where the visitor may not do this."""
        if read_only and self.needs in (Need.SEND, Need.MANAGE, Need.ADMINISTER):
            raise errors.Forbidden(
                "The dashboard is read-only: QUEUE_SERVICES_DASHBOARD_READ_ONLY is set."
            )
        allowed = {
            Need.SEND: visitor.may_send,
            Need.MANAGE: visitor.may_manage,
            Need.ADMINISTER: visitor.administers,
        }
        if not allowed.get(self.needs, True):
            raise errors.Forbidden("Your key does not allow this.")


def _set_cookies(visit: Visit, answer: Response, *, refused: bool) -> None:
    """Give the browser what it does not have yet. A refusal sets nothing: a form of another site
    comes without the cookie, and must not take it away.
    """
    request, session = visit.request, visit.session
    cookies = {}
    if session.cookie != request.cookies.get(COOKIE) and not (refused and session.stored is None):
        cookies[COOKIE] = (session.cookie, LASTS // SECOND)
    if visit.notice is not None:
        cookies[NOTICE_COOKIE] = (session.sealed(visit.notice), 60) if visit.notice else ("", 0)
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    for name, (value, seconds) in cookies.items():
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path=view.path(),
            secure=secure,
            httponly=True,
            samesite="lax",
        )


def _expired() -> errors.Forbidden:
    return errors.Forbidden(
        "The form has expired, or another site has sent it. Go back, load the page again, and try"
        " again."
    )


async def _let_in(visit: Visit) -> Visitor | None:
    login = visit.desk.login
    if (known := await login.holder(visit.session)) is not None:
        return known
    if await login.is_open():
        return LOCAL
    given = credentials(visit.request.headers.get("authorization", ""))
    if given is None:
        return None
    return await tried(visit, *given)


async def tried(visit: Visit, username: str, password: str) -> Visitor | None:
    """Who a name and a password (or a key in its place) stand for; None for nobody, which is
    counted and logged. Raises TooManyTries.
    """
    desk, at = visit.desk, visit.now
    place = place_of(visit.address)
    desk.tries.begin(place, at)
    try:
        visitor = await desk.login.visitor(username, password)
    except errors.StoreUnavailable:
        desk.tries.take_back(place, at)
        raise
    if visitor is None:
        log.warning("login.refused", address=visit.address)
        who = redacted_text(username[:100]) or "a key"
        await desk.audit.failed(
            who, "log in", visit.address, "wrong name or password", Via.DASHBOARD
        )
    else:
        desk.tries.take_back(place, at)
    return visitor


def _to_login(visit: Visit) -> Response:
    """A browser is sent to the login; a program is told that it needs one."""
    words = {"title": "Log in first", "explanation": "This page needs a login.", "faults": ()}
    if "text/html" not in visit.request.headers.get("accept", ""):
        return view.page(
            "refused.html",
            401,
            {"www-authenticate": 'Basic realm="queue-services dashboard", charset="UTF-8"'},
            **words,
        )
    if (
        visit.request.method == "POST"
    ):  # a challenge would make the browser ask for a name, on whatever site it is
        return view.page("refused.html", 403, **words)
    after = rooted(visit.request.url.path) + (
        f"?{visit.request.url.query}" if visit.request.url.query else ""
    )
    return visit.go(view.path("login", after=after))


_TITLES = {
    400: "That cannot be done",
    403: "Not allowed",
    404: "Not here",
    409: "Its state does not allow that",
    413: "Too large",
    415: "No form",
}
_STATUSES: dict[type[errors.QueueServicesError], int] = {
    errors.InvalidRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.TooManyTries: 429,
    errors.OverQuota: 429,
    errors.StoreUnavailable: 503,
}


def _refused(error: errors.QueueServicesError | HTTPException) -> Response:
    """A page that says why not."""
    if isinstance(error, HTTPException):
        title = _TITLES.get(error.status_code, "Try again in a moment")
        words = {"title": title, "explanation": error.detail, "faults": ()}
        return view.page("refused.html", error.status_code, dict(error.headers or {}), **words)
    status = next((number for kind, number in _STATUSES.items() if isinstance(error, kind)), 500)
    headers = {}
    if isinstance(error, errors.TooManyTries | errors.OverQuota | errors.StoreUnavailable):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    faults = error.faults if isinstance(error, errors.InvalidRequest) else ()
    title = _TITLES.get(status, "Try again in a moment")
    return view.page(
        "refused.html",
        status,
        headers,
        title=title,
        explanation="" if faults else str(error),
        faults=faults,
    )
