"""The application's callback endpoint in the suite: called directly by the fake service,
over HTTP by the real one.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from queue_services_client.types import CallbackAnswer, CallbackRequest


class Endpoint:
    """Answers 200, or for a contact what a test told it to, in order and the last again and
    again; keeps what it got.
    """

    def __init__(self) -> None:
        self.requests: list[CallbackRequest] = []
        self._answers: dict[str, list[int]] = defaultdict(list)
        self._lock = threading.Lock()

    def answer(self, contact_id: str, *statuses: int) -> None:
        self._answers[contact_id] = list(statuses)

    def bodies(self, workspace_id: str) -> list[dict[str, Any]]:
        """What came for a workspace, in order."""
        with self._lock:
            found = [json.loads(request.body) for request in self.requests]
        return [body for body in found if body["workspaceId"] == workspace_id]

    def __call__(self, request: CallbackRequest) -> CallbackAnswer:
        with self._lock:
            self.requests.append(request)
            answers = self._answers[json.loads(request.body)["contactId"]]
            status = answers.pop(0) if len(answers) > 1 else (answers or [200])[0]
        return CallbackAnswer(
            status=status, body=b'{"success":true}' if status == 200 else b"refused"
        )


@contextmanager
def served(endpoint: Endpoint) -> Iterator[str]:
    """The endpoint behind HTTP, on a free port of the loopback; its base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = endpoint(CallbackRequest(path=self.path, headers=headers, body=body))
            self.send_response(answer.status)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
