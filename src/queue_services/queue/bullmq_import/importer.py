"""The import: walks a BullMQ queue until nothing is left that can be moved, and says what
became of each job.

Called by `cli.import_bullmq`. A page of jobs is claimed in Redis, written to the store, and
then removed from Redis. Killed anywhere, the next run finds it in the import's hash and
writes it under the same idempotency keys, so that each job is in the store once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Instant, Message
from queue_services.errors import InvalidRequest
from queue_services.queue.bullmq_import import moving, reading
from queue_services.queue.bullmq_import.layout import Queue, Source
from queue_services.queue.bullmq_import.moving import Candidate, Claimed
from queue_services.queue.bullmq_import.reading import Found, Left, Why
from queue_services.queue.bullmq_import.redis import Redis
from queue_services.queue.records import Insertion
from queue_services.wire.bullmq import Map, element

BETWEEN_SECONDS = 0.2
MOST_WALKS = 10
"""Walks of one run in which something was moved: producers may add jobs for ever."""
_PASSING = {Why.ACTIVE, Why.RATE_LIMITED}

Write = Callable[[Sequence[Message]], Awaitable[Sequence[Insertion]]]
"""Puts messages into the store; what became of each, in order."""
Read = Callable[[bytes], Message]
"""The message in an element of a batch. Raises InvalidRequest."""


class Report(msgspec.Struct):
    """What an import did. `moved` jobs are in the store, `resumed` of them from an import that
    was killed; a dry run says what would be. `left` stay in Redis.
    """

    moved: int = 0
    resumed: int = 0
    left: list[Left] = msgspec.field(default_factory=list)


class _Walk(msgspec.Struct):
    """One way through the queue: how many jobs were moved, how many could have been (another
    process was faster, or nothing is to be changed), and which are left.
    """

    moved: int = 0
    movable: int = 0
    left: list[Left] = msgspec.field(default_factory=list)


class _Held(NamedTuple):
    """A job of the import's hash, with its message."""

    id: str
    claimed: Claimed
    message: Message


class Importer:
    """One run of the import. `wait` is for how many seconds, once the queue was walked, jobs
    that a worker runs or a rate limit holds are waited for.
    """

    def __init__(
        self, redis: Redis, queue: Queue, clock: Clock, *, mapping: Map, read: Read, wait: float = 0
    ) -> None:
        self._redis, self._queue, self._clock = redis, queue, clock
        self._mapping, self._read, self._wait = mapping, read, wait
        self._refused: dict[str, str] = {}

    async def preview(self) -> Report:
        """What a run would do. Changes no key and writes nothing. Raises as `run`."""
        await reading.check_version(self._redis, self._queue)
        resumed = len(await moving.claimed(self._redis, self._queue))
        walk = await self._walk(None)
        return Report(moved=resumed + walk.movable, resumed=resumed, left=walk.left)

    async def run(self, write: Write) -> Report:
        """Move what can be moved.

        Raises NotFound and Conflict for a queue that is not there or of another version of
        BullMQ; RedisUnavailable and StoreUnavailable: then the next run resumes.
        """
        await reading.check_version(self._redis, self._queue)
        resumed = await self._resume(write)
        report = Report(moved=resumed, resumed=resumed)
        until: Instant | None = None
        walks = 0
        while walks < MOST_WALKS:
            walk = await self._walk(write)
            report.moved += walk.moved
            report.left = walk.left
            until = until or self._clock.now() + round(self._wait * SECOND)
            if walk.moved or walk.movable:
                walks += 1
                continue
            if self._clock.now() >= until or not any(left.why in _PASSING for left in walk.left):
                return report
            await self._clock.pause(BETWEEN_SECONDS)
        report.left = (await self._walk(None, new="added while the import ran")).left
        return report

    async def _resume(self, write: Write) -> int:
        """Store what an import was killed over; how many jobs that were."""
        held: list[_Held] = []
        for job, claimed in (await moving.claimed(self._redis, self._queue)).items():
            try:
                held.append(_Held(job, claimed, self._read(bytes(claimed.message))))
            except InvalidRequest as refusal:  # the settings have changed since
                await self._give_back([(job, claimed, str(refusal))])
        return await self._store(held, write)

    async def _walk(self, write: Write | None, *, new: str | None = None) -> _Walk:
        """Go through every set once, and move what can be moved unless `write` is None; jobs
        that can be are then left as `new`, where that is said.
        """
        walk = _Walk()
        for source in Source:
            limited = 0
            if source is not Source.DELAYED:
                limited = await reading.rate_limited(self._redis, self._queue)
            skip = 0
            while found := await reading.page(self._redis, self._queue, source, skip):
                candidates, left = await self._judge(source, found, limited)
                moved = 0 if write is None else await self._move(source, candidates, write)
                walk.left += left
                walk.moved += moved
                walk.movable += len(candidates) - moved
                skip += len(found) - moved
                if new is not None:
                    walk.left += [Left(each.job.id, Why.NEW, new) for each in candidates]
        walk.left += await reading.beyond(self._redis, self._queue)
        return walk

    async def _judge(
        self, source: Source, found: Sequence[Found], limited: int
    ) -> tuple[list[Candidate], list[Left]]:
        """Those of a page that can be moved, with their messages, and those that are left.
        `limited` is for how many milliseconds a rate limit holds the page.
        """
        candidates: list[Candidate] = []
        left: list[Left] = []
        jobs = await reading.read(self._redis, self._queue, source, found)
        for one, job in zip(found, jobs, strict=True):
            if isinstance(job, Left):
                left.append(job)
            elif limited:
                about = f"BullMQ's rate limit holds it for {limited / 1000:.1f} s more"
                left.append(Left(job.id, Why.RATE_LIMITED, about))
            elif job.id in self._refused:
                left.append(Left(job.id, Why.UNMAPPED, self._refused[job.id]))
            else:
                try:
                    text = element(job, self._mapping(job), str(self._queue))
                    candidates.append(Candidate(job, one, text, self._read(text)))
                except (ValueError, InvalidRequest) as refusal:
                    left.append(Left(job.id, Why.UNMAPPED, str(refusal)))
        return candidates, left

    async def _move(self, source: Source, candidates: Sequence[Candidate], write: Write) -> int:
        """Claim and store a page's jobs; how many."""
        if not candidates:
            return 0
        taken = set(await moving.claim(self._redis, self._queue, source, candidates))
        held = [
            _Held(each.job.id, moving.kept(each, source), each.message)
            for each in candidates
            if each.job.id in taken
        ]
        return await self._store(held, write)

    async def _store(self, held: Sequence[_Held], write: Write) -> int:
        """Write claimed jobs' messages and remove the jobs; how many. A message that the store
        refuses goes back to BullMQ.
        """
        if not held:
            return 0
        insertions = await write([each.message for each in held])
        stored, refused = [], []
        for each, insertion in zip(held, insertions, strict=True):
            if insertion.conflict:
                about = f"its idempotency key is that of job {insertion.id}, whose content differs"
                refused.append((each.id, each.claimed, about))
            else:
                stored.append((each.id, each.claimed.source))
        await moving.finish(self._redis, self._queue, stored)
        await self._give_back(refused)
        return len(stored)

    async def _give_back(self, refused: Sequence[tuple[str, Claimed, str]]) -> None:
        """Put jobs back into BullMQ's sets, and remember why."""
        self._refused |= {job: about for job, _, about in refused}
        if refused:
            places = [(job, claimed.source, claimed.score) for job, claimed, _ in refused]
            await moving.give_back(self._redis, self._queue, places)
