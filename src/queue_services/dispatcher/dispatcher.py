"""The pipeline of one process: claims run ahead into a buffer, a light transaction reserves
slots for its head, and starts take their slots from memory (`pacer`). A message that falls
due while the buffer is empty is claimed and gets its slot in one transaction.

`claim_once` and `reserve_once` are repeated by `dispatcher.runner`. Retries, holds and
limits are decided elsewhere: in `domain` and in the flows of `queue`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping

import msgspec
import structlog

from queue_services.clock import Clock
from queue_services.delivery.sender import Delivery, Sender
from queue_services.dispatcher.channel_state import (
    COMMITS_REMEMBERED,
    LARGEST_GROUP,
    ChannelState,
)
from queue_services.dispatcher.flights import Batch, Flight, Flights
from queue_services.dispatcher.limit_watch import LimitWatch
from queue_services.dispatcher.pacer import Pacer
from queue_services.dispatcher.settler import Settler
from queue_services.dispatcher.wakes import Wakes
from queue_services.domain.claim_lane import ClaimRequest
from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.limits import lead_after, most_at
from queue_services.domain.message import FOREVER, SECOND, Channel, Instant
from queue_services.domain.outcome import Answer
from queue_services.errors import LimitSilenced, StoreUnavailable
from queue_services.queue import claims, slots
from queue_services.queue.claims import Claim
from queue_services.queue.slots import Missed, Reserved, ReserveRequest
from queue_services.storage.port import Database

BUFFERED_BYTES = 32 * 1024 * 1024
CLAIMED_AHEAD = 500
"""The most messages of one claim ahead: a larger one holds the embedded store for longer than
slots should wait.
"""
UNSETTLED = 5_000
"""So many outcomes may wait to be settled before nothing more is claimed."""
TRY_AGAIN = 20_000
"""When messages without a slot of their own limit, or without a connection, are looked at again."""
GIVE_UP_AFTER = 3 * SECOND

log = structlog.get_logger(__name__)


class DispatcherTerms(msgspec.Struct, frozen=True):
    """Under what a dispatcher works: its id, its name in the tallies, the channels' limits
    a second, and the lease in microseconds.

    `events` says that the service has an URL for the events of every workspace.
    """

    dispatcher: int
    writer: str
    rates: Mapping[Channel, float]
    lease: int
    events: bool = False


class Pass(msgspec.Struct, frozen=True):
    """What a claim brought, and when the next may find something."""

    claimed: int
    wake_at: Instant


class Dispatcher:
    """Claims, reserves and starts for one process. The two channels overlap, two claims or two
    reservations of one channel may not.
    """

    def __init__(
        self,
        database: Database,
        limits: LimitWatch,
        clock: Clock,
        sender: Sender,
        flights: Flights,
        pacer: Pacer,
        settler: Settler,
        wakes: Wakes,
        terms: DispatcherTerms,
    ) -> None:
        self._database, self._limits, self._clock, self._sender = database, limits, clock, sender
        self._flights, self._pacer, self._settler = flights, pacer, settler
        self._wakes, self._terms = wakes, terms
        self._channels = {channel: ChannelState(terms.rates[channel]) for channel in Channel}
        self._answers: deque[tuple[Instant, int]] = deque(maxlen=COMMITS_REMEMBERED)
        self._answered = 0
        self._busy: set[int] = set()
        self.claimed = 0
        self.lag = 0

    def take_busy(self) -> list[int]:
        """The lanes that came near their limits since they were last asked for."""
        busy, self._busy = sorted(self._busy), set()
        return busy

    async def claim_once(self, channel: Channel) -> Pass:
        """One claim: with slots at once while nothing waits for slots, ahead of them else."""
        mine, now, steps = self._state(channel), self._clock.now(), self._clock.steps
        waiting = mine.more or mine.buffer or mine.reserving or self._pacer.has_missed(channel)
        at_once = not waiting
        request = self._at_once(channel) if at_once else self._ahead(channel, now)
        if request is None:
            return Pass(0, FOREVER)
        try:
            claim = await self._limits.write(claims.claim, request, now)
        except (StoreUnavailable, LimitSilenced):
            raise
        except Exception as fault:
            await self._isolate(mine, request, fault, now)
            raise
        mine.claimed()
        if at_once:
            mine.commits.append(self._clock.now() - now)
        flights = self._flights_of(claim.messages, now)
        self._note(channel, claim)
        if self._clock.now() < now:
            self._without_ahead(flights)
        elif at_once:
            for flight in flights:
                flight.slot, flight.steps = flight.message.slot, steps
            self._begin(flights)
        else:
            if not mine.buffer:
                self._wakes.reserve(channel)
            mine.buffer.add(flights)
        self._wakes.starved[channel] = request.free_connections <= 0 or bool(request.left_out())
        return Pass(len(flights), claim.wake_at)

    async def reserve_once(self, channel: Channel) -> Instant:
        """One reservation: new slots for starts that were late, then for the head of the buffer.
        When the next is worth while; FOREVER: at the next wake.
        """
        mine, now, steps = self._state(channel), self._clock.now(), self._clock.steps
        missed = self._without_ahead(self._pacer.take_missed(channel))
        if mine.steps != steps:
            mine.steps = steps
            self._without_ahead(mine.buffer.flights())
        self._give_back_blocked(mine, now)
        spare = self._spare(now)
        most = min(mine.next_group(self._pacer.misses), spare) - len(missed)
        high, normal = mine.buffer.take(most, lambda name: self._flights.held_by(name) >= spare)
        # Not all that could be taken, because of connections.
        self._wakes.short[channel] = bool(mine.buffer) and len(high) + len(normal) < mine.group
        if not (missed or high or normal):
            return now + TRY_AGAIN if mine.buffer else FOREVER
        request = ReserveRequest(
            channel=channel,
            rate=mine.rate,
            lead=lead_after(mine.commits),
            free_connections=spare,
            held=self._flights.held(),
            missed=[
                # A slot of before a step of the clock is another message's by now.
                Missed(flight.message, flight.slot if flight.steps == steps else 0)
                for flight in missed
            ],
            high=[flight.message for flight in high],
            normal=[flight.message for flight in normal],
            waiting=dict(mine.buffer.units),
        )
        mine.reserving = True
        try:
            reserved = await self._limits.write(slots.reserve, request, now)
        except BaseException as problem:
            for flight in missed:
                # It may have left the log, if only the answer was lost: a slot given back
                # twice is another message's.
                flight.slot = 0
            self._pacer.put_back(channel, missed)
            mine.buffer.put_back(high + normal)
            if isinstance(problem, Exception) and not isinstance(problem, StoreUnavailable):
                for flight in [*missed, *high, *normal]:
                    self.give_back(flight)
            raise
        finally:
            mine.reserving = False
        mine.commits.append(self._clock.now() - now)
        return self._apply(channel, missed, high, normal, reserved, steps)

    def _state(self, channel: Channel) -> ChannelState:
        """The channel's state, with the limit that is in force now."""
        mine = self._channels[channel]
        mine.rate = self._terms.rates[channel]
        return mine

    def ready(self, flight: Flight) -> None:
        """A connection stands for a flight whose slot found none."""
        self._pacer.start(flight)

    def answered(self, flight: Flight, answer: Answer) -> None:
        """A flight has its outcome."""
        started_at = flight.started_at or flight.slot
        self.lag = max(0, started_at - flight.message.visible_at)
        self._flights.disconnect(flight)
        self._answered += 1
        self._channels[flight.message.channel].served(flight.message.workspace)
        self._settler.settle(flight, answer)
        self._wakes.freed()

    def give_back(self, flight: Flight) -> None:
        """Let go of a flight that must not start any more; its message is due again."""
        if flight.ended:
            return
        if flight.outgoing is not None:
            flight.outgoing.abandon()
        self._channels[flight.message.channel].buffer.remove(flight)
        self._flights.disconnect(flight)
        self._settler.release(flight)
        self._wakes.freed()

    def stop(self) -> None:
        """Give back everything that has not started."""
        for flight in self._flights.all():
            if flight.started_at is None:
                self.give_back(flight)

    async def _isolate(
        self, mine: ChannelState, request: ClaimRequest, fault: Exception, now: Instant
    ) -> None:
        """Look for the lane whose claim fails, and hold it: the others go on."""
        if mine.claim_failed():
            error = f"{type(fault).__name__}: {fault}"
            workspace = await self._database.write(claims.hold_first, request, error, now)
            log.error(
                "claim.lane_held",
                workspace=workspace,
                channel=request.channel.value,
                error=error,
            )

    def _at_once(self, channel: Channel) -> ClaimRequest:
        return self._request(channel, min(most_at(self._terms.rates[channel]), LARGEST_GROUP))

    def _ahead(self, channel: Channel, now: Instant) -> ClaimRequest | None:
        """A claim for the buffer; None while it is more than half full."""
        mine = self._channels[channel]
        waiting = mine.buffer.total
        by_size = (BUFFERED_BYTES - mine.buffer.size) // mine.payload
        unsettled = len(self._flights) - self._flights.connected - len(mine.buffer)
        self._wakes.starved[channel] = unsettled > UNSETTLED
        if waiting > mine.places // 2 or by_size <= 0 or unsettled > UNSETTLED:
            return None
        request = self._request(channel, min(CLAIMED_AHEAD, mine.places - waiting, by_size))
        if mine.places < self._flights.concurrency:
            free, held = request.free_connections - len(mine.buffer), Counter(request.held)
            held.update(mine.buffer.held)
        else:
            # Connections are used many times while this buffer is emptied once.
            free, held = mine.places - waiting, mine.buffer.held
        return msgspec.structs.replace(
            request,
            reserves=False,
            free_connections=free,
            held=dict(held),
            waiting=dict(mine.buffer.units),
            blocked=mine.left_out(now),
        )

    def _request(self, channel: Channel, most: int) -> ClaimRequest:
        mine = self._channels[channel]
        return ClaimRequest(
            channel=channel,
            dispatcher=self._terms.dispatcher,
            writer=self._terms.writer,
            rate=mine.rate,
            lead=lead_after(mine.commits),
            lease=self._terms.lease,
            free_connections=self._flights.free,
            held=self._flights.held(),
            most=most,
            events=self._terms.events,
            lanes=mine.lanes,
        )

    def _note(self, channel: Channel, claim: Claim) -> None:
        mine = self._channels[channel]
        mine.more = claim.more
        self.claimed += len(claim.messages)
        self._busy.update(claim.busy)
        if claim.messages:
            size = sum(len(message.payload) for message in claim.messages)
            mine.payload = max(1, size // len(claim.messages))
        if claim.recovered:
            log.warning("claim.recovered", messages=claim.recovered, channel=channel.value)

    def _flights_of(self, messages: list[ClaimedMessage], now: Instant) -> list[Flight]:
        sizes = Counter(message.lane for message in messages)
        batches = {
            message.lane: Batch(message.workspace, message.channel, sizes[message.lane])
            for message in messages
        }
        flights = [
            Flight(message, batches[message.lane], now + self._terms.lease, now, self)
            for message in messages
        ]
        for flight in flights:
            self._flights.add(flight)
        return flights

    def _begin(self, flights: list[Flight]) -> None:
        """Hand flights that have slots to the sender, and start them when those come."""
        now = self._clock.now()
        for flight in flights:
            message = flight.message
            self._flights.connect(flight)
            flight.begun_at = now
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
            flight.outgoing = self._sender.begin(delivery, flight)
        self._pacer.add(flights)
        self._pacer.start_due()

    def _apply(
        self,
        channel: Channel,
        missed: list[Flight],
        high: list[Flight],
        normal: list[Flight],
        reserved: Reserved,
        steps: int,
    ) -> Instant:
        """Give each flight what was reserved for it."""
        mine, now = self._channels[channel], self._clock.now()
        again: list[Flight] = []
        given: list[Flight] = []
        unplaced: tuple[list[Flight], list[Flight], list[Flight]] = ([], [], [])
        of = [(0, flight) for flight in missed]
        of += [(1, flight) for flight in high] + [(2, flight) for flight in normal]
        for place, (kind, flight) in enumerate(of):
            slot = reserved.slots[place]
            if flight.ended:
                continue
            if place in reserved.closed:
                self.give_back(flight)
            elif slot is not None:
                flight.slot, flight.steps = slot, steps
                (again if kind == 0 else given).append(flight)
            elif reserved.next_at >= FOREVER or now - flight.claimed_at > GIVE_UP_AFTER:
                # Its channel is paused, or its limit very low: its place serves others meanwhile.
                self.give_back(flight)
            else:
                unplaced[kind].append(flight)
        for flight in unplaced[0]:
            flight.slot = 0  # its old slot has left the log; it must not leave it twice
        self._pacer.put_back(channel, unplaced[0])
        mine.buffer.put_back(unplaced[1] + unplaced[2])
        self._pacer.add(again)
        self._begin(given)
        for flight in given:
            mine.served(flight.message.workspace)
        if mine.buffer.total <= mine.places // 2:
            self._wakes.claim(channel)
        left = any(unplaced) or bool(mine.buffer)
        if not left:
            return FOREVER
        return max(min(reserved.next_at, now + SECOND), now + (0 if given else TRY_AGAIN // 4))

    def _spare(self, now: Instant) -> int:
        """Connections that are free, or will be by the time a slot that is reserved now comes:
        as many as were answered in the last such time.
        """
        lead = max(lead_after(mine.commits) for mine in self._channels.values())
        self._answers.append((now, self._answered))
        before = next((count for at, count in self._answers if at >= now - lead), self._answered)
        return self._flights.free + min(self._answered - before, self._flights.concurrency)

    def _without_ahead(self, flights: list[Flight]) -> list[Flight]:
        """Give back what was claimed by a clock that has been set back since; the others."""
        now = self._clock.now()
        for flight in flights:
            if flight.claimed_at > now:
                self.give_back(flight)
        return [flight for flight in flights if not flight.ended]

    def _give_back_blocked(self, mine: ChannelState, now: Instant) -> None:
        """Give back what has waited too long for a connection of its workspace."""
        overdue = mine.overdue(self._flights, now) & mine.buffer.held.keys()
        if overdue:
            for flight in mine.buffer.flights():
                if flight.message.workspace in overdue:
                    self.give_back(flight)
