"""Reads a callback's body into its messages: one message, the service's batch body, or a
plain JSON array. Called by `Receiver`.

The batch body is `batchId`, `workspaceId`, `channel` and `messages`; each message has the
members of its single body and its own `attempt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from queue_services_client.receiver.messages import (
    NOT_JSON,
    Reader,
    check_size,
    is_batch,
    parse_batch,
)
from queue_services_client.receiver.refusals import Unreadable
from queue_services_client.wire import BATCH_ID, JOB_ID

T = TypeVar("T")
MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Opened(Generic[T]):
    """What a body holds: each message, or why it cannot be read. `batch`: the answer has a
    result for each. `workspace_id` is that of a batch body, whose messages are all of it.
    """

    messages: list[T | Unreadable]
    batch: bool = False
    workspace_id: str | None = None


class _Batch(msgspec.Struct, rename="camel"):
    batch_id: str
    workspace_id: str
    messages: list[dict[str, msgspec.Raw]]
    job_id: Any = msgspec.UNSET


def open_body(body: bytes, reader: Reader[T], attempt: int = 1) -> Opened[T]:
    """The messages of `body`, each read by `reader`; `attempt` is the header's number, of
    those that have none of their own. Raises Unreadable or TooLarge for the body itself.
    """
    if is_batch(body):
        return Opened(list(parse_batch(body, reader, attempt)), batch=True)
    envelope = _envelope(body)
    if envelope is None:
        return Opened([reader(body, attempt)])
    check_size(len(envelope.messages))
    read = [_one(members, reader, attempt) for members in envelope.messages]
    return Opened(read, batch=True, workspace_id=envelope.workspace_id)


def _envelope(body: bytes) -> _Batch | None:
    """The batch body that `body` is; None for a single message, which always has a `jobId`,
    whatever its metadata adds.
    """
    if BATCH_ID.encode() not in body:
        return None
    try:
        found = msgspec.json.decode(body, type=_Batch)
    except NOT_JSON:
        return None
    return found if found.job_id is msgspec.UNSET else None


def _one(members: dict[str, msgspec.Raw], reader: Reader[T], attempt: int) -> T | Unreadable:
    own = bytes(members.pop("attempt", b"")).decode("ascii", "replace")
    number = int(own) if own.isdigit() and len(own) <= MOST_DIGITS else attempt
    try:
        return reader(msgspec.json.encode(members), number)
    except Unreadable as error:
        error.job_id = _text(members.get(JOB_ID))
        return error


def _text(value: msgspec.Raw | None) -> str | None:
    try:
        return None if value is None else msgspec.json.decode(value, type=str)
    except NOT_JSON:
        return None
