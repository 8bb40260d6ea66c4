"""Every error the service raises on purpose, in one tree; outcomes of normal work are
values, not errors.

Raised anywhere, turned into HTTP answers by `api.problems` and into exit codes by `cli`.
Carries fields, never HTTP statuses.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec


class Fault(msgspec.Struct, frozen=True, gc=False):
    """One thing wrong with a request: the `field` as the caller wrote it, and what to do
    about it.
    """

    field: str
    message: str


class QueueServicesError(Exception):
    """The root of the tree."""


class LimitSilenced(QueueServicesError):
    """A channel's limit was silenced, for the `silences`-th time, since this process took slots
    of it: a clock was wrong, and it may be this one's.
    """

    def __init__(self, silences: int) -> None:
        self.silences = silences
        super().__init__(f"The limit was silenced ({silences}): measure the clock.")


class Refusal(QueueServicesError):
    """A request that is not carried out and changed nothing."""


class InvalidRequest(Refusal):
    """The request's fields are wrong; `faults` names every one of them."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__(*faults)

    def __str__(self) -> str:
        return "; ".join(f"{fault.field}: {fault.message}" for fault in self.faults)


class NotFound(Refusal):
    """There is no `kind` (job, campaign, key) called `name`, or it belongs to another workspace."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        super().__init__(f"There is no {kind} {name!r}.")


class Conflict(Refusal):
    """The state of the thing forbids the request; `fields` say which state."""

    def __init__(self, message: str, **fields: Any) -> None:
        self.fields = fields
        super().__init__(message)


class TooLarge(Refusal):
    """A body over `limit` bytes (or messages, in `unit`)."""

    def __init__(self, limit: int, unit: str = "bytes") -> None:
        self.limit, self.unit = limit, unit
        super().__init__(f"The body is larger than {limit:,} {unit}; send it in parts.")


class UnsupportedMediaType(Refusal):
    """A body of a type, or in a coding, that the call does not read; the fault names the
    `header` that says so, and what to do.
    """

    def __init__(self, header: str, given: str, advice: str) -> None:
        self.faults = (Fault(header, f"{given or 'none'!r} is not read here; {advice}"),)
        super().__init__(f"{header}: {self.faults[0].message}")


class Unauthenticated(Refusal):
    """No key, or one that is not valid; or none is looked at for `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Forbidden(Refusal):
    """The key is valid but does not allow this."""


class OverQuota(Refusal):
    """The key has used its intake quota of `limit` messages a minute, but for `left` of
    them; try again after `retry_after` seconds.
    """

    def __init__(self, retry_after: float, limit: int, left: int = 0) -> None:
        self.retry_after, self.limit, self.left = retry_after, limit, left
        super().__init__(
            f"The key is over its intake quota of {limit:,} messages a minute ({left:,} are left);"
            f" try again in {math.ceil(retry_after)} s."
        )


class TooManyTries(Refusal):
    """Too many wrong logins; try again after `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"Too many wrong tries; try again in {math.ceil(retry_after)} s.")


class StoreUnavailable(QueueServicesError):
    """The database does not answer; nothing was changed, or it is not known to be. Try
    again after `retry_after` seconds.
    """

    def __init__(self, reason: str, retry_after: float = 1.0) -> None:
        self.reason, self.retry_after = reason, retry_after
        super().__init__(f"The store is away ({reason}); try again in {retry_after:g} s.")


class StoreRefuses(StoreUnavailable):
    """The database answers and refuses: a wrong password or name, a missing right, a full
    disk. `advice` says what to change; trying again alone does not help.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.advice = advice

    def __str__(self) -> str:
        return f"The store refuses ({self.reason}). {self.advice}"


class RedisUnavailable(QueueServicesError):
    """The Redis that is imported from does not answer. What was taken out of BullMQ's sets is
    kept in Redis; the next run resumes it.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"Redis is away ({reason}); run the import again when it answers: it resumes."
        )


class ConfigurationError(QueueServicesError):
    """Settings that cannot work; `faults` names every one, by its environment name."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__("\n".join(f"{fault.field}: {fault.message}" for fault in faults))
