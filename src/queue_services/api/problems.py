"""Every error as `application/problem+json` (RFC 9457): the project's own, Starlette's, and
whatever nobody expected.

Used by the application's exception handlers and by the middleware around it. Here alone an
error has an HTTP status.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from msgspec import UNSET
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from queue_services import errors
from queue_services.api.render import field_errors
from queue_services.domain.message import Status
from queue_services.web.bodies import UNREAD
from queue_services.web.root_path import rooted
from queue_services.wire.answers import STATUS_NAMES, Problem

MEDIA_TYPE = "application/problem+json"
MOST_IN_DETAIL = 5
LINGER_SECONDS = 10

PROBLEMS: dict[int, tuple[str, str]] = {
    400: ("invalid-request", "The request is wrong"),
    401: ("no-valid-key", "A valid key is needed"),
    403: ("not-allowed", "This is not allowed"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "The path has no such method"),
    408: ("too-slow", "The body did not arrive in time"),
    409: ("conflict", "The state of things forbids it"),
    413: ("too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body's type is not read here"),
    429: ("over-quota", "The key is over its quota"),
    431: ("head-too-large", "The head of the request is too large"),
    500: ("unexpected", "The service failed"),
    503: ("unavailable", "The service cannot do this now"),
}
"""By status: what `type` ends in, and `title`."""

_STATUSES: dict[type[errors.QueueServicesError], int] = {
    errors.InvalidRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.OverQuota: 429,
    errors.StoreUnavailable: 503,
}


class ProblemResponse(Response):
    """A problem on the wire.

    It may be answered before the body has come in. What still comes is then read and
    dropped for a while: a client that sends all before it reads would see its connection
    reset instead of the answer.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        status: int,
        detail: str,
        faults: Sequence[errors.Fault] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        slug, title = PROBLEMS.get(status, ("http-error", HTTPStatus(status).phrase))
        problem = Problem(
            type=rooted(f"/docs#{slug}"),
            title=title,
            status=status,
            detail=detail,
            success=False,
            message=detail,
            errors=field_errors(faults) if faults else UNSET,
        )
        super().__init__(msgspec.json.encode(problem), status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then read on."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if "expect" in Headers(scope=scope) else LINGER_SECONDS):
                while scope.get(UNREAD, False):
                    scope[UNREAD] = (await receive()).get("more_body", False)
        await send({"type": "http.response.body", "body": b""})


def problem_of(error: Exception) -> ProblemResponse:
    """The answer to any error that was raised while a request was served."""
    if isinstance(error, HTTPException):
        return ProblemResponse(error.status_code, _http_detail(error), headers=error.headers)
    if isinstance(error, ClientDisconnect):
        return ProblemResponse(400, "The connection ended before the body did.")
    status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)
    if isinstance(error, errors.InvalidRequest | errors.UnsupportedMediaType):
        return ProblemResponse(status, _summary(error.faults), error.faults)
    if isinstance(error, errors.TooLarge):
        return ProblemResponse(413, str(error), headers={"connection": "close"})
    if isinstance(error, errors.Conflict):
        return ProblemResponse(409, _conflict_detail(error), error.fields.get("faults"))
    if isinstance(error, errors.Unauthenticated):
        headers = {
            "www-authenticate": 'Bearer realm="queue-services", Basic realm="queue-services"'
        }
        if error.retry_after is not None:
            headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
        return ProblemResponse(401, str(error), headers=headers)
    if isinstance(error, errors.OverQuota | errors.StoreUnavailable):
        headers = {"retry-after": str(max(1, math.ceil(error.retry_after)))}
        if isinstance(error, errors.OverQuota):
            headers |= quota_headers(error.limit, error.left, error.retry_after)
        return ProblemResponse(status, str(error), headers=headers)
    return ProblemResponse(
        status,
        str(error)
        if status < 500
        else "The service failed in a way that nobody foresaw; its log has the reason.",
    )


def quota_headers(limit: int, left: int, resets_after: float) -> dict[str, str]:
    """How a key's quota of messages a minute stands, after
    draft-ietf-httpapi-ratelimit-headers-10; `resets_after` is seconds.
    """
    return {
        "ratelimit-policy": f'"messages";q={limit};w=60',
        "ratelimit": f'"messages";r={left};t={math.ceil(resets_after)}',
    }


async def answer_error(_request: Request, error: Exception) -> Response:
    """Starlette's exception handler for everything."""
    return problem_of(error)


def _http_detail(error: HTTPException) -> str:
    if error.detail != HTTPStatus(error.status_code).phrase:
        return error.detail
    return {
        404: "There is nothing at this path; /docs lists every call.",
        405: "The path has no such method; the header Allow lists those it has.",
    }.get(error.status_code, error.detail)


def _summary(faults: tuple[errors.Fault, ...]) -> str:
    """The faults in one line; `errors` has all of them."""
    named = "; ".join(f"{fault.field}: {fault.message}" for fault in faults[:MOST_IN_DETAIL])
    return (
        f"{named}; and {len(faults) - MOST_IN_DETAIL:,} more"
        if len(faults) > MOST_IN_DETAIL
        else named
    )


def _conflict_detail(error: errors.Conflict) -> str:
    status = error.fields.get("status")
    return f"{error} It is {STATUS_NAMES[status]}." if isinstance(status, Status) else str(error)
