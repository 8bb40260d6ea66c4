"""The OpenAPI 3.1 document, made from the route table and the wire's structs; so it says
what the service does. Served at /openapi.json.

Called once by `app`. Whatever a schema cannot take from a type is in `_AMENDMENTS`.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from queue_services import __version__
from queue_services.api.calls import Call
from queue_services.api.guard import KEYED, Scope
from queue_services.api.openapi_page import page_routes
from queue_services.api.problems import MEDIA_TYPE, PROBLEMS
from queue_services.api.schemas import at_most_one, one_of_two, plain
from queue_services.domain.message import Channel
from queue_services.web import bodies as reading
from queue_services.wire import answers, bodies
from queue_services.wire.keys import NewKeyAnswer

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_ABOUT = """Sends a multi-tenant application's SMS and email when they are due, within exact limits.

Times are RFC 3339 in UTC with milliseconds; offsets are accepted on input. Durations are
milliseconds. Every error is `application/problem+json` (RFC 9457) that also carries
`success: false`, `message` and, for a bad request, `errors` with every fault. While no key exists,
only programs of the same machine are served."""

_NEEDS = {scope: f"A key needs the scope `{scope.value}`." for scope in Scope} | {
    Scope.ADMIN: "For administrators' keys alone."
}
_LINES = (
    "JSON, or NDJSON with the content type `application/x-ndjson`: one message a line, each a JSON"
    " object such as those in `messages`; blank lines do not count."
)
"""Said and not listed as a content type of its own: generators of clients know none for it."""
_OPEN = "No key is needed."
_TAGS = {
    "Scheduling": "Hand in messages: one, or up to 10,000 at once.",
    "Jobs": "What became of messages, and what to do with one.",
    "Campaigns": "The messages of one campaign as a whole.",
    "Contacts": "What is kept of a contact.",
    "Forecasts": "When more messages would be sent.",
    "Metrics": "Figures of the service and its workspaces.",
    "Workspaces": "What is set for a workspace, and what holds it up.",
    "Tiers": "What the workspaces of a tier get.",
    "Channels": "SMS and email as a whole.",
    "Keys": "Who may call.",
    "Operations": "One action on many jobs, in the background.",
    "Audit": "Who changed what.",
    "Alerts": "Rules over figures, and who is notified.",
    "Test clock": "The time of a service that runs for tests.",
    "Health": "Whether the service and its store are there.",
}


def _of_status(*names: str) -> Schema:
    """The rule that an operation's filter is for jobs of these statuses."""
    return {"properties": {"filter": {"properties": {"status": {"enum": list(names)}}}}}


_TIME = at_most_one("delay", "number", "scheduledFor")
_SMS = one_of_two("phoneNumber", "string", "to", "string", _TIME)
_AMENDMENTS: dict[str, Schema] = {
    "SmsBody": _SMS,
    "SmsElement": _SMS,
    "EmailBody": _TIME,
    "EmailElement": _TIME,
    "RescheduleBody": one_of_two("delay", "number", "scheduledFor", "string"),
    "FilterBody": {"required": ["status"], "minProperties": 2},
    "OperationBody": {
        "if": {"properties": {"action": {"const": "reschedule"}}},
        "then": _of_status("SCHEDULED") | one_of_two("delay", "number", "scheduledFor", "string"),
        "else": {
            "properties": {"delay": {"type": "null"}, "scheduledFor": {"type": "null"}},
            "if": {"properties": {"action": {"const": "retry"}}},
            "then": _of_status("FAILED", "CANCELLED"),
            "else": _of_status("SCHEDULED"),
        },
    },
    "WhenBody": {
        "if": {"required": ["over"]},
        "then": {"not": {"required": ["under"]}},
        "else": {"required": ["under"]},
    },
}
for _name in ("SmsBody", "EmailBody"):  # the original's calls, which ignore what they do not know
    _AMENDMENTS[_name] = _AMENDMENTS.get(_name, {}) | bodies.OTHER_MEMBERS
_UUID: Schema = {"type": "string", "format": "uuid"}
_IDS: dict[str, Schema] = {"channel": {"enum": list(Channel)}, "jobId": _UUID, "keyId": _UUID}
_QUOTA: Schema = {
    "RateLimit-Policy": {
        "description": "the key's quota of messages a minute, where it has one",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "how many are left of it, and in how many seconds it begins anew",
        "schema": {"type": "string"},
    },
}
_LEADS: dict[Any, dict[str, Schema]] = {
    answers.ScheduleAnswer: {
        "{jobId}": {"jobId": "$response.body#/jobId"},
        "{campaignId}": {
            "campaignId": "$request.body#/metadata/campaignId",
            "workspaceId": "$request.body#/workspaceId",
        },
    },
    NewKeyAnswer: {"{keyId}": {"keyId": "$response.body#/keyId"}},
}
_HEADERS: dict[int, Schema] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}, **_QUOTA},
    503: {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}},
}


@functools.cache
def document(calls: tuple[Call, ...]) -> Schema:
    """The whole document, as JSON values."""
    sent, received = (
        [call.body for call in calls if call.body is not None],
        [*(call.answer for call in calls), answers.Problem],
    )
    of_sent, for_bodies = msgspec.json.schema_components(sent, ref_template=_REF)
    of_received, for_answers = msgspec.json.schema_components(received, ref_template=_REF)
    by_shape = dict(zip(map(id, [*sent, *received]), [*of_sent, *of_received], strict=True))
    components = plain(
        for_bodies | {name: _always_there(schema) for name, schema in for_answers.items()}
    )
    paths: dict[str, Schema] = {}
    for call in calls:
        operation = paths.setdefault(call.path, {})[call.method.lower()] = _operation(
            call, by_shape
        )
        if links := _links(call, calls):
            operation["responses"][str(call.status)]["links"] = links
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Queue Services",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "the service that this document is from"}],
        "tags": [
            {"name": name, "description": _TAGS[name]}
            for name in dict.fromkeys(call.tag for call in calls)
        ],
        "paths": paths,
        "components": {
            "schemas": (
                {"Value": bodies.VALUES, "Metadata": bodies.METADATA}
                | {
                    name: schema | plain(_AMENDMENTS.get(name, {}))
                    for name, schema in components.items()
                }
            ),
            "responses": {
                str(status): _problem(status)
                for status in sorted({status for call in calls for status in _statuses(call)})
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "a key"},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "a key as the password, with any user name",
                },
            },
        },
    }


@functools.cache
def routes(calls: tuple[Call, ...], root_path: str = "") -> list[BaseRoute]:
    """/openapi.json, and the page that shows it."""
    whole = document(calls)
    if root_path:
        whole = {**whole, "servers": [{"url": root_path}]}
    encoded = msgspec.json.encode(whole)

    async def openapi(_: Request) -> Response:
        return Response(encoded, media_type=reading.JSON)

    return [Route("/openapi.json", openapi), *page_routes(whole)]


def _always_there(schema: Schema) -> Schema:
    """The schema of an answer: a member with a default value is there all the same."""
    if "properties" not in schema:
        return schema
    return schema | {
        "required": [
            name
            for name, member in schema["properties"].items()
            if name in schema["required"] or "default" in member
        ]
    }


def _operation(call: Call, by_shape: dict[int, Schema]) -> Schema:
    operation: Schema = {
        "operationId": _identity(call),
        "tags": [call.tag],
        "summary": call.summary,
        "description": _OPEN if call.scope is None else _NEEDS[call.scope],
        "parameters": [
            *_path_parameters(call),
            *_query_parameters(call),
            *_header_parameters(call),
        ],
        "responses": {
            str(call.status): {
                "description": "What was asked for.",
                "content": {call.media_type: {"schema": by_shape[id(call.answer)]}},
                **({"headers": _QUOTA} if 429 in call.errors else {}),
            },
            **{
                str(status): {"$ref": f"#/components/responses/{status}"}
                for status in sorted(_statuses(call))
            },
        },
    }
    # The bearer comes last of the two: some generated clients send each in turn under one name.
    operation["security"] = [{"basic": []}, {"bearer": []}, {}] if _keyed(call) else []
    if call.reads is not None:
        operation["requestBody"] = {
            "required": not call.reads.optional,
            "content": {reading.JSON: {"schema": by_shape[id(call.body)]}},
            **({"description": _LINES} if reading.NDJSON in call.reads.media_types else {}),
        }
    return operation


def _identity(call: Call) -> str:
    """The operation's id: the handler's name, which clients that are generated are called by,
    so it stays as it is.
    """
    live = "_live" if call.path.endswith("/live") else ""
    return f"{call.handler.__name__}{live}"


def _keyed(call: Call) -> bool:
    return call.path.startswith(KEYED)


def _statuses(call: Call) -> set[int]:
    """The problems that a call may answer with: its own, and those that come with having a
    body, a query, an id, a key, a store.
    """
    statuses = {403, 431, 500, 503, *call.errors}
    if _keyed(call):
        statuses.add(401)
    if call.query is not None or _PARAMETER.search(call.path):
        statuses.add(400)
    if call.reads is not None:
        statuses |= {400, 408, 413, 415}
    return statuses


def _path_parameters(call: Call) -> list[Schema]:
    schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": bodies.LONGEST_ID,
        "pattern": bodies.NO_NUL,
    }
    return [
        {"name": name, "in": "path", "required": True, "schema": _IDS.get(name, schema)}
        for name in _PARAMETER.findall(call.path)
    ]


def _query_parameters(call: Call) -> list[Schema]:
    if call.query is None:
        return []
    _, components = msgspec.json.schema_components([call.query], ref_template=_REF)
    schema = components[call.query.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema["required"],
            "description": member.get("description", ""),
            "schema": plain({key: value for key, value in member.items() if key != "description"}),
        }
        for name, member in schema["properties"].items()
    ]


def _header_parameters(call: Call) -> list[Schema]:
    bare = rf"[!#-~](?:[ -~]{{0,{bodies.LONGEST_ID - 2}}}[!-~])?"
    quoted = rf'"(?:[ !#-\[\]-~]|\\["\\]){{1,{bodies.LONGEST_ID}}}"'
    about = (
        "bare, or quoted as in RFC 8941; the same key again schedules nothing and answers the"
        " first job"
    )
    schema = {"type": "string", "pattern": f"^(?:{bare}|{quoted})$"}
    return [
        {"name": name, "in": "header", "required": False, "description": about, "schema": schema}
        for name in call.headers
    ]


def _links(call: Call, calls: tuple[Call, ...]) -> Schema:
    """From the answer to a scheduling request to every call about its job and its campaign;
    from a new key to its end.
    """
    return {
        _identity(other): {"operationId": _identity(other), "parameters": parameters}
        for other in calls
        for parameter, parameters in _LEADS.get(call.answer, {}).items()
        if parameter in other.path
    }


def _problem(status: int) -> Schema:
    return {
        "description": PROBLEMS[status][1],
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
        **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
    }
