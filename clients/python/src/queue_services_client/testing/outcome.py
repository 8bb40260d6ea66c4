"""What an answer to a callback means for the message, as the service takes it. Pure; used
by `queue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from queue_services_client.types import CallbackAnswer

FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(seconds=1), timedelta(minutes=10)
LONGEST_THROTTLE = timedelta(hours=1)
PROBED_AFTER = timedelta(seconds=30)


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


class _Result(msgspec.Struct, rename="camel"):
    job_id: str
    success: bool = False
    error: str | None = None
    retry_after: float | None = None
    permanent: bool = False


class _Results(msgspec.Struct):
    results: list[_Result]


def batch_outcomes(answer: CallbackAnswer | OSError, job_ids: Sequence[str]) -> list[Outcome]:
    """The table of answers to a batch, for each of its messages: a result of its own where
    the answer has some; else what the answer says of all.
    """
    results = _results(answer)
    if results is not None:
        return [_of_result(results.get(job_id)) for job_id in job_ids]
    outcome = outcome_of(answer)
    status = answer.status if isinstance(answer, CallbackAnswer) else 0
    if status in {401, 403, 404, 405}:
        outcome = Outcome("rejected", outcome.error, uses_try=False, wait=PROBED_AFTER)
    elif batch_limit(answer, len(job_ids)):
        outcome = Outcome("rejected", outcome.error, uses_try=False, wait=timedelta(0))
    return [outcome] * len(job_ids)


def batch_limit(answer: CallbackAnswer | OSError, size: int) -> int | None:
    """The size of the batches in which a refused batch of `size` is sent again; None where it
    was not refused for being one.
    """
    status = answer.status if isinstance(answer, CallbackAnswer) else 0
    if size == 1 or not 300 <= status < 500 or status in {401, 403, 404, 405, 408, 425, 429}:
        return None
    return (size + 1) // 2 if status == 413 else 1


def said_delivered(answer: CallbackAnswer | OSError) -> bool | None:
    """What the application says to the question whether it has a message; None where it does
    not say.
    """
    if isinstance(answer, OSError) or answer.status not in {200, 404}:
        return None
    try:
        said = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    delivered = said.get("delivered") if isinstance(said, dict) else None
    if delivered is True and answer.status == 200:
        return True
    return False if delivered is False else None


def _results(answer: CallbackAnswer | OSError) -> dict[str, _Result] | None:
    if isinstance(answer, OSError) or not 200 <= answer.status < 300:
        return None
    try:
        results = msgspec.json.decode(answer.body, type=_Results).results
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return {result.job_id: result for result in reversed(results)}  # the first of repeated ones


def _of_result(result: _Result | None) -> Outcome:
    if result is None:
        return Outcome("failed", "the answer has no result for this message")
    if result.success:
        return Outcome("delivered", final=True)
    error = result.error or "the application answered success: false"
    if result.permanent:
        return Outcome("rejected", error, final=True)
    if result.retry_after is not None:
        seconds = min(max(result.retry_after, 1.0), LONGEST_THROTTLE.total_seconds())
        return Outcome("throttled", error, uses_try=False, wait=timedelta(seconds=seconds))
    return Outcome("failed", error)


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
