"""BullMQ's keys, as version 6 lays them out, and the scripts that change them.

Used by `reading` and `moving`. Sources: bullmq 6.7, `classes/queue-keys` and the scripts in
`commands`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

SUPPORTED = "bullmq:6."
"""How the `version` of a queue's meta key begins where this layout holds."""
SCORE_UNIT = 0x1000
"""A delayed job's score is its due time in milliseconds times this, plus a place among those
of the same millisecond (`getDelayedScore`)."""
RATE_LIMIT_SET = 2**53 - 1
"""What `rateLimit(ms)` of a queue or worker writes into the limiter key."""

_SCRIPTS = Path(__file__).parent / "lua"


class Source(StrEnum):
    """Where a job that waits may be. Version 6 leaves the jobs of a paused queue in `wait`;
    `paused` holds those that were paused under an earlier version."""

    DELAYED = "delayed"
    PRIORITIZED = "prioritized"
    WAIT = "wait"
    PAUSED = "paused"

    @property
    def is_list(self) -> bool:
        """Whether it is a list, whose last element is next, or a sorted set."""
        return self in (Source.WAIT, Source.PAUSED)


class Queue(NamedTuple):
    """A queue by the prefix and the name that its `Queue` object was made with."""

    prefix: str
    name: str

    @property
    def keys(self) -> str:
        """What the key of every job begins with."""
        return f"{self.prefix}:{self.name}:"

    def key(self, part: str) -> str:
        """The key of a part of the queue: `delayed`, `meta`, a job's id."""
        return self.keys + part

    @property
    def claimed(self) -> str:
        """The import's own hash: by id, the message and the place of each job that is out of
        BullMQ's sets and not known to be in the store.
        """
        return self.key("queue-services-import")

    def __str__(self) -> str:
        return f"{self.prefix}:{self.name}"


def script(name: str) -> str:
    """The text of a script of the import."""
    return (_SCRIPTS / f"{name}.lua").read_text(encoding="utf-8")
