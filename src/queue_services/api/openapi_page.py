"""The page at /docs: the OpenAPI document as HTML, made once on the server. It needs no
network, no script and no other file than its style sheet.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from queue_services.api.problems import PROBLEMS

_FOLDER = Path(__file__).parent / "static"
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
}

Schema = dict[str, Any]


def page_routes(document: Schema) -> list[Route]:
    """/docs and its style sheet."""
    html, css = render(document).encode(), (_FOLDER / "docs.css").read_bytes()

    async def docs(_: Request) -> Response:
        return Response(html, media_type="text/html", headers=_HEADERS)

    async def style(_: Request) -> Response:
        return Response(
            css,
            media_type="text/css",
            headers={"cache-control": "max-age=3600", "x-content-type-options": "nosniff"},
        )

    return [Route("/docs", docs), Route("/docs.css", style)]


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
    return environment.get_template("docs.html").render(
        document=document, calls=calls, problems=PROBLEMS, schemas=schemas
    )


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
