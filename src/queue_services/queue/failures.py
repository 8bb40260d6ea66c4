"""Failures as an operator looks for them: FAILED jobs by the fault they failed of, and the
application's answer to a job's last attempt.

Kept by settling, in the transaction of the outcome; a job that is retried leaves its group.
Answers to delivered messages are not kept: they say nothing and would cost every message.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from queue_services.domain.error_groups import fault_of, group_of
from queue_services.domain.message import Channel, Instant
from queue_services.domain.outcome import AnswerBody
from queue_services.queue.transactions import reads
from queue_services.storage.port import Tx

MOST_GROUPS = 10_000
"""Faults that a list is made from; an application has a few dozen."""


class Failure(msgspec.Struct, frozen=True, gc=False):
    """A job that has just become FAILED."""

    id: str
    workspace: str
    channel: Channel
    campaign: int | None
    status_code: int | None
    error: str | None


class KeptAnswer(msgspec.Struct, frozen=True):
    """The beginning of an answer, at most 16 KiB; `cut` where it was longer."""

    number: int
    body: str
    cut: bool


class ErrorGroup(msgspec.Struct, frozen=True):
    """Failures of one fault: how many, when the last was, and the id of one of them."""

    id: str
    status_code: int | None
    fault: str
    count: int
    last_at: Instant
    example: str


class ErrorFilter(msgspec.Struct, frozen=True):
    """Which failures: None leaves a member open; `begin` inclusive, `end` exclusive."""

    workspace: str | None = None
    channel: Channel | None = None
    campaign: str | None = None
    begin: Instant | None = None
    end: Instant | None = None


async def keep(tx: Tx, failures: Iterable[Failure], now: Instant) -> None:
    """Put failures into the groups of their faults."""
    rows = []
    for one in failures:
        fault = fault_of(one.error)
        group = group_of(one.status_code, fault)
        rows.append(
            (
                one.id,
                group,
                one.status_code,
                fault,
                one.workspace,
                str(one.channel),
                one.campaign,
                now,
            )
        )
    if rows:
        await tx.each("keep_failures", rows)


async def keep_answers(tx: Tx, answers: Iterable[tuple[str, int, AnswerBody]]) -> None:
    """Keep the answers to the attempts of messages: id, attempt number and body."""
    rows = [(job, number, body.text, int(body.cut)) for job, number, body in answers]
    if rows:
        await tx.each("keep_answers", rows)


async def answer_of(tx: Tx, job: str) -> KeptAnswer | None:
    """The answer that is kept of a job, to its last attempt that was not delivered."""
    for number, body, cut in await tx.fetch("answer_of", job):
        return KeptAnswer(number, body, bool(cut))
    return None


async def leave(tx: Tx, job: str) -> None:
    """A job is no longer FAILED."""
    await tx.fetch("delete_failure", job)


@reads
async def groups(
    tx: Tx, wanted: ErrorFilter, most: int, after: tuple[int, str] | None = None
) -> list[ErrorGroup]:
    """The faults of FAILED jobs, most frequent first, from after the count and id of the last
    one seen.
    """
    filters = {
        name: str(value) if isinstance(value, Channel) else value
        for name in ("workspace", "channel", "campaign", "begin", "end")
        if (value := getattr(wanted, name)) is not None
    }
    rows = await tx.search("failure_groups", filters, MOST_GROUPS)
    found = [ErrorGroup(*row) for row in rows]
    if after is not None:
        count, group = after
        found = [one for one in found if (-one.count, one.id) > (-count, group)]
    return found[:most]
