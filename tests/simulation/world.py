"""A whole service in a random world, from one seed: dispatchers that crash, stop and start
again, a store that is lost, slow or told twice, clocks that err, receivers of every mood,
people who schedule and change their minds; then calm, in which everything must come to its
end.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass

from queue_services.clock import Clock
from queue_services.delivery.tasks import TaskSender
from queue_services.dispatcher.build import Dispatching, build
from queue_services.dispatcher.clock_keeping import UNDER_WAY, ClockKeeper, measure
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.errors import StoreUnavailable
from queue_services.queue import event_routes, verification
from queue_services.queue.verification import LIMITS, NOTHING_AHEAD, NOTHING_STRANDED
from queue_services.settings.slices import DispatchSettings
from queue_services.storage.port import Database, Tx
from tests.dispatcher.world import START
from tests.simulation.events import Listener, Messenger, count_waiting
from tests.simulation.kinds import Kind, kind_of
from tests.simulation.metering import LARGEST, Meter
from tests.simulation.people import LIMITED, WORKSPACES, Application, Memory, Operator
from tests.simulation.receivers import MOODS, Receivers, Sending, SimulatedSender
from tests.simulation.stores import Connection, Faults
from tests.storage.store import select
from tests.support.virtual import VirtualLoop

NO_LIMIT = dict.fromkeys(Channel, 1_000_000.0)
LONGEST_CALM = 900
DRAINED_FOR = 3
FOLLOWED = 13.0
"""Seconds in which the processes have followed a step of the database's clock, and their
windows of silence have passed.
"""


@dataclass
class Process:
    """One dispatcher's life, from its start to its death or stop."""

    connection: Connection
    sending: Sending
    dispatching: Dispatching
    running: asyncio.Task[None]


class Simulation:
    """One world. `trouble` seconds of it are wild; `messages` come in them. What is known
    afterwards is for `check` to judge.
    """

    def __init__(
        self,
        seed: int,
        open_store: Callable[[Callable[[], Instant]], Database],
        trouble: float = 12.0,
        messages: int = 60,
    ) -> None:
        self.seed, self.trouble, self.messages = seed, trouble, messages
        self.rnd = random.Random(seed)
        self.loop = asyncio.get_running_loop()
        assert isinstance(self.loop, VirtualLoop)
        self.step_of_database = 0
        self.steps: list[float] = []
        self.down_until = 0.0
        self._api_clock: Clock | None = None
        self._background: asyncio.Task[None] | None = None
        self.starts: list[float] = []
        self.lives = self.rnd.randint(1, 3)
        self.stalls: list[tuple[float, float]] = []
        self.database = open_store(lambda: self.true_now() + self.step_of_database)
        self.faults = Faults(random.Random(self.rnd.random()))
        self.receivers = Receivers(random.Random(self.rnd.random()))
        self.memory = Memory()
        self.settings = DispatchSettings(
            sms_per_second=self.rnd.choice([3, 10, 50]),
            email_per_second=self.rnd.choice([5, 20, 250]),
            backoff_seconds=self.rnd.choice([0.2, 1]),
            concurrency=self.rnd.choice([4, 16, 256]),
            lease_seconds=self.rnd.choice([2, 3, 6, 30]),
            shutdown_seconds=self.rnd.choice([1, 15]),
        )
        self.kind = kind_of(seed)
        self.listener = Listener(random.Random(f"{seed} events"))
        self._make_special()
        self.rates = {
            Channel.SMS: float(self.settings.sms_per_second),
            Channel.EMAIL: float(self.settings.email_per_second),
        }
        self.meters = [self._meter() for _ in range(2)] if self.kind is Kind.METERED else []
        self.processes: list[Process] = []
        self.crashes = self.stops = 0
        self.ended_badly: list[str] = []
        self._over = asyncio.Event()

    def _make_special(self) -> None:
        """Change what the seed chose so far, as the kind of the world asks."""
        if self.kind is Kind.CROWDED:
            self.lives, self.messages = 3, 240
            self.settings = dataclasses.replace(
                self.settings, sms_per_second=10, email_per_second=20, concurrency=256
            )
        elif self.kind is Kind.SET_BACK:
            self.lives, self.messages = 1, 120
            self.faults.calm()
            self.settings = dataclasses.replace(
                self.settings, sms_per_second=5, email_per_second=10, concurrency=256
            )
        elif self.kind is Kind.UNANSWERED:
            self.faults.lost_after = 0.25
        elif self.kind is Kind.AWAY:
            self.settings = dataclasses.replace(
                self.settings, lease_seconds=self.rnd.choice([2, 3]), shutdown_seconds=1
            )
        elif self.kind is Kind.TOLD:
            self.settings = dataclasses.replace(
                self.settings, events_url="http://application.example"
            )

    def true_now(self) -> Instant:
        """The true time, which no process knows."""
        return round((START + self.loop.time()) * SECOND)

    async def run(self) -> None:
        """Live through the trouble, then through the calm, until nothing waits any more."""
        await self.database.migrate()
        if self.kind is Kind.STEPPED:
            self._follow_steps()
        await self.database.write(
            event_routes.set_service, enabled=self.settings.events_url is not None
        )
        lives = [asyncio.create_task(self._life()) for _ in range(self.lives)]
        for workspace in LIMITED:
            for channel in Channel:
                await self._calm_operator().limit(
                    workspace, channel, float(self.rnd.choice([2, 5, 20]))
                )
        people = [
            self._inspect(),
            *(
                self._schedule(meter, self.messages * number)
                for number, meter in enumerate(self.meters or [None])
            ),
        ]
        if self.kind is not Kind.SET_BACK:
            people += [self._operate(), self._trouble(), self._moods()]
        if self.kind is Kind.CROWDED:
            people.append(self._jolt())
        elif self.kind is Kind.STEPPED:
            people.append(self._step_by_hours())
        elif self.kind is Kind.AWAY:
            people.append(self._cut_for_long())
        elif self.kind is Kind.SET_BACK or self.rnd.random() < 0.2:
            people.append(self._step_clock())
        await asyncio.gather(*people)
        await self._become_calm()
        await self._drain()
        self._over.set()
        await asyncio.gather(*lives)
        if self._background is not None:
            self._background.cancel()

    async def _life(self) -> None:
        """Start a dispatcher, and another when it has ended, until the end of the world."""
        ending = asyncio.create_task(self._over.wait())
        while not self._over.is_set():
            await asyncio.sleep(max(0.0, self.down_until - self.loop.time()))
            connection = Connection(
                self.database, self.faults, random.Random(self.rnd.random()), dies=True
            )
            died = asyncio.create_task(connection.dead.wait())
            starting = asyncio.create_task(self._start(connection))
            await asyncio.wait([starting, died], return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                self.crashes += 1
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
            elif (process := starting.result()) is not None:
                await asyncio.wait(
                    [process.running, died, ending], return_when=asyncio.FIRST_COMPLETED
                )
                process.dispatching.stop()
                await asyncio.wait([process.running, died], return_when=asyncio.FIRST_COMPLETED)
                await self._bury(process)
            died.cancel()
            if not self._over.is_set():
                await asyncio.sleep(self.rnd.uniform(0, 2))

    async def _start(self, connection: Connection) -> Process | None:
        clock = self._clock()
        try:
            clock.correct(await measure(connection, clock), at_once=True)
            sending = Sending(
                clock,
                connection.dead.is_set,
                lambda since: self._hindered(connection, since),
                self._set_since,
            )
            dispatching = await build(
                connection,
                clock,
                TaskSender(SimulatedSender(self.receivers, sending)),
                self.settings,
                random=random.Random(self.rnd.random()).random,
                messenger=(
                    Messenger(self.listener, connection.dead.is_set)
                    if self.kind is Kind.TOLD
                    else None
                ),
            )
        except StoreUnavailable:
            return None
        if self.loop.time() < self.down_until:
            connection.dead.set()
            return None
        sending.flights = dispatching.flights
        connection.on_settled = self.receivers.recorded
        connection.on_step = lambda: self.ended_badly.extend(dispatching.flights.miscounted())
        process = Process(connection, sending, dispatching, asyncio.create_task(dispatching.run()))
        self.processes.append(process)
        self.starts.append(self.loop.time())
        return process

    async def _bury(self, process: Process) -> None:
        """Take a process away: one that was killed says nothing more, one that was stopped has
        said all.
        """
        self.processes.remove(process)
        if process.connection.dead.is_set():
            self.crashes += 1
            process.running.cancel()
            process.dispatching.flights.abandon()
        else:
            self.stops += 1
        [ended] = await asyncio.gather(process.running, return_exceptions=True)
        if isinstance(ended, Exception):
            self.ended_badly.append(f"a dispatcher ended with {ended!r}")
        process.connection.dead.set()

    async def _schedule(self, meter: Meter | None = None, first: int = 0) -> None:
        left = self.messages
        while left:
            count = min(
                left, self.rnd.choice([1, 1, 5, 20, 60] if meter is None else [1, 5, LARGEST])
            )
            left -= count
            connection = Connection(self.database, self.faults, random.Random(self.rnd.random()))
            application = Application(
                connection,
                self._clock(accurate=True),
                random.Random(self.rnd.random()),
                self.memory,
            )
            await application.schedule(count, first + left, meter)
            if self.kind in (Kind.PLAIN, Kind.TOLD, Kind.METERED):
                await asyncio.sleep(self.rnd.uniform(0, self.trouble * count / self.messages))

    async def _operate(self) -> None:
        operator = self._operator(self.faults)
        while self.loop.time() < self.trouble:
            await asyncio.sleep(self.rnd.expovariate(1.0))
            await operator.act()

    async def _trouble(self) -> None:
        """Kill, stop, cut off and hold up processes now and then."""
        while self.loop.time() < self.trouble:
            await asyncio.sleep(self.rnd.expovariate(0.4))
            process = self.rnd.choice(self.processes) if self.processes else None
            match self.rnd.randrange(8):
                case 0 | 1 if process is not None:
                    process.connection.dead.set()
                case 2 if process is not None:
                    process.dispatching.stop()
                case 3 | 4 if process is not None:
                    process.connection.cut(self.loop.time() + self.rnd.choice([0.1, 1, 5, 12]))
                case 5 | 6:
                    self._stall(self.rnd.choice([0.01, 0.05, 0.3, 2.0]))
                case _:
                    continue

    async def _jolt(self) -> None:
        """Hold everything up for a moment, again and again."""
        while self.loop.time() < self.trouble:
            await asyncio.sleep(self.rnd.expovariate(3))
            self._stall(self.rnd.uniform(0.005, 0.04))

    def _stall(self, seconds: float) -> None:
        """Nothing of the world runs for a while: the machine was busy."""
        assert isinstance(self.loop, VirtualLoop)
        self.stalls.append((self.loop.elapsed, self.loop.elapsed + seconds))
        self.loop.elapsed += seconds

    def _set_since(self, since: float) -> bool:
        """Whether the database's clock was set since a lease before."""
        return any(step >= since - self.settings.lease_seconds for step in self.steps)

    def _hindered(self, connection: Connection, since: float) -> bool:
        """Whether a process was kept from its store for so long that a lease may have ended,
        which it renews every third of one.
        """
        lease = self.settings.lease_seconds
        if self._set_since(since):
            return True
        kept = sum(
            end - begin
            for begin, end in [*connection.hindered, *self.stalls]
            if end >= since - lease
        )
        kept += sum(lease / 3 for lost in connection.lost_renewals if lost >= since - lease)
        return kept > lease * 2 / 3 - 1

    async def _inspect(self) -> None:
        """Hold the store against its invariants in the middle of everything, too."""
        while self.loop.time() < self.trouble:
            await asyncio.sleep(self.rnd.uniform(0.3, 2))
            self.ended_badly += [
                f"at {self.loop.time():.3f}: {finding}" for finding in await self.findings()
            ]

    async def findings(self) -> list[str]:
        """What `verify` finds. Workspaces' limits change meanwhile, so those are left to
        `check`; while clocks differ, lanes may seem late.
        """
        rates = NO_LIMIT if self.steps else self.rates
        found = await self.database.read(
            verification.verify, rates, self.true_now() + self.step_of_database
        )
        unknown = {LIMITS, NOTHING_STRANDED} if self.steps else set[str]()
        if any(self.loop.time() < step + FOLLOWED for step in self.steps):
            unknown.add(NOTHING_AHEAD)
        return [
            f"{one.rule}: {one.subject}: {one.detail}"
            for one in found.findings
            if one.rule not in unknown and not (one.rule == LIMITS and " " in one.subject)
        ]

    async def _moods(self) -> None:
        while self.loop.time() < self.trouble:
            self.receivers.moods[self.rnd.choice(WORKSPACES)] = self.rnd.choice(MOODS)
            await asyncio.sleep(self.rnd.expovariate(0.5))

    def _follow_steps(self) -> None:
        """Let the clock of the API's processes follow the database's, as theirs do."""
        self._api_clock = self._clock(accurate=True)
        connection = Connection(self.database, Faults.none(), random.Random(0))
        lease = round(self.settings.lease_seconds * SECOND)
        self._background = asyncio.create_task(
            ClockKeeper(connection, self._api_clock, lease).run()
        )

    async def _step_by_hours(self) -> None:
        """The database's clock is set by an hour and more, in either direction; every other
        time while no dispatcher runs.
        """
        while self.loop.time() < self.trouble:
            await asyncio.sleep(self.rnd.uniform(2, self.trouble / 2))
            down = self.rnd.random() < 0.5
            if down:
                self.down_until = self.loop.time() + self.rnd.uniform(2, 4)
                for process in self.processes:
                    process.connection.dead.set()
                await asyncio.sleep(1.5)
            self.steps.append(self.loop.time())
            hours = self.rnd.choice([1, 1, 2.5, 30])
            self.step_of_database += round(hours * 3600 * SECOND) * self.rnd.choice([-1, 1])

    async def _cut_for_long(self) -> None:
        """Keep one process, or all, from the store for longer than a lease."""
        while self.loop.time() < self.trouble:
            await asyncio.sleep(self.rnd.expovariate(0.4))
            until = self.loop.time() + self.settings.lease_seconds * self.rnd.uniform(1, 3)
            every = self.rnd.random() < 0.5
            chosen = self.processes if every else self.processes[:1]
            for process in chosen:
                process.connection.cut(until)

    async def _step_clock(self) -> None:
        """The database's clock is set, forward or back; the processes follow it within ten
        seconds.
        """
        await asyncio.sleep(self.rnd.uniform(2, self.trouble))
        self.steps.append(self.loop.time())
        self.step_of_database = round(self.rnd.choice([-1.5, -0.3, -0.03, 0.03, 0.3, 1.5]) * SECOND)

    async def _become_calm(self) -> None:
        self.faults.calm()
        self.receivers.moods.clear()
        self.listener.calm = True
        for process in self.processes:
            process.connection.away_until = 0.0
        await self._calm_operator().calm()

    async def _drain(self) -> None:
        """Wait until nothing waits; a world that does not come to that has stranded something."""
        if self.kind is Kind.STEPPED:
            await asyncio.sleep(FOLLOWED + UNDER_WAY / SECOND)
        for _ in range(LONGEST_CALM):
            await asyncio.sleep(1)
            now = self.true_now() + self.step_of_database
            if not await self.database.read(count_pending, now) and not await self.database.read(
                count_waiting
            ):
                await asyncio.sleep(DRAINED_FOR)
                return
        now = self.true_now() + self.step_of_database
        waiting = (
            await self.database.read(count_pending, now),
            await self.database.read(count_waiting),
        )
        self.ended_badly.append(
            f"{waiting[0]} messages and {waiting[1]} events still wait after {LONGEST_CALM} calm"
            " seconds"
        )

    def _operator(self, faults: Faults) -> Operator:
        connection = Connection(self.database, faults, random.Random(self.rnd.random()))
        return Operator(
            connection,
            self._clock(accurate=True),
            random.Random(self.rnd.random()),
            self.memory,
            self.rates,
        )

    def _meter(self) -> Meter:
        return Meter(
            Connection(self.database, self.faults, random.Random(self.rnd.random())),
            self._clock(accurate=True),
        )

    def _calm_operator(self) -> Operator:
        return self._operator(Faults.none())

    def _clock(self, *, accurate: bool = False) -> Clock:
        """A process's clock, that drifts and began wrong; an accurate one where the process has
        measured it already.
        """
        if accurate and self._api_clock is not None:
            return self._api_clock
        drift, began = (
            (0.0, 0.0) if accurate else (self.rnd.uniform(-50e-6, 50e-6), self.rnd.uniform(-2, 2))
        )
        offset = self.step_of_database / SECOND if accurate else began
        return Clock(
            monotonic=lambda: self.loop.time() * (1 + drift),
            wall=lambda: START + self.loop.time() + offset,
        )


async def count_pending(tx: Tx, now: Instant) -> int:
    """How many messages have not ended, but for those that were asked for later than `now`: the
    clock was set back since.
    """
    [[waiting]] = await select(
        tx,
        "select count(*) from pending p join message m on m.id = p.id where p.due_at <="
        f" {now + 30 * SECOND} or p.due_at <= m.created_at",
    )
    return int(waiting)
