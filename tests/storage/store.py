"""The store as a test speaks to it: one verb a flow, `now` with every one, and the rows
themselves where no flow shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import SECOND, Channel, Instant, Message, Status
from queue_services.domain.outcome import Kind
from queue_services.queue import campaigns, claims, folding, intake, jobs, retention, settling
from queue_services.queue.claims import Claim
from queue_services.queue.records import Attempt, Campaign, Insertion, Job, JobFilter
from queue_services.queue.settling import Settled, Settlement
from queue_services.storage.port import Database, Row, Tx
from queue_services.storage.sqlite import SqliteTx
from tests.support.builders import DISPATCHER, LEASE, NOW, WRITER, request, settlement, terms


async def select(tx: Tx, sql: str) -> list[Row]:
    """Rows by SQL that both backends read."""
    connection: Any = tx._connection  # type: ignore[attr-defined]  # both backends keep it there
    if isinstance(tx, SqliteTx):
        return list(connection.execute(sql).fetchall())
    return [tuple(row) for row in await connection.fetch(sql)]


async def change(tx: Tx, sql: str) -> None:
    """One statement that writes: what an operator's call will do once there is one."""
    connection: Any = tx._connection  # type: ignore[attr-defined]
    result = connection.execute(sql)
    if not isinstance(tx, SqliteTx):
        await result


class Store:
    """A database and the flows on it. `writer` and `dispatcher` name the process this one
    stands for.
    """

    def __init__(self, database: Database, *, reopen: Callable[[], Database]) -> None:
        self.database = database
        self._reopen = reopen
        self._others: list[Database] = []

    @property
    def backend(self) -> str:
        return self.database.backend

    def beside(self) -> Store:
        """The same store, opened a second time as another process would."""
        self._others.append(self._reopen())
        return Store(self._others[-1], reopen=self._reopen)

    async def close(self) -> None:
        """Close what was opened beside it."""
        for database in self._others:
            await database.close()

    async def select(self, sql: str) -> list[Row]:
        return await self.database.read(select, sql)

    async def change(self, sql: str) -> None:
        await self.database.write(change, sql)

    async def insert(
        self, *messages: Message, now: Instant = NOW, writer: str = WRITER
    ) -> list[Insertion]:
        return await self.database.write(intake.insert, messages, now, writer)

    async def insert_all(self, *messages: Message, now: Instant = NOW) -> list[Insertion]:
        return await self.database.write(intake.insert_all, messages, now, WRITER)

    async def claim(
        self, now: Instant = NOW, channel: Channel = Channel.SMS, **changes: Any
    ) -> list[ClaimedMessage]:
        return (await self.pass_(now, channel, **changes)).messages

    async def pass_(
        self, now: Instant = NOW, channel: Channel = Channel.SMS, **changes: Any
    ) -> Claim:
        return await self.database.write(claims.claim, request(channel, **changes), now)

    async def settle(
        self, *outcomes: Settlement, now: Instant = NOW, dispatcher: int = DISPATCHER, **policy: Any
    ) -> Settled:
        return await self.database.write(
            settling.settle, outcomes, [], terms(dispatcher, **policy), now
        )

    async def settle_as(
        self, kind: Kind, *claimed: ClaimedMessage, now: Instant = NOW, **members: Any
    ) -> Settled:
        """Settle messages that all came back alike, started at their slots."""
        return await self.settle(
            *(settlement(message, kind, **members) for message in claimed), now=now
        )

    async def release(
        self, *claimed: ClaimedMessage, now: Instant = NOW, dispatcher: int = DISPATCHER
    ) -> int:
        """Give claimed messages back, unsent; how many were still the dispatcher's."""
        return (
            await self.database.write(settling.settle, [], [], terms(dispatcher), now, claimed)
        ).released

    async def renew(
        self, *claimed: ClaimedMessage, now: Instant = NOW, dispatcher: int = DISPATCHER
    ) -> set[str]:
        kept = await self.database.write(
            claims.renew,
            [(message.id, message.claim) for message in claimed],
            dispatcher,
            now + LEASE,
        )
        return {message for message, _ in kept}

    async def job(self, job: Message | str, now: Instant = NOW) -> Job:
        [found] = await self.database.read(jobs.find, [id_of(job)], now)
        return found

    async def statuses(
        self, messages: Sequence[Message | ClaimedMessage], now: Instant = NOW
    ) -> list[Status]:
        found = await self.database.read(jobs.find, [message.id for message in messages], now)
        return [job.status for job in found]

    async def attempts(self, message: Message) -> list[Attempt]:
        return await self.database.read(jobs.attempts, message.id)

    async def search(self, now: Instant = NOW, **wanted: Any) -> list[Job]:
        return await self.database.read(jobs.search, JobFilter(**wanted), now)

    async def cancel(
        self, job: Message | str, now: Instant = NOW, workspace: str | None = None
    ) -> Job:
        return await self.database.write(jobs.cancel, id_of(job), now, WRITER, workspace=workspace)

    async def requeue(
        self, job: Message | str, now: Instant = NOW, workspace: str | None = None
    ) -> Job:
        return await self.database.write(jobs.requeue, id_of(job), now, WRITER, workspace=workspace)

    async def reschedule(
        self, job: Message | str, due_at: Instant, now: Instant = NOW, workspace: str | None = None
    ) -> Job:
        return await self.database.write(
            jobs.reschedule, id_of(job), due_at, now, workspace=workspace
        )

    async def promote(
        self, job: Message | str, now: Instant = NOW, workspace: str | None = None
    ) -> Job:
        return await self.database.write(jobs.promote, id_of(job), now, workspace=workspace)

    async def campaign(
        self, name: str = "spring", now: Instant = NOW, workspace: str = "acme"
    ) -> Campaign:
        return await self.database.read(campaigns.summary, workspace, name, now)

    async def cancel_campaign(
        self, name: str = "spring", now: Instant = NOW, workspace: str = "acme"
    ) -> int:
        return await self.database.write(campaigns.cancel, workspace, name, now)

    async def pause_campaign(
        self, name: str = "spring", now: Instant = NOW, workspace: str = "acme"
    ) -> int:
        return await self.database.write(campaigns.pause, workspace, name, now)

    async def resume_campaign(
        self, name: str = "spring", now: Instant = NOW, workspace: str = "acme"
    ) -> int:
        return await self.database.write(campaigns.resume, workspace, name, now)

    async def shift_campaign(
        self, delta: int, name: str = "spring", now: Instant = NOW, workspace: str = "acme"
    ) -> int:
        return await self.database.write(campaigns.shift, workspace, name, delta, now)

    async def advance(self, now: Instant = NOW) -> int:
        """Bring one bite of every busy campaign after its row, as maintenance does in turn; how
        many rows.
        """
        after, rows = 0, 0
        while (
            advanced := await self.database.write(campaigns.advance, after, now, WRITER)
        ) is not None:
            after, moved = advanced
            rows += moved
        return rows

    async def expire(self, now: Instant = NOW, most: int = retention.BITE) -> int:
        return await self.database.write(retention.expire, now, WRITER, most)

    async def fold(self, now: Instant = NOW) -> int:
        return await self.database.write(folding.fold, now)

    async def prune(self, finished_before: Instant = NOW, most: int = retention.FIRST_BITE) -> int:
        return await self.database.write(retention.prune, finished_before, most)

    async def deliver_all(
        self, now: Instant = NOW, channel: Channel = Channel.SMS
    ) -> list[ClaimedMessage]:
        """Claim and settle as delivered what is due, until nothing is."""
        delivered: list[ClaimedMessage] = []
        while claimed := await self.claim(now, channel):
            await self.settle_as(Kind.DELIVERED, *claimed, now=now)
            delivered += claimed
        return delivered


def id_of(job: Message | str) -> str:
    return job.id if isinstance(job, Message) else job


def later(seconds: float) -> Instant:
    """So many seconds after NOW."""
    return NOW + round(seconds * SECOND)
