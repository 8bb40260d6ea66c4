"""What an answer to a callback means for the message, as the service takes it. Pure; used
by `queue`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import msgspec

from queue_services_client.types import CallbackAnswer

FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(seconds=1), timedelta(minutes=10)
LONGEST_THROTTLE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`word` is what the attempt is listed with. `final`: it is not tried again. `wait` is
    how long until it is, None for the backoff.
    """

    word: str
    error: str | None = None
    final: bool = False
    uses_try: bool = True
    wait: timedelta | None = None


def outcome_of(answer: CallbackAnswer | OSError) -> Outcome:
    """The table of callback answers: 2xx, failed tries, throttling, and refusals that end a
    message at once.
    """
    if isinstance(answer, TimeoutError):
        return Outcome("timeout", f"timed out: {answer}")
    if isinstance(answer, OSError):
        return Outcome("unreachable", f"not reached: {answer}", uses_try=False)
    status, error = answer.status, f"{answer.status} {answer.body[:500].decode(errors='replace')}"
    retry_after = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after")
    if 200 <= status < 300:
        refused = _refused(answer.body)
        return (
            Outcome("failed", refused) if refused is not None else Outcome("delivered", final=True)
        )
    if status == 429 or (status == 503 and retry_after):
        seconds = (
            float(retry_after)
            if retry_after and retry_after.isascii() and retry_after.isdigit()
            else 1.0
        )
        return Outcome(
            "throttled",
            error,
            uses_try=False,
            wait=timedelta(seconds=min(seconds, LONGEST_THROTTLE.total_seconds())),
        )
    if status in {408, 425} or status >= 500:
        return Outcome("failed", error)
    return Outcome("rejected", error, final=True)


def backoff(tries: int) -> timedelta:
    """How long after the `tries`-th failed try the next comes: the longest that the service
    would draw, so that tests know it.
    """
    doublings = min(tries - 1, 20)
    return min(FIRST_BACKOFF * (1 << doublings), LONGEST_BACKOFF)


def _refused(body: bytes) -> str | None:
    """What a 2xx's body says went wrong; None where it does not say `"success": false`."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("success") is not False:
        return None
    return str(
        said.get("error") or said.get("message") or "the application answered success: false"
    )
