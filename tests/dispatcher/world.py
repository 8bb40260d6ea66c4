"""A small world for the dispatcher: a store, dispatchers as production builds them, and a
receiver that answers as a test says; all on virtual time.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from queue_services.clock import Clock
from queue_services.delivery.sender import Delivery, Gate, Notice
from queue_services.delivery.tasks import TaskSender
from queue_services.dispatcher.build import Dispatching, build
from queue_services.dispatcher.tracing import BatchSpans
from queue_services.domain.message import (
    SECOND,
    Channel,
    Instant,
    Message,
    Priority,
    Status,
    new_id,
)
from queue_services.domain.outcome import Answer, Kind
from queue_services.errors import StoreUnavailable
from queue_services.queue import dispatchers, intake, jobs, settling
from queue_services.queue.records import Job
from queue_services.queue.settling import Settlement
from queue_services.settings.slices import DispatchSettings
from queue_services.storage.port import Database, Flow, P, T
from queue_services.storage.sqlite import SqliteDatabase, SqliteTx
from tests.support.virtual import VirtualLoop
from tests.support.workspaces import Workspaces

START = 1_700_000_000.0
DELIVERED = Answer(Kind.DELIVERED, 200)


class InlineSqlite(SqliteDatabase):
    """SQLite without its threads: flows run on the loop, so that a run depends on its seed
    alone. A write takes `commit` virtual seconds.

    Nothing waits for the disk: what is killed here are processes, not the machine.
    """

    commit = 0.002
    true_time: Callable[[], int] = staticmethod(
        lambda: round((START + asyncio.get_running_loop().time()) * SECOND)
    )

    def _transaction(
        self, connection: sqlite3.Connection, begin: str, run: Callable[[SqliteTx], Awaitable[T]]
    ) -> T:
        self._texts["read_clock"] = f"select {self.true_time()}"
        return super()._transaction(connection, begin, run)

    async def _on_writer(self, run: Callable[[], T], *, urgent: bool = False) -> T:
        value = run()
        await asyncio.sleep(self.commit)
        return value

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if flow is dispatchers.read_clock:
            return cast("T", self.true_time())
        return self._transaction(
            self._read_connection(), "BEGIN", lambda tx: flow(tx, *args, **kwargs)
        )

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    async def close(self) -> None:
        self._tasks.put(None)
        self._thread.join()
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()


class Link:
    """One process's connection to the store: it can be cut (the process was killed), or the
    store be away.
    """

    backend = "sqlite"

    def __init__(self, database: Database) -> None:
        self._database = database
        self.cut = False
        self.away = False
        self.refuses: Callable[[Sequence[Settlement]], bool] = lambda _: False

    async def write(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await self._cross()
        if flow is settling.settle and self.refuses(cast("Sequence[Settlement]", args[0])):
            raise ValueError("the store refuses this outcome")
        return await self._database.write(flow, *args, **kwargs)

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await self._cross()
        return await self._database.read(flow, *args, **kwargs)

    async def migrate(self) -> None:
        await self._database.migrate()

    async def close(self) -> None:
        return None

    def wake(self) -> None:
        self._database.wake()

    def on_wake(self, listener: Callable[[], None]) -> None:
        self._database.on_wake(lambda: None if self.cut else listener())

    async def _cross(self) -> None:
        if self.cut:
            await asyncio.get_running_loop().create_future()
        if self.away:
            raise StoreUnavailable("it is away")


@dataclass
class Process:
    """A dispatcher as one process."""

    link: Link
    dispatching: Dispatching
    task: asyncio.Task[None]


@dataclass
class Arrival:
    at: Instant
    delivery: Delivery


@dataclass
class Receiver:
    """The application's side. `answer` says what comes of a delivery; `latency` how many
    seconds later.
    """

    clock: Clock
    answer: Callable[[Delivery], Answer] = lambda _: DELIVERED
    latency: Callable[[Delivery], float] = lambda _: 0.005
    reachable: Callable[[Delivery], bool] = lambda _: True
    arrivals: list[Arrival] = field(default_factory=list)
    open: Counter[str] = field(default_factory=Counter)

    async def send(self, delivery: Delivery, gate: Gate) -> Answer:
        if not self.reachable(delivery):
            return Answer(Kind.UNREACHABLE, error="refused")
        await gate()
        self.arrivals.append(Arrival(self.clock.now(), delivery))
        self.open[delivery.workspace] += 1
        try:
            await asyncio.sleep(self.latency(delivery))
        finally:
            self.open[delivery.workspace] -= 1
        return self.answer(delivery)

    async def close(self) -> None:
        return None

    def times(self, workspace: str | None = None) -> list[float]:
        """When deliveries arrived, in seconds."""
        return [
            arrival.at / SECOND
            for arrival in self.arrivals
            if workspace in (None, arrival.delivery.workspace)
        ]

    def ids(self) -> Counter[str]:
        return Counter(arrival.delivery.id for arrival in self.arrivals)


@dataclass
class Listener:
    """The application's side of events. `answer` says what comes of one, `latency` how many
    seconds later.
    """

    clock: Clock
    answer: Callable[[Notice], Answer] = lambda _: DELIVERED
    latency: Callable[[Notice], float] = lambda _: 0.005
    told: list[tuple[Instant, Notice]] = field(default_factory=list)

    async def send(self, notice: Notice) -> Answer:
        self.told.append((self.clock.now(), notice))
        await asyncio.sleep(self.latency(notice))
        return self.answer(notice)

    async def close(self) -> None:
        return None

    def types(self, job: str | None = None) -> list[str]:
        """What was told, of one job or in all."""
        return [notice.type for _, notice in self.told if job in (None, notice.job)]


@dataclass
class World:
    """One store with its dispatchers and receiver; where there is a listener, it is told of
    events.
    """

    database: Database
    clock: Clock
    receiver: Receiver
    settings: DispatchSettings
    rnd: random.Random
    listener: Listener | None = None
    spans: BatchSpans | None = None
    processes: list[Process] = field(default_factory=list)

    async def schedule(
        self,
        count: int = 1,
        *,
        workspace: str | Callable[[int], str] = "acme",
        channel: Channel = Channel.SMS,
        after: float | Callable[[int], float] = 0.0,
        priority: Priority | Callable[[int], Priority] = Priority.NORMAL,
        expires_after: float | None = None,
        campaign: str | None = None,
        units: int | Callable[[int], int] = 1,
    ) -> list[str]:
        """Accept `count` messages due `after` seconds; their ids."""
        now = self.clock.now()
        messages = [
            Message(
                id=new_id(now),
                workspace=workspace if isinstance(workspace, str) else workspace(index),
                channel=channel,
                contact=f"contact-{index}",
                campaign=campaign,
                recipient="15550100",
                priority=priority if isinstance(priority, Priority) else priority(index),
                created_at=now,
                due_at=now
                + round((after if isinstance(after, float | int) else after(index)) * SECOND),
                expires_at=None if expires_after is None else now + round(expires_after * SECOND),
                idempotency_key=None,
                fingerprint=None,
                payload='{"to":"+1 555 0100","text":"hello"}',
                units=units if isinstance(units, int) else units(index),
            )
            for index in range(count)
        ]
        await self.database.write(intake.insert, messages, now, "api")
        self.database.wake()
        return [message.id for message in messages]

    @property
    def workspaces(self) -> Workspaces:
        """What a tenant's administrator may ask for."""
        limits = {
            Channel.SMS: self.settings.sms_per_second,
            Channel.EMAIL: self.settings.email_per_second,
        }
        return Workspaces(self.database, self.clock, limits)

    async def start(self) -> Process:
        """Add a dispatcher, as another process would be."""
        link = Link(self.database)
        dispatching = await build(
            link,
            self.clock,
            TaskSender(self.receiver),
            self.settings,
            random=self.rnd.random,
            messenger=self.listener,
            spans=self.spans,
        )
        process = Process(link, dispatching, asyncio.create_task(dispatching.run()))
        self.processes.append(process)
        return process

    async def stop(self) -> None:
        """Stop every dispatcher as a SIGTERM would."""
        for process in self.processes:
            process.dispatching.stop()
        await asyncio.gather(*(process.task for process in self.processes))
        self.processes.clear()

    async def kill(self, process: Process) -> None:
        """End a dispatcher without a word, as kill -9 would: nothing is settled, released or
        renewed any more.
        """
        self.processes.remove(process)
        process.link.cut = True
        process.task.cancel()
        process.dispatching.flights.abandon()
        await asyncio.gather(process.task, return_exceptions=True)

    async def job(self, message: str) -> Job:
        [job] = await self.database.read(jobs.find, [message], self.clock.now())
        return job

    async def until(self, condition: Callable[[], bool], within: float = 3600.0) -> None:
        """Let virtual time pass until `condition` holds; fails when it does not `within` so
        many seconds.
        """
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.01)

    async def settled(
        self, messages: list[str], status: Status = Status.DELIVERED, within: float = 3600.0
    ) -> None:
        """Let virtual time pass until all of `messages` have `status`."""
        async with asyncio.timeout(within):
            while True:
                found = await self.database.read(jobs.find, messages, self.clock.now())
                if all(job.status is status for job in found):
                    return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def world(
    dispatchers: int = 1, seed: int = 0, *, listens: bool = False, **settings: Any
) -> AsyncIterator[World]:
    """A world with running dispatchers, and a listener to events where it `listens`;
    everything ends with it.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    clock = Clock(monotonic=loop.time, wall=lambda: START + loop.time())
    with tempfile.TemporaryDirectory() as folder:
        database = InlineSqlite(str(Path(folder) / "world.db"))
        await database.migrate()
        made = World(
            database,
            clock,
            Receiver(clock),
            DispatchSettings(**settings),
            random.Random(seed),
            Listener(clock) if listens else None,
        )
        try:
            for _ in range(dispatchers):
                await made.start()
            yield made
        finally:
            for process in list(made.processes):
                await made.kill(process)
            await database.close()
