"""The applications of a simulated world: each workspace's endpoint has its own ways to
fail, and all that arrives is noted with why it may arrive.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from queue_services.clock import Clock
from queue_services.delivery.sender import Delivery, Gate
from queue_services.dispatcher.flights import Flight, Flights
from queue_services.domain.message import SECOND, Instant
from queue_services.domain.outcome import Answer, Kind
from queue_services.queue.settling import Settlement
from tests.dispatcher.world import DELIVERED
from tests.simulation.stores import ClaimNumber

MOODS = [
    "well",
    "well",
    "well",
    "slow",
    "failing",
    "throttling",
    "hanging",
    "unreachable",
    "refusing",
    "mixed",
]
WIRE = 0.002
TIMEOUT = 10.0


@dataclass
class Sending:
    """One process as the receivers know it. `dead` says whether it was killed, `hindered`
    whether it was kept from its store or stood still since then, `set_since` whether the
    database's clock was set since a lease before.
    """

    clock: Clock
    dead: Callable[[], bool]
    hindered: Callable[[float], bool]
    set_since: Callable[[float], bool] = lambda _: False
    flights: Flights | None = None


@dataclass
class Arrival:
    """One POST: when it came (true seconds), for which message, in which claim of which process."""

    at: float
    delivery: Delivery
    flight: Flight
    sending: Sending


@dataclass
class Record:
    """What came of one claim's delivery: committed while the claim was in force, or not
    (then it counted for nothing).
    """

    kind: Kind
    counted: bool


@dataclass
class Receivers:
    """`moods` are by workspace and change with the world. `broken` collects what must not
    be: arrivals that nothing explains.
    """

    rnd: random.Random
    moods: dict[str, str] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    again: Counter[str] = field(default_factory=Counter)
    _last: dict[str, Arrival] = field(default_factory=dict)
    _records: dict[tuple[str, int], Record] = field(default_factory=dict)

    def recorded(self, settlements: list[Settlement], counted: set[ClaimNumber], lost: int) -> None:
        """Outcomes were committed by a process, those of claims that were not in force as lost."""
        if amiss := len(settlements) - len(counted) - lost:
            self.broken.append(
                f"{amiss} outcomes of claims that were not in force any more have changed something"
            )
        for settlement in settlements:
            number = settlement.message.id, settlement.message.claim
            self._records.setdefault(number, Record(settlement.answer.kind, number in counted))

    def delivered(self) -> set[str]:
        """The messages that a receiver has taken, by what it answered and the store was told."""
        return {
            message
            for (message, _), record in self._records.items()
            if record.kind is Kind.DELIVERED
        }

    def arrive(self, sending: Sending, delivery: Delivery) -> None:
        """Note an arrival. A message that came before may come again only when its outcome
        allowed it, its process died or its lease ended.
        """
        flight = self._flight(sending, delivery.id)
        assert flight is not None
        arrival = Arrival(
            asyncio.get_running_loop().time() + self.rnd.uniform(0, WIRE), delivery, flight, sending
        )
        if before := self._last.get(delivery.id):
            self.again[self._why_again(before, arrival)] += 1
        self._last[delivery.id] = arrival
        self.arrivals.append(arrival)

    def _why_again(self, before: Arrival, now: Arrival) -> str:
        record = self._records.get((before.delivery.id, before.flight.message.claim))
        if record is not None and record.counted:
            if record.kind is Kind.DELIVERED:
                self.broken.append(
                    f"{now.delivery.id} came again at {now.at:.3f} although its delivery at"
                    f" {before.at:.3f} was recorded"
                )
            return record.kind.value
        if before.sending.dead():
            return "its process died"
        if before.flight.lease_until <= max(before.sending.clock.now(), now.sending.clock.now()):
            if not before.sending.hindered(before.at):
                self.broken.append(
                    f"{now.delivery.id} came again at {now.at:.3f}: its lease was let go although"
                    " nothing hindered its process"
                )
            return "its lease ended"
        claims = before.flight.message.claim, now.flight.message.claim
        if claims[0] != claims[1] and before.sending.set_since(before.at):
            return "the clock was set"
        self.broken.append(
            f"{now.delivery.id} came at {before.at:.3f} and {now.at:.3f}: two live claims,"
            f" {before.flight.message.claim} and {now.flight.message.claim}"
        )
        return "nothing"

    def _flight(self, sending: Sending, message: str) -> Flight | None:
        """Which of a process's flights of a message this is: one that has started, each once."""
        held = sending.flights.all() if sending.flights is not None else []
        mine = [
            flight
            for flight in held
            if flight.message.id == message
            and flight.started_at is not None
            and all(flight is not arrival.flight for arrival in self.arrivals)
        ]
        return min(mine, key=lambda flight: flight.message.claim, default=None)

    def ids(self) -> set[str]:
        """The messages that came at all."""
        return set(self._last)

    def times(self, channel: str, workspace: str | None = None) -> list[float]:
        """When messages of a channel came, of one workspace or of all; one of several units as
        many times.
        """
        mine = [
            a
            for a in self.arrivals
            if a.delivery.channel == channel and workspace in (None, a.delivery.workspace)
        ]
        return [a.at for a in mine for _ in range(a.flight.message.units)]

    async def answer(self, delivery: Delivery, now: Instant) -> Answer:
        """What a workspace's endpoint says, when it has thought about it."""
        mood = self.moods.get(delivery.workspace, "well")
        if mood == "mixed":
            mood = self.rnd.choice(MOODS[:-1])
        if mood == "hanging" and self.rnd.random() < 0.7:
            await asyncio.sleep(TIMEOUT)
            return Answer(Kind.TIMEOUT, error="no answer")
        await asyncio.sleep(
            self.rnd.uniform(0.5, 3) if mood == "slow" else self.rnd.uniform(0.002, 0.08)
        )
        match mood:
            case "failing" if self.rnd.random() < 0.6:
                return Answer(Kind.FAILED, self.rnd.choice([500, 502, 408]), "no")
            case "throttling" if self.rnd.random() < 0.5:
                return Answer(Kind.THROTTLED, 429, "slower", now + self.rnd.randint(1, 8) * SECOND)
            case "refusing" if self.rnd.random() < 0.7:
                return Answer(Kind.REFUSED, 404, "not here")
        return Answer(Kind.REJECTED, 422, "wrong") if self.rnd.random() < 0.02 else DELIVERED


class SimulatedSender:
    """`delivery.sender.Sender` of one process."""

    def __init__(self, receivers: Receivers, sending: Sending) -> None:
        self._receivers, self._sending = receivers, sending

    async def send(self, delivery: Delivery, gate: Gate) -> Answer:
        rnd = self._receivers.rnd
        await asyncio.sleep(rnd.uniform(0, 0.03))
        if self._receivers.moods.get(delivery.workspace) == "unreachable":
            return Answer(Kind.UNREACHABLE, error="refused")
        await gate()
        self._receivers.arrive(self._sending, delivery)
        return await self._receivers.answer(delivery, self._sending.clock.now())

    async def close(self) -> None:
        return None
