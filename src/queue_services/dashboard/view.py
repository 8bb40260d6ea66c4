"""Draws pages: the templates with their filters, and the headers that every answer of the
dashboard carries. Called by `visits` and the page modules.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from queue_services.dashboard import words
from queue_services.redaction import masked_recipient
from queue_services.web.root_path import rooted

BASE = "/admin/queues"

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src"
        " 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}

FRAME_HEADERS = HEADERS | {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors"
        " 'self'"
    ),
    "x-frame-options": "SAMEORIGIN",
}
"""Of an email's HTML in its frame: no script, no form, nothing fetched from elsewhere (a
tracking pixel would tell the sender).
"""

STATIC_TYPES = {".css": "text/css", ".mjs": "text/javascript", ".svg": "image/svg+xml"}

STATIC = {
    entry.name: entry.read_bytes()
    for entry in resources.files(__package__).joinpath("static").iterdir()
    if entry.name.endswith(tuple(STATIC_TYPES))
}


def path(*segments: str, **query: Any) -> str:
    """A path of the dashboard; members of the query that are None or empty are left out."""
    given = {
        name.rstrip("_"): str(value) for name, value in query.items() if value not in (None, "")
    }
    return "/".join([rooted(BASE), *segments]) + (f"?{urlencode(given)}" if given else "")


def static(name: str) -> str:
    """The path of a static file; it changes with the file, so that browsers may keep it."""
    return path("static", name, v=_VERSIONS[name])


_VERSIONS = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in STATIC.items()}

templates = Environment(
    loader=PackageLoader(__package__, "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
templates.filters.update(
    number=words.number,
    rate=words.rate,
    plain=words.plain,
    duration=words.duration,
    moment=words.moment,
    relative=words.relative,
    size=words.size,
    status=words.status,
    pretty=words.pretty,
    masked=masked_recipient,
)
templates.globals.update(path=path, static=static, WAITS=words.WAITS, REASONS=words.REASONS)


def page(
    template: str, code: int = 200, headers: dict[str, str] | None = None, /, **values: Any
) -> Response:
    """A page drawn from a template."""
    return Response(
        templates.get_template(template).render(values),
        code,
        HEADERS | (headers or {}),
        "text/html; charset=utf-8",
    )
