"""The intake flow: messages become rows, each with its idempotency checked, and their lanes
learn when they are next due.

Run by `queue.messages` for every group of waiting requests, in one transaction. Lock
order: campaigns, then lanes by id.
"""

from __future__ import annotations

from collections.abc import Sequence

from queue_services.domain.message import FOREVER, Instant, Message, Priority
from queue_services.queue.lane_settings import ensure_lanes
from queue_services.queue.records import Insertion
from queue_services.queue.tallies import Tally
from queue_services.storage.port import Tx

Key = tuple[str, str]


class KeyConflicts(Exception):
    """Of an all-or-none intake, the messages at `indexes` have an idempotency key that was
    first used for something else.
    """

    def __init__(self, indexes: list[int]) -> None:
        self.indexes = indexes
        super().__init__(indexes)


async def insert(tx: Tx, messages: Sequence[Message], now: Instant, writer: str) -> list[Insertion]:
    """Insert those of `messages` that are new, and say for each, in order, what became of
    it. `writer` names the process in the tallies.
    """
    firsts = await _claim_keys(tx, messages)
    insertions = [_judge(message, firsts) for message in messages]
    new = [
        message
        for message, insertion in zip(messages, insertions, strict=True)
        if not (insertion.replayed or insertion.conflict)
    ]
    if new:
        await _insert_new(tx, new, now, writer)
    return insertions


async def insert_all(
    tx: Tx, messages: Sequence[Message], now: Instant, writer: str
) -> list[Insertion]:
    """As `insert`, but all or none: raises KeyConflicts, and so inserts nothing, when any
    message's key is in conflict.
    """
    insertions = await insert(tx, messages, now, writer)
    if conflicts := [index for index, insertion in enumerate(insertions) if insertion.conflict]:
        raise KeyConflicts(conflicts)
    return insertions


async def _claim_keys(tx: Tx, messages: Sequence[Message]) -> dict[Key, tuple[str, str, Instant]]:
    """For each idempotency key, the fingerprint, id and due time of the message that used
    it first, now or before.
    """
    wanted: dict[Key, Message] = {}
    for message in messages:
        if message.idempotency_key is not None:
            wanted.setdefault((message.workspace, message.idempotency_key), message)
    if not wanted:
        return {}
    rows = await tx.each(
        "insert_idempotency",
        [(*key, message.fingerprint or "", message.id) for key, message in sorted(wanted.items())],
    )
    fresh = {(workspace, key) for workspace, key in rows}
    firsts = {
        key: (wanted[key].fingerprint or "", wanted[key].id, wanted[key].due_at) for key in fresh
    }
    for workspace, key, fingerprint, first, due_at in await tx.each(
        "find_idempotency", [key for key in wanted if key not in fresh]
    ):
        firsts[workspace, key] = (fingerprint, first, due_at)
    return firsts


def _judge(message: Message, firsts: dict[Key, tuple[str, str, Instant]]) -> Insertion:
    if message.idempotency_key is None:
        return Insertion(message.id, message.due_at)
    fingerprint, first, due_at = firsts[message.workspace, message.idempotency_key]
    if first == message.id:
        return Insertion(message.id, message.due_at)
    if fingerprint != message.fingerprint:
        return Insertion(first, due_at, conflict=True)
    return Insertion(first, due_at, replayed=True)


async def _insert_new(tx: Tx, messages: Sequence[Message], now: Instant, writer: str) -> None:
    campaigns = await _share_campaigns(
        tx, sorted({(m.workspace, m.campaign) for m in messages if m.campaign is not None})
    )
    lanes = await _lanes(tx, sorted({(m.workspace, m.channel.value) for m in messages}))
    wide, narrow = [], []
    tally = Tally()
    earliest: dict[int, list[Instant]] = {}
    for m in messages:
        campaign, epoch = (
            campaigns[m.workspace, m.campaign] if m.campaign is not None else (None, 0)
        )
        lane = lanes[m.workspace, m.channel]
        wide.append(
            (
                m.id,
                m.workspace,
                m.channel,
                m.contact,
                campaign,
                m.recipient,
                m.priority,
                m.created_at,
                m.expires_at,
                m.idempotency_key,
                m.payload,
                m.units,
            )
        )
        narrow.append((m.id, lane, m.priority, campaign, epoch, m.due_at, m.expires_at))
        tally.of(m.workspace, m.channel, campaign).accepted += 1
        due = earliest.setdefault(lane, [FOREVER, FOREVER])
        due[0] = min(due[0], m.due_at)
        if m.priority == Priority.HIGH:
            due[1] = min(due[1], m.due_at)
    await tx.each("insert_messages", wide)
    await tx.each("insert_pending", narrow)
    await tally.add(tx, writer, now)
    await lower_lanes(tx, earliest)


async def lower_lanes(tx: Tx, earliest: dict[int, list[Instant]]) -> None:
    """Lock lanes by id and let each be due, and due with a high message, no later than the
    two instants given for it.

    The last statement of every transaction that makes messages visible sooner: without the
    lock a claim that cannot see them yet could set the lane's due time past them, and they
    would wait for ever.
    """
    await tx.each("lock_lanes", [(lane,) for lane in sorted(earliest)])
    await tx.each("lower_lanes", [(lane, *earliest[lane]) for lane in sorted(earliest)])


async def _share_campaigns(tx: Tx, names: list[Key]) -> dict[Key, tuple[int, int]]:
    if not names:
        return {}
    found = {
        (workspace, name): (campaign, epoch)
        for campaign, workspace, name, epoch in await tx.each("share_campaigns", names)
    }
    if missing := [name for name in names if name not in found]:
        await tx.each("ensure_campaigns", missing)
        found |= {
            (workspace, name): (campaign, epoch)
            for campaign, workspace, name, epoch in await tx.each("share_campaigns", missing)
        }
    return found


async def _lanes(tx: Tx, names: list[Key]) -> dict[Key, int]:
    found = {
        (workspace, channel): lane for lane, workspace, channel in await tx.each("lane_ids", names)
    }
    if missing := [name for name in names if name not in found]:
        await ensure_lanes(tx, missing)
        found |= {
            (workspace, channel): lane
            for lane, workspace, channel in await tx.each("lane_ids", missing)
        }
    return found
