"""What a callback endpoint may answer instead of "sent", as exceptions a handler raises.
Turned into answers by `receiver.answers`.

The statuses are those the service understands (its answer table): each says whether a try
is used and whether the message ends.
"""

from __future__ import annotations

from queue_services_client.errors import QueueServiceError

FINAL_STATUSES = frozenset(range(400, 500)) - {401, 403, 404, 408, 425, 429}
"""With these the message is FAILED at once. 401, 403 and 404 also hold the workspace when
repeated; 408, 425 and 429 mean "again later".
"""


class Refusal(QueueServiceError):
    """A callback that is not carried out; answered with `code`, and `retry_after` seconds
    in the header Retry-After where given.
    """

    code = 500
    retry_after: float | None = None


class RetryLater(Refusal):
    """Could not be sent now (the provider is away): a failed try; the service comes again
    after its backoff, `maxAttempts` times in all.
    """

    code = 503

    def __init__(self, message: str = "could not be sent now") -> None:
        super().__init__(message)


class SlowDown(Refusal):
    """The provider wants fewer: no try is used, and this workspace's messages of the
    channel wait `seconds` (at most an hour, rounded up).
    """

    code = 429

    def __init__(self, seconds: float, message: str = "too many messages") -> None:
        self.retry_after = seconds
        super().__init__(message)


class Reject(Refusal):
    """Can never be sent (a bad number, an unsubscribed contact): the message is FAILED at
    once, with `message` as its error.

    `status` is a final 4xx (see FINAL_STATUSES; anything else is a ValueError). To an
    event, 410 turns the workspace's events off.
    """

    def __init__(self, message: str = "cannot be sent", status: int = 422) -> None:
        if status not in FINAL_STATUSES:
            raise ValueError(
                f"{status} does not end a message; use 4xx but 401, 403, 404, 408, 425 and 429, or"
                " raise RetryLater or SlowDown"
            )
        self.code = status
        super().__init__(message)


class Unreadable(Refusal):
    """The body is not what the service sends; coming again would not help."""

    code = 422
    job_id: str | None = None
    """The job of a message in a batch, where its body names one."""


class TooLarge(Refusal):
    """The body is larger than the receiver reads."""

    code = 413


class Unverified(Refusal):
    """The signature or the `authorization` header is missing, wrong or too old. Repeated,
    the service holds the workspace's messages and probes.
    """

    code = 401


class UnknownWorkspace(Refusal):
    """The message is for a workspace this application does not know. Repeated, the service
    holds that workspace's messages and probes.
    """

    code = 403


class NotAdmitted(Refusal):
    """Whether the message is to be handled cannot be said now: the deduplicator or the
    workspace check failed. Retry-After, because with it no try is used: an application
    whose database is away must not use up those of a campaign.
    """

    code = 503
    retry_after = 5.0

    def __init__(self, message: str = "this message cannot be checked now") -> None:
        super().__init__(message)


class InProgress(Refusal):
    """The same message is being handled right now. Retry-After, because with it no try is
    used: a handler that died must not use them up. One second, the shortest that the
    service knows, as the workspace's other messages wait as long.
    """

    code = 503
    retry_after = 1.0

    def __init__(self, message: str = "this message is being handled already") -> None:
        super().__init__(message)
