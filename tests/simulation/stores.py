"""Both stores on virtual time, and one process's connection to them with everything that
can go wrong on it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

from queue_services.domain.message import Instant
from queue_services.errors import StoreUnavailable
from queue_services.queue import claims, dispatchers, settling
from queue_services.queue.settling import Settled, Settlement, Terms
from queue_services.storage.port import Database, Flow, P, T, Tx
from queue_services.storage.postgres import PostgresDatabase
from tests.dispatcher.world import InlineSqlite
from tests.storage.store import select
from tests.support.virtual import VirtualLoop

Clockwork = Callable[[], Instant]
ClaimNumber = tuple[str, int]
"""A message's id and the number of its claim."""


class SimulatedSqlite(InlineSqlite):
    """SQLite on the loop itself: a run is the same run again from its seed."""

    commit = 0.0

    def __init__(self, path: str, true_time: Clockwork) -> None:
        super().__init__(path)
        self.true_time = true_time


class SimulatedPostgres(PostgresDatabase):
    """A real server: time stands still while it is asked. Transactions of several processes
    overlap there as they come, so a seed gives the same world, but not always the same
    order at the server. Wakes stay within the simulation.
    """

    def __init__(self, url: str, true_time: Clockwork) -> None:
        super().__init__(url)
        self.true_time = true_time

    async def write(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.shield(
            asyncio.create_task(self._write(flow, *args, **kwargs))
        )  # what has reached the server ends there, whoever dies

    def _transaction(self, **options: Any) -> Any:
        self._texts["read_clock"] = f"select {self.true_time()}::bigint"
        return super()._transaction(**options)

    async def _write(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        with _loop().real_work():
            return await super().write(flow, *args, **kwargs)

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if flow is dispatchers.read_clock:
            return cast("T", self.true_time())
        with _loop().real_work():
            return await super().read(flow, *args, **kwargs)

    async def migrate(self) -> None:
        with _loop().real_work():
            await super().migrate()

    async def close(self) -> None:
        with _loop().real_work():
            await super().close()

    def wake(self) -> None:
        for listener in self._listeners:
            listener()

    def on_wake(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)


class Faults:
    """How often what goes wrong between a process and its store; all zero once the world is
    calm. Shares are of calls, times are seconds.
    """

    def __init__(self, rnd: random.Random) -> None:
        self.lost_before = rnd.choice([0.0, 0.01, 0.05])
        self.lost_after = rnd.choice([0.0, 0.01, 0.05])
        self.crash_before = rnd.choice([0.0, 0.0, 0.002])
        self.crash_after = rnd.choice([0.0, 0.0, 0.002])
        self.lost_wakes = rnd.choice([0.0, 0.2])
        self.slowest_commit = rnd.choice([0.004, 0.03, 0.2])
        self.slowest_read = rnd.choice([0.0, 0.002])

    @classmethod
    def none(cls) -> Faults:
        """Nothing goes wrong."""
        faults = cls(random.Random(0))
        faults.calm()
        return faults

    def calm(self) -> None:
        self.lost_before = self.lost_after = self.crash_before = self.crash_after = (
            self.lost_wakes
        ) = 0.0
        self.slowest_commit, self.slowest_read = 0.004, 0.001


class Connection:
    """`port.Database` for one process that `dies` of a crash; who only asks one gets no
    answer then.

    `hindered` is when it was cut off, from and until, `lost_renewals` when an attempt to
    keep its leases was lost. `on_settled` hears of every outcome that was committed,
    whether its process learns of that or not; for which claims they counted, and how many
    were lost. `on_step` is called after every transaction.
    """

    def __init__(
        self, database: Database, faults: Faults, rnd: random.Random, *, dies: bool = False
    ) -> None:
        self._database, self._faults, self._rnd, self._dies = database, faults, rnd, dies
        self.backend = database.backend
        self.dead = asyncio.Event()
        self.away_until = 0.0
        self.hindered: list[tuple[float, float]] = []
        self.lost_renewals: list[float] = []
        self.on_settled: Callable[[list[Settlement], set[ClaimNumber], int], None] = lambda *_: None
        self.on_step: Callable[[], None] = lambda: None

    def cut(self, until: float) -> None:
        """Keep the process from its store until then."""
        self.hindered.append((asyncio.get_running_loop().time(), until))
        self.away_until = until

    async def write(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            await self._ask(self._faults.lost_before, self._faults.crash_before)
        except StoreUnavailable:
            if flow == claims.renew:
                self.lost_renewals.append(asyncio.get_running_loop().time())
            raise
        value = await self._database.write(self._heard(flow), *args, **kwargs)
        self.on_step()
        await asyncio.sleep(self._rnd.uniform(0.0005, self._faults.slowest_commit))
        await self._ask(self._faults.lost_after, self._faults.crash_after)
        return value

    def _heard(self, flow: Flow[P, T]) -> Flow[P, T]:
        """A flow that tells of the outcomes it writes. It has no other way to be told: its
        process may die before it learns that they are on disk.
        """

        async def heard(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> T:
            settlements = cast("list[Settlement]", args[0])
            before = await _claims(tx, settlements)
            value = await flow(tx, *args, **kwargs)
            meanwhile = await _claims(
                tx, settlements
            )  # on PostgreSQL another may have claimed one before it was written to
            mine = {(s.message.id, s.message.claim) for s in settlements}
            held = {
                number
                for number, dispatcher in before.items()
                if number in mine and dispatcher == cast("Terms", args[2]).dispatcher
            }
            anew = {message for message, _ in meanwhile.keys() - before.keys()}
            self.on_settled(
                settlements,
                {number for number in held if number[0] not in anew},
                cast("Settled", value).lost,
            )
            return value

        return heard if flow == settling.settle else flow

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await self._ask(self._faults.lost_before, 0.0)
        await asyncio.sleep(self._rnd.uniform(0, self._faults.slowest_read))
        value = await self._database.read(flow, *args, **kwargs)
        await asyncio.sleep(self._rnd.uniform(0, self._faults.slowest_read))
        return value

    async def migrate(self) -> None:
        return None

    async def close(self) -> None:
        return None

    def wake(self) -> None:
        if not self.dead.is_set() and self._rnd.random() >= self._faults.lost_wakes:
            self._database.wake()

    def on_wake(self, listener: Callable[[], None]) -> None:
        self._database.on_wake(lambda: None if self.dead.is_set() else listener())

    async def _ask(self, lost: float, crash: float) -> None:
        """Die here, find the store away, or go on; a dead process's calls never return."""
        if self._rnd.random() < crash:
            if not self._dies:
                raise StoreUnavailable("the process died")
            self.dead.set()
        if self.dead.is_set():
            await asyncio.get_running_loop().create_future()
        if asyncio.get_running_loop().time() < self.away_until or self._rnd.random() < lost:
            await asyncio.sleep(self._rnd.uniform(0, 0.02))
            raise StoreUnavailable("the connection was lost")


async def _claims(tx: Tx, settlements: list[Settlement]) -> dict[ClaimNumber, int | None]:
    """The newest claims of the messages, with who holds them."""
    ids = ", ".join(f"'{settlement.message.id}'" for settlement in settlements)
    rows = (
        await select(
            tx, f"select cast(id as text), claim, claimed_by from pending where id in ({ids})"
        )
        if ids
        else []
    )
    return {(message, claim): claimed_by for message, claim, claimed_by in rows}


def _loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop
