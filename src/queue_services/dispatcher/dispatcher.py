"""One pass of the dispatcher for one channel: reserve anew, claim, start; settling follows
as the answers come.

`run_once` is repeated by `dispatcher.runner`, and by tests on a clock of their own.
Retries, holds and limits are decided elsewhere: in `domain` and in the storage flows.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque

import msgspec
import structlog

from queue_services.clock import Clock
from queue_services.delivery.sender import CoroutineSender, Delivery
from queue_services.dispatcher.flights import Batch, Flight, Flights
from queue_services.dispatcher.pacer import GivenUp, Pacer
from queue_services.dispatcher.settler import Settler
from queue_services.domain.limits import lead_after, most_at
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.domain.outcome import Answer, Kind
from queue_services.queue import claims
from queue_services.queue.claims import Claim, ClaimedMessage, ClaimRequest
from queue_services.queue.slots import reserve_again
from queue_services.storage.port import Database

COMMITS_REMEMBERED = 32
SLOTLESS_PAUSE = 20_000
MOST_APART = 1_000
GIVE_UP_AFTER = 3 * SECOND

log = structlog.get_logger(__name__)


class DispatcherTerms(msgspec.Struct, frozen=True):
    """Under what a dispatcher works: its id, its name in the tallies, the channels' limits
    a second, and the lease in microseconds.

    `events` says that the service has an URL for the events of every workspace.
    """

    dispatcher: int
    writer: str
    rates: dict[Channel, float]
    lease: int
    events: bool = False


class Pass(msgspec.Struct, frozen=True):
    """What a pass did, and when the next may find something; `starved` when connections,
    not slots, kept messages waiting.

    `slotless` counts started claims that missed their slot and have no new one yet.
    """

    claimed: int
    slotless: int
    wake_at: Instant
    starved: bool


class Dispatcher:
    """Claims and starts what is due. One for a process; its passes for two channels may
    overlap, two passes for one channel may not.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sender: CoroutineSender,
        flights: Flights,
        pacer: Pacer,
        settler: Settler,
        terms: DispatcherTerms,
    ) -> None:
        self._database, self._clock, self._sender = database, clock, sender
        self._flights, self._pacer, self._settler, self._terms = flights, pacer, settler, terms
        self._commits: deque[int] = deque(maxlen=COMMITS_REMEMBERED)
        self._busy: set[int] = set()
        self.claimed = 0
        self.lag = 0

    def take_busy(self) -> list[int]:
        """The lanes that came near their limits since they were last asked for."""
        busy, self._busy = sorted(self._busy), set()
        return busy

    async def run_once(self, channel: Channel, now: Instant) -> Pass:
        """One pass: new slots for starts that were missed, then as many due messages as there
        are slots and connections for.
        """
        steps = self._clock.steps
        slotless = await self._reserve_anew(channel, now, steps)
        request = self._request(channel)
        claim = await self._claim(request, now)
        for flight in self._flights_of(claim.messages, now, steps):
            self._start(flight)
        self.claimed += len(claim.messages)
        wake_at = min(claim.wake_at, now + SLOTLESS_PAUSE) if slotless else claim.wake_at
        return Pass(
            len(claim.messages),
            slotless,
            wake_at,
            starved=request.free_connections <= 0 or bool(request.left_out()),
        )

    async def _reserve_anew(self, channel: Channel, now: Instant, steps: int) -> int:
        missed = self._pacer.take_missed(channel)
        if not missed:
            return 0
        try:
            slots = await self._database.write(
                reserve_again,
                self._request(channel),
                [_given_back(flight, steps) for flight in missed],
                now,
            )
        except BaseException:
            for flight in missed:
                # it may have left the log, if only the answer was lost: a slot given back
                # twice is another message's
                flight.slot = 0
            self._pacer.put_back(missed)
            raise
        for flight, slot in zip(missed, slots, strict=True):
            if slot is not None:
                self._pacer.give(flight, slot, steps)
            elif (
                now - flight.begun_at > GIVE_UP_AFTER
                # its channel is paused, or its limit very low: the connection serves others
                # meanwhile
            ):
                self._pacer.give_up(flight)
            else:
                flight.slot = 0  # its old slot has left the log; it must not leave it twice
        self._pacer.put_back(
            [flight for flight, slot in zip(missed, slots, strict=True) if slot is None]
        )
        return slots.count(None)

    async def _claim(self, request: ClaimRequest, now: Instant) -> Claim:
        claim = await self._database.write(claims.claim, request, now)
        self._commits.append(self._clock.now() - now)
        self._busy.update(claim.busy)
        if claim.recovered:
            log.warning(
                "claimed again after a lease ran out",
                messages=claim.recovered,
                channel=request.channel.value,
            )
        return claim

    def _request(self, channel: Channel) -> ClaimRequest:
        return ClaimRequest(
            channel=channel,
            dispatcher=self._terms.dispatcher,
            writer=self._terms.writer,
            rate=self._terms.rates[channel],
            lead=lead_after(self._commits),
            lease=self._terms.lease,
            free_connections=self._flights.free,
            held=self._flights.held(),
            most=most_at(self._terms.rates[channel]),
            events=self._terms.events,
        )

    def _flights_of(self, messages: list[ClaimedMessage], now: Instant, steps: int) -> list[Flight]:
        sizes = Counter(message.lane for message in messages)
        batches = {
            message.lane: Batch(message.workspace, message.channel, sizes[message.lane])
            for message in messages
        }
        lease_until, begun_at = now + self._terms.lease, self._clock.now()
        return [
            Flight(m, batches[m.lane], m.slot, lease_until, begun_at, min(order, MOST_APART), steps)
            for order, m in enumerate(messages)
        ]

    def _start(self, flight: Flight) -> None:
        self._flights.add(flight)
        flight.task = asyncio.get_running_loop().create_task(self._deliver(flight))

    async def _deliver(self, flight: Flight) -> None:
        """Deliver one message and hand its outcome on; whatever happens, the flight ends in the
        settler.
        """
        message = flight.message
        delivery = Delivery(
            message.id,
            message.workspace,
            message.channel,
            message.contact,
            message.number,
            message.payload,
            message.base_url,
            message.secrets,
        )
        try:
            answer = await self._sender.send(delivery, lambda: self._pacer.gate(flight))
        except GivenUp:
            self._settler.release(flight)
        except asyncio.CancelledError:
            if flight.started_at is None:
                self._settler.release(flight)
            raise
        except Exception as bug:
            log.exception("a sender broke", job=message.id)
            self._settler.settle(
                flight, Answer(Kind.FAILED, error=f"The sender broke: {type(bug).__name__}")
            )
        else:
            self.lag = max(0, (flight.started_at or message.slot) - message.visible_at)
            self._settler.settle(flight, answer)


def _given_back(flight: Flight, steps: int) -> tuple[int, Instant, int]:
    """The lane, slot and units of a flight that missed its slot; 0 for a slot of before the
    clock was stepped: what stands there now is another message's.
    """
    return flight.message.lane, flight.slot if flight.steps == steps else 0, flight.message.units
