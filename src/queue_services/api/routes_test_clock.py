"""The test clock: moving the time of a service that was started with `serve --test-clock`.
Refused on a real clock.
"""

from __future__ import annotations

from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.errors import Conflict
from queue_services.testclock.clock import SteppedClock
from queue_services.web import bodies as reading
from queue_services.wire import answers, bodies
from queue_services.wire.times import rfc3339


async def advance_test_clock(incoming: Incoming) -> answers.AdvanceAnswer:
    """POST /api/test-clock/advance."""
    clock = incoming.services.clock
    if not isinstance(clock, SteppedClock):
        raise Conflict(
            "The service goes by the real clock; one whose time can be moved is started with"
            " `queue-services serve --test-clock`."
        )
    return answers.AdvanceAnswer(
        now=rfc3339(await clock.advance(round(incoming.body.delay * 1000)))
    )


CALLS = [
    Call(
        "POST",
        "/api/test-clock/advance",
        advance_test_clock,
        "Let time pass, and deliver what falls due in it (only with `serve --test-clock`)",
        answers.AdvanceAnswer,
        scope=Scope.ADMIN,
        query=bodies.NoQuery,
        body=bodies.AdvanceBody,
        reads=reading.OTHER,
        errors=(409,),
        tag="Test clock",
    ),
]
