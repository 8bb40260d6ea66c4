"""What comes back of a request: a Response, or a Failure that says how far it came."""

from __future__ import annotations

from enum import StrEnum

import msgspec

BODY_BYTES = 64 * 1024
"""As much of a body as is read where nothing else is said; a connection with more to come is
closed.
"""


class Stage(StrEnum):
    """How far a request came that got no whole answer. Only after SENT may it have arrived."""

    FORBIDDEN = "forbidden"  # the address guard refused every address
    CONNECTING = "connecting"  # no connection stood, or none stood long enough
    SENT = "sent"
    TIMED_OUT = "timed out"  # sent, and no whole answer in time


class Response(msgspec.Struct, frozen=True, gc=False):
    """An answer: `body` is as much of it as is read, `whole` whether that is all of it."""

    status: int
    body: bytes
    content_type: str
    retry_after: str | None
    whole: bool


class Failure(msgspec.Struct, frozen=True, gc=False):
    """No whole answer, and why."""

    stage: Stage
    reason: str


Outcome = Response | Failure
