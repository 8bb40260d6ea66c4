"""Campaigns: what a campaign's messages are doing, and ending, holding or moving all of
them at once.

Called by the API and the dashboard. An action writes the campaign's row and answers,
whatever the number of messages: claims and single jobs see it at once, `advance` (run by
maintenance, in bites) brings the pending rows after it. `epoch` counts the cancels and
shifts; a message keeps the epoch it was scheduled in, so that each of them touches only the
messages that existed then. Raises NotFound and Conflict.
"""

from __future__ import annotations

from typing import NamedTuple

from queue_services.domain.message import FOREVER, Channel, Instant, Priority, Reason, Status
from queue_services.domain.timed import NOTHING_SAID, TimedChange
from queue_services.errors import Conflict, NotFound
from queue_services.queue import results, timed_settings
from queue_services.queue.intake import lower_lanes
from queue_services.queue.records import Campaign
from queue_services.queue.timed_settings import TimedKind
from queue_services.queue.transactions import reads, wakes, writes
from queue_services.storage.port import Row, Tx

BITE = 1_000


class _Row(NamedTuple):
    id: int
    state: str
    epoch: int
    cancel_epoch: int
    shift: int


@reads
async def summary(tx: Tx, workspace: str, name: str, now: Instant) -> Campaign:
    """The campaign's state and counts, from tallies, and the first and last due times of
    its messages.
    """
    row = await _find(tx, "find_campaign", workspace, name)
    counts = await _counts(tx, row, now)
    spans = await tx.fetch("campaign_result_span", row.id)
    for epoch, *span in await tx.fetch("campaign_pending_spans", row.id):
        moves = row.state == "shifting" and epoch < row.epoch
        spans.append(
            [
                shifted(instant, row.shift, now) if moves and instant is not None else instant
                for instant in span
            ]
        )
    known = [instant for span in spans for instant in span if instant is not None]
    state = "active" if row.state == "cancelled" and counts[Status.SCHEDULED] else row.state
    channels = tuple(Channel(channel) for (channel,) in await tx.fetch("campaign_channels", row.id))
    return Campaign(
        workspace,
        name,
        state,
        counts,
        min(known, default=None),
        max(known, default=None),
        channels=channels,
    )


@writes
async def cancel(tx: Tx, workspace: str, name: str, now: Instant) -> int:
    """End every message that exists now and is not claimed; how many. Those scheduled later
    run, so a pause ends too.
    """
    row, scheduled = await _scheduled(tx, workspace, name, now)
    statement = "cancel_campaign" if await _waits(tx, row) else "cancel_empty_campaign"
    await tx.fetch(statement, row.id, now)
    await timed_settings.drop(tx, TimedKind.CAMPAIGN_PAUSE, workspace, name)
    return scheduled


@writes
async def pause(
    tx: Tx, workspace: str, name: str, now: Instant, timed: TimedChange = NOTHING_SAID
) -> int:
    """Hold every message that is not claimed, and those scheduled later, until `resume` or the
    end that `timed` says; how many there are now. Raises InvalidRequest for an end that has
    passed.
    """
    timed_settings.check_until("until", timed, now, in_force=True)
    row, scheduled = await _scheduled(tx, workspace, name, now)
    await tx.fetch("pause_campaign", row.id)
    await timed_settings.follow(
        tx, TimedKind.CAMPAIGN_PAUSE, workspace, name, timed, value_changed=True
    )
    return scheduled


@wakes
async def resume(tx: Tx, workspace: str, name: str, now: Instant) -> int:
    """Let the messages of a paused campaign go; how many wait."""
    row, scheduled = await _scheduled(tx, workspace, name, now)
    await tx.fetch("resume_campaign", row.id)
    await timed_settings.drop(tx, TimedKind.CAMPAIGN_PAUSE, workspace, name)
    return scheduled


@writes
async def shift(tx: Tx, workspace: str, name: str, delta: int, now: Instant) -> int:
    """Move the due times of the messages that are not claimed by `delta` microseconds
    (never before now); how many.

    Raises Conflict while an earlier shift is still moving its messages.
    """
    row, scheduled = await _scheduled(tx, workspace, name, now)
    if row.state == "shifting":
        raise Conflict(
            "An earlier shift of this campaign is still under way; try again in a moment.",
            state="shifting",
        )
    if await _waits(tx, row):
        await tx.fetch("shift_campaign", row.id, delta)
    return scheduled


@writes
async def advance(tx: Tx, after: int, now: Instant, writer: str) -> tuple[int, int] | None:
    """Bring one bite of a busy campaign's pending rows after its row; its id and how many
    rows, or None when none after id `after` is busy.

    Holds the campaign's row, so that no claim touches its messages meanwhile.
    """
    rows = await tx.fetch("lock_busy_campaign", after)
    if not rows:
        return None
    identity, state, epoch, cancel_epoch, delta, resume_to, cancelled_at = rows[0]
    doomed = [row[0] for row in await tx.fetch("find_doomed", identity, cancel_epoch, now, BITE)]
    await results.cancel_unclaimed(
        tx, doomed, Reason.CANCELLED, now, writer, finished_at=cancelled_at
    )
    moved: list[Row] = []
    if state == "shifting" and not doomed:
        moved = await tx.fetch("shift_pending", identity, epoch, delta, now, BITE)
        state = state if moved else resume_to
    if state in ("active", "cancelled") and not (doomed or moved):
        moved = await tx.fetch("unpark_pending", identity, BITE)
    await _lower(tx, moved)
    done = len(doomed) + len(moved)
    await tx.fetch("save_campaign", identity, state, int(done > 0 or state == "shifting"))
    return identity, done


def shifted(instant: Instant, delta: int, now: Instant) -> Instant:
    """Where a shift puts a due time: never before now, unless it was."""
    return max(instant + delta, min(instant, now))


async def _lower(tx: Tx, moved: list[Row]) -> None:
    earliest: dict[int, list[Instant]] = {}
    for lane, priority, visible_at in moved:
        due = earliest.setdefault(lane, [FOREVER, FOREVER])
        due[0] = min(due[0], visible_at)
        if priority == Priority.HIGH:
            due[1] = min(due[1], visible_at)
    await lower_lanes(tx, earliest)


async def _find(tx: Tx, statement: str, workspace: str, name: str) -> _Row:
    rows = await tx.fetch(statement, workspace, name)
    if not rows:
        raise NotFound("campaign", name)
    return _Row(*rows[0])


async def _scheduled(tx: Tx, workspace: str, name: str, now: Instant) -> tuple[_Row, int]:
    row = await _find(tx, "lock_campaign", workspace, name)
    return row, (await _counts(tx, row, now))[Status.SCHEDULED]


async def _waits(tx: Tx, row: _Row) -> bool:
    """Whether any message is waiting or in flight: without one a new epoch would have no effect."""
    return bool(await tx.fetch("any_pending_of_campaign", row.id))


async def _counts(tx: Tx, row: _Row, now: Instant) -> dict[Status, int]:
    """Messages by status: finals from tallies, claimed from the partial index, scheduled as
    the rest.
    """
    [counted] = await tx.fetch("campaign_counts", row.id)
    accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, *pruned = counted
    [[claimed]] = await tx.fetch("count_claimed_of_campaign", row.id, now)
    [[doomed]] = (
        await tx.fetch("count_doomed", row.id, row.cancel_epoch, now) if row.cancel_epoch else [[0]]
    )
    waiting = accepted + revived_dead + revived_cancelled - delivered - dead - cancelled
    return {
        Status.SCHEDULED: waiting - claimed - doomed,
        Status.CLAIMED: claimed,
        Status.DELIVERED: delivered - pruned[0],
        Status.DEAD: dead - revived_dead - pruned[1],
        Status.CANCELLED: cancelled - revived_cancelled - pruned[2] + doomed,
    }
