"""A random walk through everything the storage flows can be asked, with a memory of what
they answered and the rules that hold after every step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import SECOND, Channel, Priority, Status
from queue_services.domain.outcome import Kind
from queue_services.errors import Conflict, NotFound
from queue_services.queue import figures
from queue_services.queue.tallies import ALL
from tests.storage.store import Store
from tests.support.builders import LEASE, NOW, message, settlement

WORKSPACES = ("acme", "globex", "initech")
CAMPAIGNS = (None, "spring", "autumn")
OUTCOMES = [Kind.DELIVERED] * 8 + list(Kind)
DAY = 86_400 * SECOND
ENDED = (Status.DELIVERED, Status.DEAD)


class Walk:
    """One walk on one store. `now` moves on with it; `held` are the claims that dispatchers
    believe to hold, lost ones included.
    """

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.random = store, Random(seed)
        self.now = NOW
        self.keys = 0
        self.accepted: dict[str, tuple[str, Channel, str | None]] = {}
        self.pruned: set[str] = set()
        self.held: list[tuple[int, ClaimedMessage]] = []
        self.delivered: Counter[str] = Counter()
        self.ended: Counter[tuple[str, Channel, Status]] = Counter()

    async def step(self) -> str:
        """One random step; its name."""
        steps = (
            [self.insert] * 3
            + [self.claim] * 5
            + [self.settle] * 5
            + [self.act] * 3
            + [self.act_on_campaign, self.reset]
        )
        step = self.random.choice(
            [*steps, self.release, self.renew, self.wait, self.maintain, self.maintain]
        )
        await step()
        return step.__name__

    async def insert(self) -> None:
        messages = []
        for _ in range(self.random.randrange(1, 8)):
            due_at = self.now + self.random.choice([0, 0, SECOND, 20 * SECOND, 300 * SECOND])
            expires_at = self.random.choice(
                [None, None, None, due_at + SECOND, self.now + 30 * SECOND]
            )
            self.keys += self.random.random() < 0.8
            messages.append(
                message(
                    self.random.choice(WORKSPACES),
                    channel=self.random.choice(list(Channel)),
                    due_at=due_at,
                    created_at=self.now,
                    campaign=self.random.choice(CAMPAIGNS),
                    priority=self.random.choice(list(Priority)),
                    expires_at=expires_at,
                    key=self.random.choice([None, f"k{self.keys}"]),
                    fingerprint=self.random.choice("ab"),
                )
            )
        for one, insertion in zip(
            messages,
            await self.store.insert(*messages, now=self.now, writer=self.random.choice("ab")),
            strict=True,
        ):
            if not (insertion.replayed or insertion.conflict):
                self.accepted[one.id] = one.workspace, one.channel, one.campaign

    async def claim(self) -> None:
        dispatcher = self.random.randrange(1, 4)
        most, rate = self.random.choice([3, 20, 1_000]), self.random.choice([50.0, 1_000_000.0])
        claimed = await self.store.claim(
            self.now, self.random.choice(list(Channel)), dispatcher=dispatcher, most=most, rate=rate
        )
        self.held += [(dispatcher, each) for each in claimed]

    async def settle(self) -> None:
        dispatcher = self.random.randrange(1, 4)
        chosen = [
            each
            for holder, each in self.held
            if holder == dispatcher and self.random.random() < 0.7
        ]
        self.held = [(holder, each) for holder, each in self.held if each not in chosen]
        outcomes = [
            settlement(each, self.random.choice(OUTCOMES), wait_until=self.now + SECOND)
            for each in chosen
        ]
        before = {
            status: await self._ids(f"result where status = '{status.value}'") for status in ENDED
        }
        settled = await self.store.settle(*outcomes, now=self.now, dispatcher=dispatcher)
        ended = {
            status: await self._ids(f"result where status = '{status.value}'") - before[status]
            for status in ENDED
        }
        assert [len(ended[status]) for status in ENDED] == [settled.delivered, settled.dead]
        self.delivered.update(ended[Status.DELIVERED])
        for status, jobs in ended.items():
            self._count(jobs, status)

    def _count(self, jobs: Iterable[str], status: Status) -> None:
        for job in jobs:
            workspace, channel, _ = self.accepted[job]
            self.ended.update([(workspace, channel, status), (ALL, channel, status)])

    async def release(self) -> None:
        for dispatcher, each in [pair for pair in self.held if self.random.random() < 0.3]:
            await self.store.release(each, now=self.now, dispatcher=dispatcher)
            self.held.remove((dispatcher, each))

    async def renew(self) -> None:
        for dispatcher in (1, 2, 3):
            await self.store.renew(
                *(each for holder, each in self.held if holder == dispatcher),
                now=self.now,
                dispatcher=dispatcher,
            )

    async def wait(self) -> None:
        self.now += self.random.choice(
            [1, 1_000, SECOND // 2, SECOND, 5 * SECOND, LEASE + 1, 130 * SECOND]
        )

    async def act(self) -> None:
        """An operator's call for one job, sensible or not."""
        if not self.accepted:
            return
        job = self.random.choice(list(self.accepted))
        calls = [self.store.cancel, self.store.requeue, self.store.requeue, self.store.promote]
        try:
            if self.random.random() < 0.2:
                await self.store.reschedule(
                    job, self.now + self.random.randrange(-5, 60) * SECOND, self.now
                )
            else:
                await self.random.choice(calls)(job, self.now)
        except (Conflict, NotFound):
            return

    async def act_on_campaign(self) -> None:
        where: dict[str, Any] = {
            "name": self.random.choice(CAMPAIGNS[1:]),
            "now": self.now,
            "workspace": self.random.choice(WORKSPACES),
        }
        calls = [
            self.store.cancel_campaign,
            self.store.pause_campaign,
            self.store.resume_campaign,
            self.store.resume_campaign,
        ]
        try:
            if self.random.random() < 0.3:
                await self.store.shift_campaign(self.random.randrange(-60, 60) * SECOND, **where)
            else:
                await self.random.choice(calls)(**where)
        except (Conflict, NotFound):
            return

    async def reset(self) -> None:
        """Let figures count anew, of the service or a workspace; rarely, so that there is
        something to count.
        """
        workspace, channel = (
            self.random.choice([ALL, *WORKSPACES]),
            self.random.choice(list(Channel)),
        )
        if self.random.random() < 0.3:
            await self.store.database.write(figures.reset, workspace, [channel], self.now)
            self.ended -= Counter(
                {
                    key: count
                    for key, count in self.ended.items()
                    if workspace in (ALL, key[0]) and key[1] is channel
                }
            )

    async def maintain(self) -> None:
        await self.store.advance(self.now)
        await self.store.expire(self.now)
        await self.store.fold(self.now)
        if self.random.random() < 0.3:
            self.pruned |= await self._ids(
                f"result where status <> 'scheduled' and finished_at < {self.now - 60 * SECOND}"
            )
            await self.store.prune(self.now - 60 * SECOND)

    async def finish(self) -> None:
        """Let everything go that waits, and deliver until nothing is left."""
        for workspace in WORKSPACES:
            for name in CAMPAIGNS[1:]:
                try:
                    await self.store.resume_campaign(str(name), self.now, workspace)
                except NotFound:
                    continue
        for _ in range(12):
            while await self.store.advance(self.now):
                pass
            self.now += 90 * SECOND
            for channel in Channel:
                self._count(
                    (each.id for each in await self.store.deliver_all(self.now, channel)),
                    Status.DELIVERED,
                )
        self.held = []

    async def check(self) -> None:
        """Every rule that holds between two steps."""
        await self.check_that_each_message_is_in_one_place()
        await self.check_that_nothing_is_stranded()
        await self.check_campaigns()
        await self.check_totals()
        await self.check_figures()
        assert max(self.delivered.values(), default=1) == 1

    async def check_that_each_message_is_in_one_place(self) -> None:
        pending, final = (
            await self._ids("pending"),
            await self._ids("result where status <> 'scheduled'"),
        )
        assert not pending & final
        assert pending | final == set(self.accepted) - self.pruned
        assert await self._ids("message") == pending | final

    async def _ids(self, rows: str) -> set[str]:
        return {row[0] for row in await self.store.select(f"select cast(id as text) from {rows}")}

    async def check_that_nothing_is_stranded(self) -> None:
        late = f"case when p.visible_at < {self.now} then {self.now} else p.visible_at end"
        stranded = await self.store.select(
            "select p.id, p.visible_at, l.next_due_at, l.next_high_at from pending p join lane l"
            f" on l.id = p.lane where l.next_due_at > {late} or (p.priority = 0 and l.next_high_at"
            f" > {late})"
        )
        assert stranded == []

    async def check_campaigns(self) -> None:
        for workspace, name, identity, cancel_epoch in await self.store.select(
            "select workspace, name, id, cancel_epoch from campaign"
        ):
            counts = (await self.store.campaign(name, self.now, workspace)).counts
            assert counts == await self._recount(identity, cancel_epoch), (workspace, name)

    async def _recount(self, campaign: int, cancel_epoch: int) -> dict[Status, int]:
        recount = dict.fromkeys(Status, 0)
        for epoch, claimed_by, visible_at in await self.store.select(
            f"select epoch, claimed_by, visible_at from pending where campaign = {campaign}"
        ):
            if claimed_by is not None and visible_at > self.now:
                recount[Status.CLAIMED] += 1
            else:
                recount[Status.CANCELLED if epoch < cancel_epoch else Status.SCHEDULED] += 1
        for status, count in await self.store.select(
            f"select status, count(*) from result where campaign = {campaign} and status <>"
            " 'scheduled' group by status"
        ):
            recount[Status(status)] += count
        return recount

    async def check_totals(self) -> None:
        """What the tallies and the totals say of every workspace is what was accepted, and what
        is in a final state or was pruned from one.
        """
        columns = "accepted, revived_dead, revived_cancelled, delivered, dead, cancelled"
        figures: Counter[tuple[str, str, str]] = Counter()
        for table, only in (("tally", ""), ("total", " where workspace <> '' and campaign = 0")):
            for workspace, channel, *counts in await self.store.select(
                f"select workspace, channel, {columns} from {table}{only}"
            ):
                figures.update(
                    {
                        (workspace, channel, name): count
                        for name, count in zip(columns.split(", "), counts, strict=True)
                    }
                )
        rows: Counter[tuple[str, str]] = Counter(
            (workspace, channel) for workspace, channel, _ in self.accepted.values()
        )
        for (workspace, channel), accepted in rows.items():
            count = {name: figures[workspace, channel, name] for name in columns.split(", ")}
            assert count["accepted"] == accepted
            mine = f"where workspace = '{workspace}' and channel = '{channel}'"
            [[pending]] = await self.store.select(
                f"select count(*) from pending where lane in (select id from lane {mine})"
            )
            ended = (
                count["delivered"]
                + count["dead"]
                + count["cancelled"]
                - count["revived_dead"]
                - count["revived_cancelled"]
            )
            assert accepted - ended == pending

    async def check_figures(self) -> None:
        """What is shown of the service and of every workspace is what ended so since its last
        reset.
        """
        for workspace in (ALL, *WORKSPACES):
            for channel, shown in (
                await self.store.database.read(figures.figures, workspace)
            ).items():
                assert [shown.delivered, shown.dead] == [
                    self.ended[workspace, channel, status] for status in ENDED
                ], (workspace, channel)
