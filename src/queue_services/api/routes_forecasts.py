"""Forecasts: when so many more messages would start and finish, as things stand. A
workspace's key asks about its own alone.
"""

from __future__ import annotations

from queue_services.api.calls import Call, Incoming
from queue_services.domain.message import Channel
from queue_services.errors import InvalidRequest
from queue_services.web import bodies as reading
from queue_services.wire import answers, bodies
from queue_services.wire.intake import Faults, due_at, workspace_of
from queue_services.wire.times import optional_rfc3339


async def forecast(incoming: Incoming) -> answers.ForecastAnswer:
    """POST /api/forecast."""
    body, faults = incoming.body, Faults()
    workspace = faults.unless(answers.WORKSPACE, workspace_of, body.workspace_id)
    due = due_at(None, body.scheduled_for, incoming.now, faults)
    if faults or workspace is None:
        raise InvalidRequest(*faults)
    foreseen = await incoming.services.forecasts.foresee(
        incoming.caller.only(workspace), Channel(body.channel), int(body.count), due
    )
    return answers.ForecastAnswer(
        start_at=optional_rfc3339(foreseen.start_at),
        end_at=optional_rfc3339(foreseen.end_at),
        limited_by=answers.WAIT_NAMES[foreseen.limited_by],
    )


CALLS = [
    Call(
        "POST",
        "/api/forecast",
        forecast,
        "When so many more messages would start and finish under today's limits and backlog",
        answers.ForecastAnswer,
        query=bodies.NoQuery,
        body=bodies.ForecastBody,
        reads=reading.OTHER,
        tag="Forecasts",
    ),
]
