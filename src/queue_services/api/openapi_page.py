"""The page at /docs: the OpenAPI document as HTML with an example of every call, made once on
the server. It needs no network beyond the service; its one script is for trying calls.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from queue_services.api.problems import PROBLEMS
from queue_services.web.bodies import JSON
from queue_services.wire import examples

_FOLDER = Path(__file__).parent / "static"
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
}

Schema = dict[str, Any]
METRICS = "# Prometheus' text format, one figure a line"


def page_routes(document: Schema) -> list[Route]:
    """/docs, its style sheet and its script."""
    html = render(document).encode()

    async def docs(_: Request) -> Response:
        return Response(html, media_type="text/html", headers=_HEADERS)

    return [
        Route("/docs", docs),
        _file("docs.css", "text/css"),
        _file("docs.mjs", "text/javascript"),
    ]


def _file(name: str, media_type: str) -> Route:
    content = (_FOLDER / name).read_bytes()
    headers = {"cache-control": "max-age=3600", "x-content-type-options": "nosniff"}

    async def serve(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=headers)

    return Route(f"/{name}", serve)


def render(document: Schema) -> str:
    """The page for an OpenAPI document of this service."""
    schemas = document["components"]["schemas"]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(kind=kind, shapes=lambda schema: _shapes(schema, schemas))
    calls = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    shown = {
        operation["operationId"]: call_example(method, path, operation, schemas)
        for method, path, operation in calls
    }
    return environment.get_template("docs.html").render(
        document=document, calls=calls, problems=PROBLEMS, schemas=schemas, examples=shown
    )


@dataclass(frozen=True)
class CallExample:
    """What the page shows of a call: a request as a curl command and its parts, and an answer."""

    request: str
    parameters: dict[str, str]
    body: str
    answer: str


def call_example(
    method: str, path: str, operation: Schema, schemas: dict[str, Schema]
) -> CallExample:
    """An example of a call with its required parameters and, where it takes one, a body."""
    required = [one for one in operation["parameters"] if one["required"]]
    parameters = {
        one["name"]: str(examples.example(one["schema"], schemas, one["name"])) for one in required
    }
    query = urlencode(
        {one["name"]: parameters[one["name"]] for one in required if one["in"] == "query"}
    )
    target = path.format(**parameters) + (f"?{query}" if query else "")
    body = ""
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"][JSON]["schema"]
        made = examples.body_example(operation["operationId"], schema, schemas)
        body = json.dumps(made, indent=2) if made else ""
    options = [] if method in ("GET", "POST" if body else "GET") else [f"-X {method}"]
    options += ["-H 'authorization: Bearer KEY'"] if operation["security"] else []
    options += ["-H 'content-type: application/json'", f"-d '{body}'"] if body else []
    address = f"http://127.0.0.1:3000{target}"
    request = " ".join(["curl", f"'{address}'" if query else address, *options])
    answered = operation["responses"]["200" if "200" in operation["responses"] else "202"]
    ((media_type, content),) = answered["content"].items()
    answer = (
        json.dumps(examples.example(content["schema"], schemas), indent=2)
        if media_type == JSON
        else METRICS
    )
    return CallExample(request, parameters, body, answer)


def kind(schema: Schema) -> str:
    """A schema in a few words: its type, its choices or its bounds."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind(choice) for choice in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(json.dumps(choice) for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    given = schema.get("type", "any")
    return schema.get("format") or (given if isinstance(given, str) else " or ".join(given))


def _shapes(schema: Schema, schemas: dict[str, Schema]) -> dict[str, Schema]:
    """The object schemas that a schema names, by name: itself and what its members hold."""
    found: dict[str, Schema] = {}
    waiting = [schema]
    while waiting:
        current = waiting.pop(0)
        name = current.get("$ref", "").rpartition("/")[2]
        if name and name not in found:
            found[name] = schemas[name]
            waiting.extend(schemas[name].get("properties", {}).values())
        waiting.extend(
            [*current.get("anyOf", []), *([current["items"]] if "items" in current else [])]
        )
    return {name: shape for name, shape in found.items() if "properties" in shape}
