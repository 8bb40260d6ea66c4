"""The answers of a callback endpoint, as the service reads them. Called by `Receiver`.

One message is answered by its status; a batch by 200 with a result for each message,
`success` being true only when all are, so that a sender that looks at no more than that
sends the whole batch again, and what was accepted is dropped as a repeat.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import msgspec

from queue_services_client.receiver.deduplicator import Claim
from queue_services_client.receiver.refusals import FINAL_STATUSES, Refusal
from queue_services_client.types import CallbackAnswer

_log = logging.getLogger("queue_services_client.receiver")
JSON = {"content-type": "application/json"}
LONGEST_WAIT = 3_600


class Result(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What became of one message: its own answer, and its line in the answer to a batch.
    `retry_after` is in whole seconds, an hour at most; `permanent` says that coming again
    would not help.
    """

    success: bool
    status: int
    job_id: str | None = None
    duplicate: bool = False
    error: str | None = None
    retry_after: int | None = None
    permanent: bool = False


class _Single(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    success: bool
    duplicate: bool = False
    error: str | None = None


class _State(msgspec.Struct, frozen=True):
    delivered: bool


class _Batch(msgspec.Struct, frozen=True, kw_only=True):
    success: bool
    results: Sequence[Result]


def accepted(key: str) -> Result:
    """It is taken on: the service need not send it again."""
    return Result(success=True, status=200, job_id=key)


def repeated(key: str) -> Result:
    """It was accepted before; for the service that is success."""
    return Result(success=True, status=200, job_id=key, duplicate=True)


def refused(error: Exception, key: str | None = None) -> Result:
    """A handler's or the receiver's refusal; any other exception is a bug, logged, and
    answered 500 with its type alone, as its text may be private.
    """
    if isinstance(error, Refusal):
        wait = error.retry_after
        return Result(
            success=False,
            status=error.code,
            job_id=key,
            error=str(error),
            retry_after=None if wait is None else min(max(1, math.ceil(wait)), LONGEST_WAIT),
            permanent=error.code in FINAL_STATUSES,
        )
    _log.error("the handler of %s failed", key or "a callback", exc_info=error)
    return Result(success=False, status=500, job_id=key, error=f"unexpected {type(error).__name__}")


def answer(result: Result) -> CallbackAnswer:
    """The HTTP answer to one message."""
    headers = (
        JSON if result.retry_after is None else {**JSON, "retry-after": str(result.retry_after)}
    )
    single = _Single(success=result.success, duplicate=result.duplicate, error=result.error)
    return CallbackAnswer(status=result.status, headers=headers, body=msgspec.json.encode(single))


def state_answer(state: Claim) -> CallbackAnswer:
    """The answer to the service's question whether a message was delivered: `true` only for
    one that was accepted, 202 while its handler runs, which lets the service ask again.
    """
    if state is Claim.IN_PROGRESS:
        return CallbackAnswer(status=202, headers=JSON, body=b"{}")
    delivered = state is Claim.ACCEPTED
    body = msgspec.json.encode(_State(delivered))
    return CallbackAnswer(status=200 if delivered else 404, headers=JSON, body=body)


def batch_answer(results: Sequence[Result]) -> CallbackAnswer:
    """The HTTP answer to a batch, results in the order of its messages."""
    return CallbackAnswer(
        status=200,
        headers=JSON,
        body=msgspec.json.encode(
            _Batch(success=all(one.success for one in results), results=results)
        ),
    )
