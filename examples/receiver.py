"""A small application at the receiving end: it takes the callbacks of Queue Services and,
in place of sending SMS and email, remembers what arrived.

    python examples/receiver.py --port 4000
    SMS_API_URL=http://127.0.0.1:4000 EMAIL_API_URL=http://127.0.0.1:4000 queue-services serve

What it shows of a real receiver: it answers success only for what it has taken on; it
answers a 5xx for what it could not do now, and is then asked again; and it knows a message
that it has had before by its job id, and does not send it twice. GET /arrivals lists
everything that came.

Where the service is told so (SMS_BATCH_ENDPOINT=/send-sms-batch,
SMS_ASK_ENDPOINT=/sms-sent, and the same for email), it takes whole batches, and says which
messages it has when the service asks before it sends one again.
"""

from __future__ import annotations

import argparse
import json
import socket
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass(frozen=True)
class Arrival:
    """One request that came in. `time` is in seconds since 1970, `monotonic` in seconds of
    a clock that never steps.
    """

    number: int
    job: str
    channel: str
    workspace: str
    contact: str
    attempt: int
    time: float
    monotonic: float
    answer: str  # accepted, failed (asked to come again) or repeated (had it already)


@dataclass
class Receiver:
    """Takes each message once. The first try of every `fail_every`-th message is answered
    with 503, as a busy application would.
    """

    fail_every: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)

    async def sms(self, request: Request) -> Response:
        return self.take(request, "sms", await request.json())

    async def email(self, request: Request) -> Response:
        return self.take(request, "email", await request.json())

    def take(self, request: Request, channel: str, message: dict[str, Any]) -> Response:
        message = {"jobId": request.headers["idempotency-key"], **message}
        if self.handle(channel, message, int(request.headers["x-attempt"])) == "failed":
            return JSONResponse({"success": False, "error": "busy, try again"}, status_code=503)
        return JSONResponse({"success": True})

    async def batch(self, request: Request) -> Response:
        """Every message of a batch by itself: those that failed alone come again."""
        batch = await request.json()
        results = []
        for message in batch["messages"]:
            taken = self.handle(batch["channel"], message, message["attempt"]) != "failed"
            error = {} if taken else {"error": "busy, try again"}
            results.append({"jobId": message["jobId"], "success": taken, **error})
        success = all(result["success"] for result in results)
        return JSONResponse({"success": success, "results": results})

    async def sent(self, request: Request) -> Response:
        """Whether a message was taken, which the service asks before it sends it again."""
        taken = request.path_params["job"] in self.accepted
        return JSONResponse({"delivered": taken}, status_code=200 if taken else 404)

    def handle(self, channel: str, message: dict[str, Any], attempt: int) -> str:
        """Judge one message and list its arrival."""
        job = message["jobId"]
        answer = self.judge(job)
        self.arrivals.append(
            Arrival(
                number=len(self.arrivals),
                job=job,
                channel=channel,
                workspace=message["workspaceId"],
                contact=message["contactId"],
                attempt=attempt,
                time=time.time(),
                monotonic=time.monotonic(),
                answer=answer,
            )
        )
        return answer

    def judge(self, job: str) -> str:
        if job in self.accepted:
            return "repeated"
        first = job not in self.seen
        self.seen.add(job)
        if first and self.fail_every and len(self.seen) % self.fail_every == 0:
            return "failed"
        self.accepted.add(
            job
        )  # here a real application would send, then remember the id together with its own record
        return "accepted"

    async def list_arrivals(self, request: Request) -> Response:
        """The arrivals from number `after` on, as JSON, or a line each where the caller accepts
        application/x-ndjson.
        """
        found = [
            asdict(arrival)
            for arrival in self.arrivals[int(request.query_params.get("after", 0)) :]
        ]
        if "ndjson" in request.headers.get("accept", ""):
            return Response(
                "".join(json.dumps(arrival) + "\n" for arrival in found),
                media_type="application/x-ndjson",
            )
        return JSONResponse({"arrivals": found})

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/send-sms", self.sms, methods=["POST"]),
                Route("/api/email/send", self.email, methods=["POST"]),
                Route("/send-sms-batch", self.batch, methods=["POST"]),
                Route("/api/email/send-batch", self.batch, methods=["POST"]),
                Route("/sms-sent/{job}", self.sent),
                Route("/email-sent/{job}", self.sent),
                Route("/arrivals", self.list_arrivals),
            ]
        )


def main() -> None:
    """Listen, print the address, and serve until told to stop."""
    arguments = argparse.ArgumentParser(
        description="Takes SMS and email callbacks and remembers them."
    )
    arguments.add_argument("--host", default="127.0.0.1", help="address to listen on")
    arguments.add_argument("--port", type=int, default=4000, help="0 takes a free one")
    arguments.add_argument(
        "--fail-every",
        type=int,
        default=0,
        metavar="N",
        help="answer the first try of every Nth message with 503",
    )
    given = arguments.parse_args()
    listener = socket.create_server((given.host, given.port), backlog=1024)
    print(f"listening on http://{given.host}:{listener.getsockname()[1]}", flush=True)
    server = uvicorn.Server(
        uvicorn.Config(
            Receiver(given.fail_every).app(),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
    )
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
