"""Takes jobs out of BullMQ's sets, and removes or gives them back: each step is one script,
so that a job is always in exactly one of BullMQ's sets, the import's hash, or the store.

Called by `importer`. Between the store and Redis nothing is atomic: a job of the import's
hash may be in the store already, under an idempotency key that lets it be written again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from queue_services.domain.message import Message
from queue_services.queue.bullmq_import.layout import Queue, Source, script
from queue_services.queue.bullmq_import.reading import Found
from queue_services.queue.bullmq_import.redis import Part, Redis
from queue_services.wire.bullmq import BullJob


class Claimed(msgspec.Struct, frozen=True):
    """What the import's hash keeps of a job: its message (an element of a batch), and where
    it was.
    """

    message: msgspec.Raw
    source: Source
    score: str


class Candidate(msgspec.Struct, frozen=True):
    """A job as it was read, with its message as an element of a batch and decoded."""

    job: BullJob
    found: Found
    element: bytes
    message: Message


def kept(candidate: Candidate, source: Source) -> Claimed:
    """What the import's hash keeps of a candidate."""
    return Claimed(msgspec.Raw(candidate.element), source, candidate.found.score)


async def claim(
    redis: Redis, queue: Queue, source: Source, candidates: Sequence[Candidate]
) -> list[str]:
    """Take jobs out of `source`; the ids of those that were still there as they were read."""
    arguments: list[Part] = [queue.keys, "list" if source.is_list else "zset"]
    for each in candidates:
        job = each.job
        entry = msgspec.json.encode(kept(each, source))
        arguments += [job.id, job.data, job.timestamp, each.found.score, entry]
    keys = (queue.claimed, queue.key(source))
    taken = await redis.call("EVAL", script("claim"), len(keys), *keys, *arguments)
    return [one.decode(errors="surrogateescape") for one in taken]


async def claimed(redis: Redis, queue: Queue) -> dict[str, Claimed]:
    """What the import's hash holds, by id: jobs that an import was killed over."""
    flat = await redis.call("HGETALL", queue.claimed)
    return {
        flat[at].decode(errors="surrogateescape"): msgspec.json.decode(flat[at + 1], type=Claimed)
        for at in range(0, len(flat), 2)
    }


async def finish(redis: Redis, queue: Queue, jobs: Sequence[tuple[str, Source]]) -> None:
    """Remove jobs that are in the store."""
    arguments = [part for job in jobs for part in job]
    keys = (queue.claimed, queue.key("meta"), queue.key("events"))
    await redis.call("EVAL", script("finish"), len(keys), *keys, queue.keys, *arguments)


async def give_back(redis: Redis, queue: Queue, jobs: Sequence[tuple[str, Source, str]]) -> None:
    """Put jobs that are not in the store back where they were, with their scores."""
    arguments = [part for job in jobs for part in job]
    keys = (queue.claimed, queue.key("meta"), queue.key("marker"), queue.key("active"))
    await redis.call("EVAL", script("give_back"), len(keys), *keys, queue.keys, *arguments)
