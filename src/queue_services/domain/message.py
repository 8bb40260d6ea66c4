"""What a message is, the states it can be in, and how its parts are named. Used by every
layer above.

Instants are integers, microseconds since 1970 in UTC; FOREVER stands for "never".
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import IntEnum, StrEnum

import msgspec

Instant = int
SECOND = 1_000_000
FOREVER: Instant = 2**62


class Channel(StrEnum):
    """What carries a message; each has limits, lanes and a base URL of its own."""

    SMS = "sms"
    EMAIL = "email"


class Priority(IntEnum):
    """Lower goes first; orders the messages of one workspace."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


class Status(StrEnum):
    """Where a message stands. `scheduled` and `claimed` have a row in `pending`; the others
    are final and have one in `result`.
    """

    SCHEDULED = "scheduled"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a message ended as it did, where its status alone does not say."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    REJECTED = "rejected"
    EXHAUSTED = "exhausted"
    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is delivered: written once at intake as JSON (`message.payload`), read at
    delivery, never changed.

    `metadata` is the caller's object, passed on as it came; `endpoint` is its
    `callbackEndpoint`, already checked. `traceparent` is the trace that the request
    belonged to, where it said so.
    """

    to: str
    text: str | None = None
    subject: str | None = None
    html: str | None = None
    media_url: str | None = None
    endpoint: str | None = None
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    traceparent: str | None = None


ERASED = '{"to":""}'
"""The content of a message whose contact was erased: there is nothing left to send."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message as intake accepted it. `recipient` is what search finds it by: lower case,
    or digits only.

    `due_at` is not before `created_at`. `fingerprint` identifies channel, recipient,
    content, contact and metadata: the same idempotency key with another fingerprint is a
    conflict. `units` are how much it takes of a limit. `indexed` are paths of the metadata with
    their values as text, to be found by.
    """

    id: str
    workspace: str
    channel: Channel
    contact: str
    campaign: str | None
    recipient: str
    priority: Priority
    created_at: Instant
    due_at: Instant
    expires_at: Instant | None
    idempotency_key: str | None
    fingerprint: str | None
    payload: str
    units: int = 1
    indexed: tuple[tuple[str, str], ...] = ()


_COUNTED_MILLISECONDS = 4096
_numbers: dict[int, int] = {}
"""The last counter by millisecond, of the newest that ids were made in."""
_RANDOM_BYTES = 6


def _random_numbers() -> Iterator[int]:
    """48 random bits at a time, of a block: each call of the system gives the interpreter
    to another thread, and costs more than all else of an id.
    """
    while True:
        block = os.urandom(512 * _RANDOM_BYTES)
        for at in range(0, len(block), _RANDOM_BYTES):
            yield int.from_bytes(block[at : at + _RANDOM_BYTES], "big")


_random = _random_numbers()


def new_id(now: Instant) -> str:
    """A UUIDv7 (RFC 9562, 5.7 and 6.2): the milliseconds of `now`, a 26-bit counter, 48
    random bits; as text.

    Ids sort by creation; those that one process makes in one millisecond sort in the order
    in which it made them. The counter begins at a random number in each millisecond: two ids do
    not tell how many were made between them, for others.
    """
    millisecond = now // 1000
    number = _numbers.get(millisecond)
    if number is None:
        number = next(_random) >> 23  # 25 bits: there is room for 33 million more
        if len(_numbers) >= _COUNTED_MILLISECONDS:
            del _numbers[next(iter(_numbers))]
    else:
        number = number + 1 & (1 << 26) - 1
    _numbers[millisecond] = number
    value = (
        millisecond << 80
        | 0x7 << 76
        | (number >> 14) << 64
        | 0b10 << 62
        | (number & (1 << 14) - 1) << 48
        | next(_random)
    )
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def first_id(created_at: Instant) -> str:
    """The lowest id of the millisecond that `created_at` falls into: ids begin with the
    milliseconds of their creation.
    """
    text = f"{max(0, -(-created_at // 1000)):012x}"
    return f"{text[:8]}-{text[8:12]}-0000-0000-000000000000"
