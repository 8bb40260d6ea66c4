"""Schedules any number of messages in requests of bounded size. Used by the clients'
`schedule_each` and `schedule_many`, and so by campaigns.

Messages are written as NDJSON, 1,000 or 4 MiB a request at most, each under an idempotency
key, so that a request whose answer was lost is sent again without doubling. Results come in
the order of the messages. A message that is wrong is a result like any other. Once the
service is found away, or the key bad, nothing more is sent: the rest get the same error,
and the same messages scheduled again add what is missing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from queue_services_client import wire
from queue_services_client.call import Call
from queue_services_client.calls import failed, with_key
from queue_services_client.either import Awaiting, Blocking
from queue_services_client.errors import Conflict, QueueServiceError, Unavailable, ValidationFailed
from queue_services_client.types import BulkProgress, Message, ScheduledMany, ScheduleResult

MESSAGES_A_REQUEST = 1_000
BYTES_A_REQUEST = 4 * 2**20
REQUESTS_IN_FLIGHT = 4

Entry: TypeAlias = Message | ScheduleResult
"""A message to schedule, or the result of one that needs no sending, which is passed on in
its place.
"""
OnProgress: TypeAlias = Callable[[BulkProgress], None]


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a chunk; `stop` is the error after which sending more is no use."""

    results: list[ScheduleResult]
    stop: QueueServiceError | None = None


@dataclass(slots=True)
class Chunk:
    """Some messages in order: the lines to send with their keys, and at which places
    results are known already.
    """

    lines: list[bytes] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    known: dict[int, ScheduleResult] = field(default_factory=dict)
    size: int = 0

    def __len__(self) -> int:
        return len(self.lines) + len(self.known)

    def call(self) -> Call[Answered]:
        return Call(
            "POST",
            "/api/schedule-batch",
            self._read,
            lambda: b"\n".join(self.lines),
            content_type=wire.NDJSON,
            repeatable=True,
            instead=self.refused,
        )

    def unsent(self, stop: QueueServiceError | None) -> Answered:
        """The results where there is nothing to send, or no use in sending any more."""
        return self.refused(stop) if stop else Answered(self._in_place([]))

    def refused(self, error: QueueServiceError) -> Answered:
        """The results when none of the lines was accepted, for `error`."""
        stop = None if isinstance(error, ValidationFailed | Conflict) else error
        return Answered(self._in_place([failed(error, key) for key in self.keys]), stop)

    def _read(self, content: bytes) -> Answered:
        by_index = {
            result.index: result for result in wire.decode(wire.BatchAnswer, content).results
        }
        return Answered(
            self._in_place(
                [_result(by_index.get(index), key) for index, key in enumerate(self.keys)]
            )
        )

    def _in_place(self, sent: list[ScheduleResult]) -> list[ScheduleResult]:
        results = iter(sent)
        return [self.known.get(place) or next(results) for place in range(len(self))]


class Chunker:
    """Gathers entries into chunks; `add` returns one as soon as the next entry would not fit."""

    def __init__(self) -> None:
        self._chunk = Chunk()

    def add(self, entry: Entry) -> Chunk | None:
        known, line, key = entry if isinstance(entry, ScheduleResult) else None, b"", None
        if not isinstance(entry, ScheduleResult):
            message = with_key(entry)
            key = message.idempotency_key
            try:
                line = wire.batch_line(message)
            except ValidationFailed as error:
                known = failed(error, key)
        full = (
            self.rest()
            if len(self._chunk) >= MESSAGES_A_REQUEST
            or self._chunk.size + len(line) >= BYTES_A_REQUEST
            else None
        )
        if known:
            self._chunk.known[len(self._chunk)] = known
        else:
            self._chunk.lines.append(line)
            self._chunk.keys.append(key)
            self._chunk.size += len(line) + 1
        return full

    def rest(self) -> Chunk | None:
        chunk, self._chunk = self._chunk, Chunk()
        return chunk if len(chunk) else None


def each_blocking(
    caller: Blocking, entries: Iterable[Entry], on_progress: OnProgress | None
) -> Iterator[ScheduleResult]:
    """Schedule `entries`, a request at a time, and yield their results."""
    progress, stop = BulkProgress(), None
    for chunk in _chunks(entries):
        answered = (
            caller.run(caller.ask(chunk.call())) if chunk.lines and not stop else chunk.unsent(stop)
        )
        stop = stop or answered.stop
        progress = _report(progress, answered, on_progress)
        yield from answered.results


async def each_awaiting(
    caller: Awaiting,
    entries: Iterable[Entry] | AsyncIterable[Entry],
    on_progress: OnProgress | None,
) -> AsyncIterator[ScheduleResult]:
    """Schedule `entries`, a few requests at a time, and yield their results in order."""
    progress, stop = BulkProgress(), None
    waiting: deque[asyncio.Future[Answered]] = deque()
    try:
        async for chunk in _chunks_awaiting(entries):
            if len(waiting) == REQUESTS_IN_FLIGHT:
                answered = await waiting.popleft()
                stop = stop or answered.stop
                progress = _report(progress, answered, on_progress)
                for result in answered.results:
                    yield result
            waiting.append(asyncio.ensure_future(_answered(caller, chunk, stop)))
        while waiting:
            answered = await waiting.popleft()
            progress = _report(progress, answered, on_progress)
            for result in answered.results:
                yield result
    finally:
        for request in waiting:
            request.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def gather(results: Iterable[ScheduleResult]) -> ScheduledMany:
    """The results as one, with how many were accepted, replayed and rejected."""
    kept = list(results)
    accepted, replayed = (
        sum(result.success for result in kept),
        sum(result.replayed for result in kept),
    )
    return ScheduledMany(
        accepted=accepted, replayed=replayed, rejected=len(kept) - accepted, results=kept
    )


async def _answered(caller: Awaiting, chunk: Chunk, stop: QueueServiceError | None) -> Answered:
    return (
        await caller.run(caller.ask(chunk.call()))
        if chunk.lines and not stop
        else chunk.unsent(stop)
    )


def _chunks(entries: Iterable[Entry]) -> Iterator[Chunk]:
    chunker = Chunker()
    for entry in entries:
        if chunk := chunker.add(entry):
            yield chunk
    if rest := chunker.rest():
        yield rest


async def _chunks_awaiting(entries: Iterable[Entry] | AsyncIterable[Entry]) -> AsyncIterator[Chunk]:
    if isinstance(entries, Iterable):
        for chunk in _chunks(entries):
            yield chunk
        return
    chunker = Chunker()
    async for entry in entries:
        if full := chunker.add(entry):
            yield full
    if rest := chunker.rest():
        yield rest


def _result(line: wire.BatchResult | None, key: str | None) -> ScheduleResult:
    if line is None:
        return failed(
            Unavailable(
                "The answer to the batch has no result for this message; schedule it again."
            ),
            key,
        )
    if line.job_id is not None:
        return ScheduleResult(
            success=True, job_id=line.job_id, replayed=line.replayed, idempotency_key=key
        )
    error = "; ".join(f"{fault.field}: {fault.message}" for fault in line.errors)
    return ScheduleResult(
        success=False,
        error=error or "The service rejected the message.",
        faults=line.errors,
        idempotency_key=key,
    )


def _report(
    progress: BulkProgress, answered: Answered, on_progress: OnProgress | None
) -> BulkProgress:
    counts = gather(answered.results)
    progress = BulkProgress(
        accepted=progress.accepted + counts.accepted,
        replayed=progress.replayed + counts.replayed,
        rejected=progress.rejected + counts.rejected,
    )
    if on_progress is not None:
        on_progress(progress)
    return progress
