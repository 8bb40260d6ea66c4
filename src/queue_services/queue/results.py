"""How a message ends: its pending row goes, its result row comes, the tallies move; all in
the caller's transaction.

Used by settling, claims (expired, cancelled), maintenance and the job calls. A message that
is not there any more is passed over: whoever took its pending row has ended it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import astuple

from queue_services.domain.message import Channel, Instant, Reason, Status
from queue_services.queue import event_routes, events
from queue_services.queue.events import Event, EventType
from queue_services.queue.tallies import Tally
from queue_services.storage.port import Tx

_DELIVERED, _DEAD = Status.DELIVERED.value, Status.DEAD.value
_TOLD = {
    _DELIVERED: EventType.COMPLETED,
    _DEAD: EventType.FAILED,
    Status.CANCELLED.value: EventType.CANCELLED,
}


class Ending(msgspec.Struct, frozen=True, gc=False):
    """A message's last row, as it is stored; `campaign` is a row id.

    `outcome`, `started_at`, `duration` and `status_code` are of the attempt that ended it,
    None where it ended without one (`error` may still say why).
    """

    id: str
    workspace: str
    channel: str
    campaign: int | None
    status: str
    reason: str | None
    due_at: Instant
    tries: int
    attempts: int
    outcome: str | None = None
    started_at: Instant | None = None
    duration: int | None = None
    status_code: int | None = None
    error: str | None = None


async def insert(tx: Tx, endings: Sequence[Ending], now: Instant, tally: Tally) -> None:
    """Insert the results of messages whose pending rows the caller has deleted, and count
    them in `tally`.
    """
    if not endings:
        return
    numbers: Sequence[int] = [row[0] for row in await tx.fetch("next_changes", len(endings))]
    if len(numbers) < len(endings):  # SQLite tells the last number taken, PostgreSQL each
        numbers = range(numbers[0] - len(endings) + 1, numbers[0] + 1)
    for e in endings:
        counts = tally.of(e.workspace, e.channel, e.campaign)
        if e.status == _DELIVERED:
            counts.delivered += 1
        elif e.status == _DEAD:
            counts.dead += 1
        else:
            counts.cancelled += 1
    await tx.each(
        "insert_results", [(*astuple(e), seq) for e, seq in zip(endings, numbers, strict=True)], now
    )


async def tell(tx: Tx, endings: Sequence[Ending], now: Instant) -> None:
    """Tell the application that messages have ended."""
    subjects = {
        job: {"contact": contact, "campaign": campaign}
        for job, contact, campaign in await tx.each("event_subjects", [(e.id,) for e in endings])
    }
    told = [
        Event(
            _TOLD[e.status],
            e.workspace,
            Channel(e.channel),
            {"error": e.error, **subjects.get(e.id, {})},
            e.id,
        )
        for e in endings
    ]
    await events.emit(tx, told, now)


async def cancel_unclaimed(
    tx: Tx,
    ids: Iterable[str],
    reason: Reason,
    now: Instant,
    writer: str,
    *,
    finished_at: Instant | None = None,
) -> list[str]:
    """End those of `ids` that no dispatcher holds as CANCELLED for `reason`, as of
    `finished_at` where that is not now; the ids ended.
    """
    rows = await tx.each("end_unclaimed", [(message,) for message in ids], now)
    endings = [
        Ending(
            message,
            workspace,
            channel,
            campaign,
            Status.CANCELLED.value,
            reason.value,
            due_at,
            tries,
            attempts,
        )
        for message, workspace, channel, campaign, due_at, tries, attempts in rows
    ]
    tally = Tally()
    await insert(tx, endings, now if finished_at is None else finished_at, tally)
    await tally.add(tx, writer, now)
    if endings and (
        told_of := await event_routes.told_of(tx, (ending.workspace for ending in endings))
    ):
        await tell(tx, [ending for ending in endings if ending.workspace in told_of], now)
    return [ending.id for ending in endings]
