"""Who asks a simulated service for something: applications that schedule (and ask again
until they are answered), and operators.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Channel, Instant, Message, Priority
from queue_services.domain.workspace import Change
from queue_services.errors import Refusal, StoreUnavailable
from queue_services.queue import campaigns, intake, jobs, service_limits
from queue_services.queue.service_limits import ChannelChange
from tests.simulation.metering import Meter
from tests.simulation.stores import Connection
from tests.support.workspaces import Workspaces

WORKSPACES = ["acme", "globex", "initech", "hooli"]
LIMITED = ["acme", "globex"]
"""Those with limits of their own, from the beginning and for good."""
CAMPAIGNS = ["spring", "autumn"]
OPERATOR = "operator"
PAYLOAD = '{"to":"+1 555 0100","text":"hello"}'


@dataclass
class Memory:
    """What people were told: the accepted jobs, those cancelled for good and since when,
    and the limits a workspace ever had.
    """

    accepted: dict[str, Message] = field(default_factory=dict)
    cancelled: dict[str, float] = field(default_factory=dict)
    limits: dict[tuple[str, Channel], float] = field(default_factory=dict)
    replayed: int = 0


def new_message(rnd: random.Random, now: Instant, number: int) -> Message:
    """A message of some workspace, due at once or within the next seconds. Its id comes
    from the seed, as everything does.
    """
    text = f"{(now // 1000) << 80 | 7 << 76 | rnd.getrandbits(12) << 64 | 2 << 62 | rnd.getrandbits(62):032x}"
    expires = now + rnd.randint(2, 30) * SECOND if rnd.random() < 0.1 else None
    return Message(
        id=f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}",
        workspace=rnd.choice(WORKSPACES),
        channel=rnd.choice(list(Channel)),
        contact=f"contact-{number}",
        campaign=rnd.choice([None, None, *CAMPAIGNS]),
        recipient="15550100",
        priority=rnd.choice([Priority.HIGH, Priority.NORMAL, Priority.NORMAL, Priority.LOW]),
        created_at=now,
        due_at=now + rnd.choice([0, 0, 0, rnd.randint(0, 15 * SECOND)]),
        expires_at=expires,
        idempotency_key=f"key-{number}",
        fingerprint="the same",
        payload=PAYLOAD,
        units=rnd.choice([1, 1, 1, 1, 2]),
    )


class Application:
    """Schedules messages in bursts. An answer that was lost is asked for again with the
    same key, by a new message.
    """

    def __init__(
        self, connection: Connection, clock: Clock, rnd: random.Random, memory: Memory
    ) -> None:
        self._connection, self._clock, self._rnd, self._memory = connection, clock, rnd, memory

    async def schedule(self, count: int, first: int, meter: Meter | None = None) -> None:
        if meter is not None:
            await meter.admit(count)
        messages = [
            new_message(self._rnd, self._clock.now(), first + number) for number in range(count)
        ]
        while True:
            try:
                insertions = await self._connection.write(
                    intake.insert, messages, self._clock.now(), "api"
                )
            except StoreUnavailable:
                await asyncio.sleep(self._rnd.uniform(0.01, 0.5))
                other = random.Random(self._rnd.random())
                now = self._clock.now()
                messages = [
                    msgspec.structs.replace(
                        message,
                        id=new_message(other, now, 0).id,
                        created_at=now,
                        due_at=now + message.due_at - message.created_at,
                    )
                    for message in messages
                ]
                continue
            break
        self._connection.wake()
        for message, insertion in zip(messages, insertions, strict=True):
            assert not insertion.conflict
            self._memory.accepted[insertion.id] = message
            self._memory.replayed += insertion.replayed


class Operator:
    """Cancels, requeues, promotes, pauses and changes limits, whatever the state of things is."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        rnd: random.Random,
        memory: Memory,
        rates: dict[Channel, float],
    ) -> None:
        self._clock, self._rnd, self._memory = clock, rnd, memory
        self._connection = connection
        self.workspaces = Workspaces(connection, clock, rates)

    async def act(self) -> None:
        """One wish, which may be refused."""
        wishes: list[Callable[[], Awaitable[object]]] = [
            self._cancel,
            self._cancel,
            self._requeue,
            self._requeue,
            self._move,
            self._campaign,
            self._campaign,
            self._workspace,
            self._channel,
        ]
        try:
            await self._rnd.choice(wishes)()
        except (Refusal, StoreUnavailable):
            return

    async def limit(self, workspace: str, channel: Channel, rate: float) -> None:
        """Give a workspace a limit of its own."""
        self._memory.limits[workspace, channel] = max(
            rate, self._memory.limits.get((workspace, channel), rate)
        )
        await self.workspaces.change(workspace, Change(limits={channel: rate}))

    async def calm(self) -> None:
        """Let everything go that waits."""
        for workspace in WORKSPACES:
            for name in CAMPAIGNS:
                await _unless_refused(
                    campaigns.resume.run(self._connection, workspace, name, self._clock.now())
                )
            await self.workspaces.change(workspace, Change(paused=dict.fromkeys(Channel, None)))
            for channel in Channel:
                await self.workspaces.lift(workspace, channel)
        for channel in Channel:
            await service_limits.change.run(
                self._connection, channel, ChannelChange(paused=False), self._clock.now()
            )

    def _some_job(self) -> str:
        return self._rnd.choice(list(self._memory.accepted) or ["none"])

    async def _cancel(self) -> None:
        job = self._some_job()
        await jobs.cancel.run(self._connection, job, self._clock.now(), OPERATOR)
        self._memory.cancelled[job] = asyncio.get_running_loop().time()

    async def _requeue(self) -> None:
        job = self._some_job()
        self._memory.cancelled.pop(job, None)
        await jobs.requeue.run(self._connection, job, self._clock.now(), OPERATOR)

    async def _move(self) -> None:
        if self._rnd.random() < 0.5:
            await jobs.promote.run(self._connection, self._some_job(), self._clock.now())
        else:
            job = self._some_job()
            due_at = self._clock.now() + self._rnd.randint(0, 10 * SECOND)
            await jobs.reschedule.run(self._connection, job, due_at, self._clock.now())

    async def _campaign(self) -> None:
        workspace, name = self._rnd.choice(WORKSPACES), self._rnd.choice(CAMPAIGNS)
        database, now = self._connection, self._clock.now()
        match self._rnd.randrange(5):
            case 0:
                await campaigns.cancel.run(database, workspace, name, now)
            case 1 | 2:
                await campaigns.pause.run(database, workspace, name, now)
            case 3:
                await campaigns.resume.run(database, workspace, name, now)
            case 4:
                delta = self._rnd.randint(-5 * SECOND, 5 * SECOND)
                await campaigns.shift.run(database, workspace, name, delta, now)

    async def _workspace(self) -> None:
        workspace, channel = self._rnd.choice(WORKSPACES), self._rnd.choice(list(Channel))
        if self._rnd.random() < 0.5:
            await self.workspaces.pause(workspace, channel, paused=self._rnd.random() < 0.4)
        else:
            await self.limit(
                self._rnd.choice(LIMITED), channel, float(self._rnd.choice([2, 5, 10, 20]))
            )

    async def _channel(self) -> None:
        channel = self._rnd.choice(list(Channel))
        await service_limits.change.run(
            self._connection, channel, ChannelChange(paused=True), self._clock.now()
        )
        await asyncio.sleep(self._rnd.uniform(0, 2))
        await _until_answered(
            lambda: service_limits.change.run(
                self._connection, channel, ChannelChange(paused=False), self._clock.now()
            )
        )


async def _unless_refused(wish: Awaitable[object]) -> None:
    try:
        await wish
    except Refusal:
        return


async def _until_answered(wish: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await wish()
        except StoreUnavailable:
            await asyncio.sleep(0.2)
            continue
        return
