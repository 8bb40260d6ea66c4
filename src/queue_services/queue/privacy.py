"""Privacy: a contact's messages lose their content, and delivered ones their bodies after a
while; in bites, each its own transaction.

Erasing is asked for by the API and the CLI, dropping is a chore of `dispatcher.maintenance`.
The jobs stay, with their states and times: counts and limits must not change because
somebody is forgotten.
"""

from __future__ import annotations

import msgspec

from queue_services.clock import Clock
from queue_services.domain.message import ERASED, Instant, Reason, Status
from queue_services.queue import audit, operations, results
from queue_services.queue.retention import BITE
from queue_services.queue.transactions import writes
from queue_services.storage.port import Database, Tx

BODIES = "bodies"


class Erased(msgspec.Struct, frozen=True):
    """What was done: `jobs` lost their content, `cancelled` of them had waited,
    `in_flight` may be on their way at this moment.
    """

    jobs: int
    cancelled: int
    in_flight: int


@writes
async def erase(tx: Tx, workspace: str, contact: str, now: Instant, writer: str) -> Erased:
    """Take recipient, content, metadata and errors from a bite of a contact's messages;
    what waits is cancelled, what is in flight not sent again.
    """
    found = await tx.fetch("find_of_contact", contact, workspace, BITE)
    ids = [(row[0],) for row in found]
    cancelled = await results.cancel_unclaimed(
        tx, [message for (message,) in ids], Reason.CANCELLED, now, writer
    )
    in_flight = await tx.each("expire_claimed", ids, now)
    await tx.each("forget_keys", ids)
    await tx.each("erase_messages", ids, ERASED)
    await tx.each("erase_results", ids)
    await tx.each("erase_attempts", ids)
    await tx.each("erase_failures", ids)
    await tx.each("prune_answers", ids)
    await tx.each("prune_metadata", ids)
    if found:
        await operations.forget(tx, workspace, contact, {row[1] for row in found}, now)
    return Erased(len(ids), len(cancelled), len(in_flight))


async def erase_contact(
    database: Database, clock: Clock, writer: str, workspace: str, contact: str
) -> Erased:
    """Take a contact's recipient, content, metadata and errors from every job that exists;
    jobs, states and counts stay. `writer` names the process in the tallies.
    """
    jobs = cancelled = in_flight = 0
    while True:
        bite = await erase.run(database, workspace, contact, clock.now(), writer)
        if not bite.jobs:
            await audit.forget.run(database, workspace, contact)
            return Erased(jobs, cancelled, in_flight)
        jobs += bite.jobs
        cancelled += bite.cancelled
        in_flight += bite.in_flight


@writes
async def drop_bodies(tx: Tx, finished_before: Instant, most: int = BITE) -> int:
    """Take text, subject, HTML and media from a bite (`most`) of what was delivered before
    an instant; how many it looked at. Recipient and metadata stay.
    """
    await tx.fetch("start_progress", BODIES)
    [[at, last]] = await tx.fetch("progress_of", BODIES)
    rows = await tx.fetch("find_delivered", at, last, finished_before, most)
    if rows:
        delivered = [(identity,) for identity, _, status in rows if status == Status.DELIVERED]
        await tx.each("clear_fingerprints", delivered)
        await tx.each("drop_bodies", delivered)
        await tx.fetch("save_progress", BODIES, rows[-1][1], rows[-1][0])
    return len(rows)
