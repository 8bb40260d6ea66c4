"""Scheduling: messages become rows, each with its idempotency checked, and their lanes learn
when they are next due.

Called by the API, the dashboard and the CLI. What several requests hand in at once becomes
one transaction, durable before any of them is answered: one writing task a process takes
all that wait, writes, and answers each; while it commits, the next group gathers. Lock
order: campaigns, then lanes by id.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

import msgspec

from queue_services.clock import Clock
from queue_services.domain.message import FOREVER, SECOND, Instant, Message, Priority
from queue_services.errors import StoreUnavailable
from queue_services.queue.lane_settings import ensure_lanes
from queue_services.queue.records import Insertion
from queue_services.queue.tallies import Tally
from queue_services.queue.transactions import writes
from queue_services.storage.port import Database, Tx

GROUP = 1_000
"""Messages a transaction, unless one request asks for all or none of more."""
AHEAD = 2
"""How many transactions a large batch may have waiting: enough that writing never pauses,
few enough that single messages do not wait behind it.
"""
SOON = 2 * SECOND
"""Dispatchers poll each second, so only what is due before that needs to wake them."""


Key = tuple[str, str]


class KeyConflicts(Exception):
    """Of an all-or-none intake, the messages at `indexes` have an idempotency key that was
    first used for something else.
    """

    def __init__(self, indexes: list[int]) -> None:
        self.indexes = indexes
        super().__init__(indexes)


class _Request(msgspec.Struct, eq=False):
    messages: Sequence[Message]
    answer: asyncio.Future[list[Insertion]]


class Failure(msgspec.Struct, frozen=True):
    """A write that the store did not take, and when."""

    error: StoreUnavailable
    at: Instant


class Intake:
    """The way in. `writer` names the process in the tallies; `run` must be running for
    anything to be written. `failure` is that of its newest write, None where that succeeded.
    """

    def __init__(self, database: Database, clock: Clock, writer: str) -> None:
        self._database, self._clock, self._writer = database, clock, writer
        self._waiting: deque[_Request] = deque()
        self._arrived = asyncio.Event()
        self.failure: Failure | None = None

    async def schedule(self, messages: Sequence[Message]) -> list[Insertion]:
        """Accept messages, 1,000 at most a transaction; what became of each, in order. Raises
        StoreUnavailable: then it is not known what was accepted.
        """
        if len(messages) <= GROUP:
            return await self._ask(messages) if messages else []
        insertions: list[Insertion] = []
        asked: deque[asyncio.Future[list[Insertion]]] = deque()
        for start in range(0, len(messages), GROUP):
            if len(asked) == AHEAD:
                insertions += await asked.popleft()
            asked.append(self._ask(messages[start : start + GROUP]))
        for answers in await asyncio.gather(*asked):
            insertions += answers
        return insertions

    async def schedule_all(self, messages: Sequence[Message]) -> list[Insertion]:
        """Accept all of the messages in one transaction, or none: raises KeyConflicts where a
        key was first used for something else.
        """
        try:
            insertions = await insert_all.run(
                self._database, messages, self._clock.now(), self._writer
            )
        except StoreUnavailable as error:
            self.failure = Failure(error, self._clock.now())
            raise
        self.failure = None
        self._wake(messages, self._clock.now())
        return insertions

    async def run(self) -> None:
        """Write what waits until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._write(self._take())

    def _ask(self, messages: Sequence[Message]) -> asyncio.Future[list[Insertion]]:
        request = _Request(messages, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._arrived.set()
        return request.answer

    def _take(self) -> list[_Request]:
        group = [self._waiting.popleft()]
        size = len(group[0].messages)
        while self._waiting and size + len(self._waiting[0].messages) <= GROUP:
            group.append(self._waiting.popleft())
            size += len(group[-1].messages)
        return group

    async def _write(self, group: list[_Request]) -> None:
        messages = [message for request in group for message in request.messages]
        try:
            insertions = await insert.run(self._database, messages, self._clock.now(), self._writer)
        except asyncio.CancelledError:
            for request in group:
                request.answer.cancel()
            raise
        except StoreUnavailable as error:
            self.failure = Failure(error, self._clock.now())
            # whoever waits behind would wait as long for the same answer
            _refuse([*group, *self._waiting], error)
            self._waiting.clear()
            return
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer gets it; the next group is written all the same
            _refuse(group, error)
            return
        self.failure = None
        self._wake(messages, self._clock.now())
        start = 0
        for request in group:
            end = start + len(request.messages)
            if not request.answer.done():
                request.answer.set_result(insertions[start:end])
            start = end

    def _wake(self, messages: Sequence[Message], now: Instant) -> None:
        if min(message.due_at for message in messages) < now + SOON:
            self._database.wake()


def _refuse(requests: Iterable[_Request], error: Exception) -> None:
    for request in requests:
        if not request.answer.done():
            request.answer.set_exception(error)


@writes
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


@writes
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
    firsts: dict[Key, tuple[str, str, Instant]] = {}
    while missing := sorted(wanted.keys() - firsts.keys()):
        # one that was used before, and is not found then, has been pruned in between
        rows = await tx.each(
            "insert_idempotency",
            [(*key, wanted[key].fingerprint or "", wanted[key].id) for key in missing],
        )
        for workspace, key in rows:
            message = wanted[workspace, key]
            firsts[workspace, key] = (message.fingerprint or "", message.id, message.due_at)
        used = [key for key in missing if key not in firsts]
        for workspace, key, fingerprint, first, due_at in await tx.each("find_idempotency", used):
            firsts[workspace, key] = (fingerprint, first, due_at)
    return firsts


def _judge(message: Message, firsts: dict[Key, tuple[str, str, Instant]]) -> Insertion:
    if message.idempotency_key is None:
        return Insertion(message.id, message.due_at)
    fingerprint, first, due_at = firsts[message.workspace, message.idempotency_key]
    if first == message.id:
        return Insertion(message.id, message.due_at)
    # without its body there is nothing left to compare with
    if fingerprint not in ("", message.fingerprint):
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
    indexed = [(path, value, m.id) for m in messages for path, value in m.indexed]
    if indexed:
        await tx.each("insert_metadata", indexed)
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
