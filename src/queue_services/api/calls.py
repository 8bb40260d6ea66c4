"""A call of the API: one line of the route table, and how a request to it is served.

The table is all there is: the router, the checks before a handler runs and the OpenAPI
document are made from it. The `routes_*` modules hold its lines.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from queue_services.api.guard import Caller, Scope, caller_of
from queue_services.api.paths import parameter
from queue_services.api.problems import quota_headers
from queue_services.api.readiness import Readiness
from queue_services.clock import Clock
from queue_services.delivery.notifications import Notifier
from queue_services.domain.message import Instant
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue.audit import Audit, Record
from queue_services.queue.feed_cursors import FeedCursors
from queue_services.queue.forecasts import Forecasts
from queue_services.queue.intake import Intake
from queue_services.queue.keys import Keys
from queue_services.queue.quotas import Quotas
from queue_services.queue.service_limits import ServiceLimits
from queue_services.storage.port import Database
from queue_services.web import bodies
from queue_services.wire import fields
from queue_services.wire.answers import WORKSPACE
from queue_services.wire.intake import Rules

T = TypeVar("T", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Services:
    """What handlers work with; one object a process, which `writer` names in the tallies.
    `limits` are the settings', messages a second.
    """

    database: Database
    clock: Clock
    writer: str
    limits: ServiceLimits
    intake: Intake
    forecasts: Forecasts
    keys: Keys
    quotas: Quotas
    rules: Rules
    max_attempts: int
    memory: bodies.Memory
    notifier: Notifier
    audit: Audit
    readiness: Readiness
    feed_cursors: FeedCursors


@dataclass(slots=True)
class Incoming:
    """One request as a handler sees it: checked, its query and body decoded by the call's
    own types where it has some.

    `name` is the path's parameter; `content` the body as it came, for handlers that decode
    it themselves; `headers` what the answer gets of them.
    """

    services: Services
    caller: Caller
    request: Request
    now: Instant
    name: str
    query: Any
    body: Any
    content: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)
    record: Record = field(default_factory=Record)

    async def hand_in(self, messages: int) -> None:
        """Count messages for the quota of the caller's key, where it has one. Raises OverQuota."""
        caller = self.caller
        if caller.key is not None and caller.per_minute is not None:
            quota = await self.services.quotas.spend(caller.key, caller.per_minute, messages)
            self.headers.update(quota_headers(quota.limit, quota.left, quota.resets_after))


Handler = Callable[[Incoming], Awaitable[msgspec.Struct | str]]


@dataclass(frozen=True)
class Call:
    """One line of the table.

    `query` None: the query is not looked at. `reads` None: there is no body. `decodes`: the
    body is decoded into `body` before the handler runs; where False, `body` says only what
    it is. `errors`: the statuses of its own problems; those that any call like it may
    answer with come by themselves. `media_type` is that of the answer; text is answered as
    it is. `status` is that of its success; `audited` what the audit log calls it, None for what
    it does not record.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any
    scope: Scope | None = Scope.READ
    query: type[msgspec.Struct] | None = None
    body: Any = None
    reads: bodies.Reads | None = None
    decodes: bool = True
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    media_type: str = field(default=bodies.JSON, kw_only=True)
    tag: str = field(default="", kw_only=True)
    status: int = field(default=200, kw_only=True)
    audited: str | None = field(default=None, kw_only=True)

    async def serve(self, request: Request, services: Services) -> Response:
        """Check, decode, let the handler answer. Raises what the checks and the handler raise."""
        caller = caller_of(request.scope)
        if self.scope is not None:
            caller.check(self.scope)
        if self.scope is Scope.ADMIN:
            caller.check(Scope.READ if self.method == "GET" else Scope.MANAGE)
        query = (
            None if self.query is None else read_query(request.scope["query_string"], self.query)
        )
        with services.memory.share() as share:
            content, media_type = (
                (b"", "") if self.reads is None else await bodies.read(request, self.reads, share)
            )
            incoming = Incoming(
                services,
                caller,
                request,
                services.clock.now(),
                parameter(request.scope),
                query,
                self._decode(content),
                content,
                media_type,
            )
            del content  # whoever takes it apart lets go of it
            answer = await self._answer(incoming)
        text = answer.encode() if isinstance(answer, str) else _encode(answer)
        return Response(text, self.status, media_type=self.media_type, headers=incoming.headers)

    async def _answer(self, incoming: Incoming) -> msgspec.Struct | str:
        """Let the handler answer; what changes something is written down before and after."""
        if self.audited is None:
            return await self.handler(incoming)
        caller, subject = incoming.caller, fields.shown(incoming.name)
        workspace = caller.workspace or _workspace_of(incoming)
        async with incoming.services.audit.of_request(
            caller.name, self.audited, subject, workspace
        ) as incoming.record:
            return await self.handler(incoming)

    def _decode(self, content: bytes) -> Any:
        if self.reads is None or not self.decodes:
            return None
        return fields.read(content or b"{}" if self.reads.optional else content, self.body)


def _workspace_of(incoming: Incoming) -> str | None:
    """The workspace that a path or a query names."""
    named = incoming.request.path_params.get(WORKSPACE)
    asked = getattr(incoming.query, "workspace_id", None)
    return incoming.name if named else asked if isinstance(asked, str) else None


class Resource:
    """Every call of one path: an ASGI application that knows its methods."""

    def __init__(self, calls: Iterable[Call], services: Services) -> None:
        self._calls = {call.method: call for call in calls}
        self._services = services
        methods = {*self._calls, "OPTIONS", *(["HEAD"] if "GET" in self._calls else [])}
        self._allow = {"allow": ", ".join(sorted(methods))}

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve the call of the request's method. Raises HTTPException 405 with Allow where it
        has none.
        """
        method = scope["method"]
        call = self._calls.get("GET" if method == "HEAD" else method)
        if call is not None:
            response = await call.serve(Request(scope, receive), self._services)
        elif method == "OPTIONS":
            response = Response(status_code=204, headers=self._allow)
        else:
            raise HTTPException(405, headers=self._allow)
        await response(scope, receive, send)


def routes(calls: Iterable[Call], services: Services) -> list[Route]:
    """The router's table, in the order of the calls' paths."""
    by_path: dict[str, list[Call]] = {}
    for call in calls:
        by_path.setdefault(call.path, []).append(call)
    return [Route(path, Resource(of_path, services)) for path, of_path in by_path.items()]


def read_query(query: bytes, shape: type[T]) -> T:
    """A query string decoded into `shape`. Raises InvalidRequest with every fault; a
    parameter may be there once.
    """
    if b"%" in query:
        try:
            unquote_to_bytes(query).decode()
        except UnicodeDecodeError:
            raise InvalidRequest(Fault("query", "must be percent-encoded UTF-8")) from None
    pairs = QueryParams(query).multi_items()
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        names = [name for name, _ in pairs]
        raise InvalidRequest(
            *(
                Fault(fields.shown(name), "is there more than once")
                for name in parameters
                if names.count(name) > 1
            )
        )
    return fields.read_query(parameters, shape)
