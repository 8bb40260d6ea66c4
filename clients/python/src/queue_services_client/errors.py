"""Every error the client raises on purpose, in one tree. Raised by all of the package;
catch `QueueServiceError` to catch them all.

Each is built from its message alone (the rest has defaults), so that it survives pickling
by a task queue.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a request: the `field` as it is named on the wire (`to`,
    `delay`), and what to do about it.
    """

    field: str
    message: str


class QueueServiceError(Exception):
    """The root of the tree. `status` is the HTTP status the service answered with, None
    where it did not answer or was not asked.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class ValidationFailed(QueueServiceError):
    """The request is wrong, and would be wrong again: `faults` names every field at once
    (HTTP 400, 413, 415, or seen before sending).
    """

    def __init__(
        self, message: str, faults: Iterable[Fault] = (), *, status: int | None = None
    ) -> None:
        self.faults = tuple(faults)
        super().__init__(message, status=status)

    @classmethod
    def of(cls, *faults: Fault) -> ValidationFailed:
        """The refusal of a request for `faults` found before it was sent."""
        return cls("; ".join(f"{fault.field}: {fault.message}" for fault in faults), faults)


class NotFound(QueueServiceError):
    """The service does not know the job, campaign or workspace, or the key may not see it
    (HTTP 404).
    """


class Conflict(QueueServiceError):
    """The state of the thing forbids the call: a finished job cannot be cancelled, a key
    cannot name two messages (HTTP 409).
    """


class OverQuota(QueueServiceError):
    """The key is over its intake quota (HTTP 429). Nothing was stored; try again after
    `retry_after` seconds.
    """

    def __init__(
        self, message: str, retry_after: float = 1.0, *, status: int | None = None
    ) -> None:
        self.retry_after = retry_after
        super().__init__(message, status=status)


class Unauthorized(QueueServiceError):
    """The key is missing, unknown or expired (HTTP 401), or it does not allow this call
    (HTTP 403).
    """


class Unavailable(QueueServiceError):
    """The service did not answer, or cannot now (HTTP 5xx). What was asked may have been
    done: ask again with the same idempotency key.

    `retry_after` is in seconds, None where the service did not say.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, *, status: int | None = None
    ) -> None:
        self.retry_after = retry_after
        super().__init__(message, status=status)
