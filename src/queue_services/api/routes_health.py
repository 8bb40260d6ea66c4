"""Whether the process runs, and whether it can do its work. Needs no key and says nothing else."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from queue_services.api.calls import Call, Incoming
from queue_services.wire import answers
from queue_services.wire.times import rfc3339

LEAVING = "leaving"
"""In the state that the server gives each request: whether the process is about to end."""


async def get_health(incoming: Incoming) -> answers.HealthAnswer:
    """GET /health and /health/live: the process answers."""
    return answers.HealthAnswer(status="ok", timestamp=rfc3339(incoming.now))


async def get_readiness(incoming: Incoming) -> answers.HealthAnswer:
    """GET /health/ready: the store can be written, and the process goes on. Raises
    StoreUnavailable and HTTPException.
    """
    if incoming.request.scope.get("state", {}).get(LEAVING):
        raise HTTPException(503, "The process is about to end; ask another.", {"retry-after": "1"})
    await incoming.services.readiness.check()
    return answers.HealthAnswer(status="ok", timestamp=rfc3339(incoming.now))


CALLS = [
    Call(
        "GET",
        "/health",
        get_health,
        "Whether the service runs",
        answers.HealthAnswer,
        scope=None,
        tag="Health",
    ),
    Call(
        "GET",
        "/health/live",
        get_health,
        "Whether the process answers",
        answers.HealthAnswer,
        scope=None,
        tag="Health",
    ),
    Call(
        "GET",
        "/health/ready",
        get_readiness,
        "Whether the store can be written",
        answers.HealthAnswer,
        scope=None,
        tag="Health",
    ),
]
