"""Reads a BullMQ queue and tells jobs that can be moved from those that are left. Changes
no key.

Called by `importer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from queue_services.errors import Conflict, NotFound
from queue_services.queue.bullmq_import.layout import (
    RATE_LIMIT_SET,
    SCORE_UNIT,
    SUPPORTED,
    Queue,
    Source,
)
from queue_services.queue.bullmq_import.redis import Redis, RedisError
from queue_services.wire.bullmq import JOB_FIELDS, BullJob

PAGE = 500
"""Jobs a round trip and a claim: as many as a crash can leave in the import's hash."""
PACING_MS = 5_000
"""A rate limit whose window ends sooner only paces the workers: the jobs wait for a turn."""
_CHILDREN = ("dependencies", "processed", "failed", "unsuccessful")


class Why(StrEnum):
    """Why a job is left in Redis."""

    ACTIVE = "active"
    REPEATABLE = "repeatable"
    FLOW = "flow"
    RATE_LIMITED = "rate-limited"
    FAILING = "failing"
    UNMAPPED = "unmapped"
    NEW = "new"


class Left(msgspec.Struct, frozen=True):
    """A job that stays in Redis, and what is to be known about it."""

    id: str
    why: Why
    about: str


class Found(NamedTuple):
    """An id in one of BullMQ's sets, with its score as Redis writes it (empty in a list)."""

    id: str
    score: str


async def check_version(redis: Redis, queue: Queue) -> None:
    """Raise NotFound where there is no such queue, Conflict where it is not of the version
    whose key layout is known here.
    """
    version = await redis.call("HGET", queue.key("meta"), "version")
    if version is None and not await redis.call("EXISTS", queue.key("meta"), queue.key("id")):
        raise NotFound("BullMQ queue", str(queue))
    name = "an unknown version" if version is None else version.decode(errors="replace")
    if not name.startswith(SUPPORTED):
        raise Conflict(
            f"{queue} is of {name}; only the keys of {SUPPORTED}x are known here. Upgrade the"
            " application's bullmq first.",
            version=name,
        )


async def page(redis: Redis, queue: Queue, source: Source, skip: int) -> list[Found]:
    """At most 500 ids of a set, those that BullMQ runs next first, after `skip` of them."""
    key = queue.key(source)
    if source.is_list:
        ids = await redis.call("LRANGE", key, -skip - PAGE, -skip - 1)
        return [Found(_text(one), "") for one in reversed(ids)]
    flat = await redis.call("ZRANGE", key, skip, skip + PAGE - 1, "WITHSCORES")
    return [Found(_text(flat[at]), flat[at + 1].decode()) for at in range(0, len(flat), 2)]


async def read(
    redis: Redis, queue: Queue, source: Source, found: Sequence[Found]
) -> list[BullJob | Left]:
    """What each id stands for: a job that can be moved, or one that is left."""
    commands: list[Sequence[str]] = []
    for one in found:
        key = queue.key(one.id)
        commands.append(("HMGET", key, *JOB_FIELDS))
        commands.append(("EXISTS", *(f"{key}:{part}" for part in _CHILDREN)))
    answers = await redis.pipeline(commands)
    return [
        _judged(one, source, answers[2 * at], answers[2 * at + 1]) for at, one in enumerate(found)
    ]


def _judged(found: Found, source: Source, answer: object, children: object) -> BullJob | Left:
    if isinstance(answer, RedisError) or not isinstance(answer, list):
        return Left(found.id, Why.UNMAPPED, f"its key is no job: {answer}")
    name, data, opts, timestamp, priority, parent, scheduler, failure = answer
    if scheduler is not None or found.id.startswith("repeat:"):
        return Left(found.id, Why.REPEATABLE, "a job scheduler made it, and makes the next")
    if parent:
        return Left(found.id, Why.FLOW, f"a child of {_text(parent)}")
    if children:
        return Left(found.id, Why.FLOW, "a parent of other jobs")
    if failure is not None:
        return Left(found.id, Why.FAILING, f"the next worker fails it: {_text(failure)}")
    if data is None or timestamp is None:
        return Left(found.id, Why.UNMAPPED, "its key is gone or has no data")
    due = int(float(found.score)) // SCORE_UNIT if source is Source.DELAYED else None
    return BullJob(
        id=found.id,
        name=_text(name or b""),
        data=data,
        opts=opts or b"{}",
        timestamp=int(timestamp),
        priority=int(priority or 0),
        due=due,
    )


async def rate_limited(redis: Redis, queue: Queue) -> int:
    """For how many milliseconds a rate limit keeps BullMQ from running what waits; 0 if none.

    A `rateLimit(ms)` says so itself. The number that a window allows is in each worker's
    options alone: where jobs wait and none is active, the window's jobs are used up.
    """
    used, left, (paused, most), active = await redis.pipeline(
        [
            ("GET", queue.key("limiter")),
            ("PTTL", queue.key("limiter")),
            ("HMGET", queue.key("meta"), "paused", "max"),
            ("LLEN", queue.key("active")),
        ]
    )
    if used is None or left <= 0 or paused is not None:
        return 0
    full = active == 0 if most is None else int(used) >= int(most)
    held = int(used) >= RATE_LIMIT_SET or (full and left > PACING_MS)
    return int(left) if held else 0


async def beyond(redis: Redis, queue: Queue) -> list[Left]:
    """The jobs that no import moves wherever they are: active ones, and parents that wait for
    their children.
    """
    active, parents = await redis.pipeline(
        [
            ("LRANGE", queue.key("active"), 0, -1),
            ("ZRANGE", queue.key("waiting-children"), 0, -1),
        ]
    )
    return [
        *(Left(_text(one), Why.ACTIVE, "a worker runs it") for one in active),
        *(Left(_text(one), Why.FLOW, "it waits for its children") for one in parents),
    ]


def _text(value: bytes) -> str:
    return value.decode(errors="surrogateescape")
