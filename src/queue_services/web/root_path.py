"""A path of a proxy's under which the service is reached: taken off requests where the proxy
keeps it, and put before every link that is answered.
"""

from __future__ import annotations

from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

_root: ContextVar[str] = ContextVar("root_path", default="")


def rooted(path: str) -> str:
    """A path of the service as its clients reach it."""
    return _root.get() + path


class RootPath:
    """The middleware around everything else; `root` begins with a slash and ends with none."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app, self._root = app, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on without the root, which the proxy may have taken off already."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path == self._root or path.startswith(self._root + "/"):
            raw = scope.get("raw_path") or path.encode()
            size = len(self._root)
            scope["path"], scope["raw_path"] = path[size:] or "/", raw[size:] or b"/"
        token = _root.set(self._root)
        try:
            await self._app(scope, receive, send)
        finally:
            _root.reset(token)
