"""What the flows return: plain frozen values, in the words and units of the domain.
Read by the services and the dispatcher.
"""

from __future__ import annotations

import msgspec

from queue_services.domain.message import Channel, Instant, Priority, Status


class Insertion(msgspec.Struct, frozen=True):
    """What became of one message of an intake: accepted, `replayed` (id and due_at are the
    first one's), or in `conflict` with its key's first use.
    """

    id: str
    due_at: Instant
    replayed: bool = False
    conflict: bool = False


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One POST that went out. `duration` in microseconds; `outcome` in the contract's words.

    `answer` is the beginning of what the application answered, kept of the last attempt that was
    not delivered; `answer_cut` where it was longer.
    """

    number: int
    outcome: str
    started_at: Instant
    duration: int
    status_code: int | None
    error: str | None
    answer: str | None = None
    answer_cut: bool = False


class Job(msgspec.Struct, frozen=True):
    """A message with its state. `tries` is the number of tries used, `attempts` that of
    POSTs that went out; `units` are how much it takes of a limit.
    """

    id: str
    workspace: str
    channel: Channel
    contact: str
    campaign: str | None
    priority: Priority
    created_at: Instant
    expires_at: Instant | None
    idempotency_key: str | None
    payload: str
    status: Status
    reason: str | None
    due_at: Instant
    finished_at: Instant | None
    tries: int
    attempts: int
    next_attempt_at: Instant | None
    error: str | None
    waiting_for: str | None
    estimated_at: Instant | None = None
    units: int = 1


class MetadataFilter(msgspec.Struct, frozen=True):
    """A member of the metadata by its path, equal to `value` as text; `indexed`: by the index of
    the paths that the settings name.
    """

    path: str
    value: str
    indexed: bool


class JobFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a search asks for: every member that is not None must match. `before` is the id
    of the last job seen; ids sort by creation.
    """

    workspace: str | None = None
    channel: Channel | None = None
    status: Status | None = None
    campaign: str | None = None
    contact: str | None = None
    recipient: str | None = None
    error_group: str | None = None
    text: str | None = None
    metadata: MetadataFilter | None = None
    ids: tuple[str, ...] | None = None
    beginning: str | None = None
    created_from: Instant | None = None
    created_to: Instant | None = None
    before: str | None = None
    limit: int = 50


class Campaign(msgspec.Struct, frozen=True):
    """A campaign's state ("active", "paused", "shifting", "cancelled") and its messages by
    status; the instants are None when it has none.

    `channels` are those that it has messages waiting of.
    """

    workspace: str
    name: str
    state: str
    counts: dict[Status, int]
    first_due_at: Instant | None
    last_due_at: Instant | None
    estimated_end: Instant | None = None
    channels: tuple[Channel, ...] = ()
