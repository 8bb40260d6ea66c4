"""Paths as the routes see them: an encoded slash belongs to the id it stands in, and one
slash at the end means nothing, as in the original.

An ASGI middleware. Campaigns and workspaces are named by their owners, so that a name may
hold any character.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from queue_services.api.problems import problem_of
from queue_services.errors import Fault, InvalidRequest

_SLASH = "\0"
"""Stands for an encoded slash between here and `parameter`; a NUL itself is refused."""


class Segments:
    """Decodes each segment of a path by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400 to a path that is no text."""
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            try:
                scope["path"] = _decoded(scope["path"], scope.get("raw_path") or b"")
            except InvalidRequest as error:
                await problem_of(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def parameter(scope: Scope) -> str:
    """The one parameter of a matched path, or an empty string."""
    return "".join(scope.get("path_params", {}).values()).replace(_SLASH, "/")


def _decoded(path: str, raw: bytes) -> str:
    if "\0" in path:
        raise InvalidRequest(Fault("path", "holds a NUL character; remove it"))
    if b"%" in raw:
        try:
            path = "/".join(
                unquote_to_bytes(segment).decode().replace("/", _SLASH)
                for segment in raw.partition(b"?")[0].split(b"/")
            )
        except UnicodeDecodeError:
            raise InvalidRequest(Fault("path", "must be percent-encoded UTF-8")) from None
    return path.removesuffix("/")
