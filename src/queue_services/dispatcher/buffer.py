"""Claimed messages of one channel that have no slot yet: a queue of turns, each of one lane,
whose first message by priority takes it when its turn has come.

Filled by claims, ahead of the limit; emptied by reservations. Turns of lanes with limits of
their own go first, or they would come too late to use their slots: how many turns a lane
has is the claims' decision. A turn that comes to nothing (no slot, no connection) keeps its
place.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count

from queue_services.dispatcher.flights import Flight

Entry = tuple[int, int, int, Flight]
"""Priority, visible_at, number, flight: what orders one lane's messages."""


class Buffer:
    """The buffer of one channel. `units` are those that wait, by lane, `total` all of them;
    `held` the messages by workspace; `size` is in bytes of payload.
    """

    def __init__(self) -> None:
        self._kept: deque[int] = deque()
        self._limited: deque[int] = deque()
        self._turns: deque[int] = deque()
        self._lanes: dict[int, list[Entry]] = {}
        self._numbers = count()
        self._flights: set[int] = set()
        self.units: Counter[int] = Counter()
        self.held: Counter[str] = Counter()
        self.total = 0
        self.size = 0

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, flight: Flight) -> bool:
        return id(flight) in self._flights

    def add(self, flights: Iterable[Flight]) -> None:
        """Queue flights in the order of their claim."""
        for flight in flights:
            self._queue_of(flight).append(flight.message.lane)
            self._put(flight)

    def take(
        self, most: int, is_blocked: Callable[[str], bool]
    ) -> tuple[list[Flight], list[Flight]]:
        """The first `most` for the slots that are kept for `high`, and in turn; none of a
        workspace that is blocked.
        """
        high = self._take(self._kept, most, is_blocked)
        limited = self._take(self._limited, most, is_blocked)
        return high, limited + self._take(self._turns, most - len(limited), is_blocked)

    def put_back(self, flights: list[Flight]) -> None:
        """Queue flights that came to nothing before all others, in this order."""
        for flight in reversed(flights):
            self._queue_of(flight).appendleft(flight.message.lane)
            self._put(flight)

    def remove(self, flight: Flight) -> None:
        """Take one flight out, wherever it waits."""
        if flight in self:
            self._forget(flight)

    def flights(self) -> list[Flight]:
        """Every flight that waits here."""
        return [
            entry[3] for entries in self._lanes.values() for entry in entries if entry[3] in self
        ]

    def _take(
        self, turns: deque[int], most: int, is_blocked: Callable[[str], bool]
    ) -> list[Flight]:
        taken: list[Flight] = []
        skipped: list[int] = []
        while turns and len(taken) < most:
            lane = turns.popleft()
            entries = self._lanes.get(lane)
            while entries and entries[0][3] not in self:
                heappop(entries)
            if not entries:
                self._lanes.pop(lane, None)
                continue
            flight = entries[0][3]
            if is_blocked(flight.message.workspace):
                skipped.append(lane)
                continue
            heappop(entries)
            self._forget(flight)
            taken.append(flight)
        turns.extendleft(reversed(skipped))
        return taken

    def _queue_of(self, flight: Flight) -> deque[int]:
        if flight.message.kept:
            return self._kept
        return self._limited if flight.message.limited else self._turns

    def _put(self, flight: Flight) -> None:
        message = flight.message
        entry = (message.priority, message.visible_at, next(self._numbers), flight)
        heappush(self._lanes.setdefault(message.lane, []), entry)
        self._flights.add(id(flight))
        self.units[message.lane] += message.units
        self.total += message.units
        self.held[message.workspace] += 1
        self.size += len(message.payload)

    def _forget(self, flight: Flight) -> None:
        message = flight.message
        self._flights.discard(id(flight))
        self.size -= len(message.payload)
        self.total -= message.units
        self.units[message.lane] -= message.units
        if not self.units[message.lane]:
            del self.units[message.lane]
        self.held[message.workspace] -= 1
        if not self.held[message.workspace]:
            del self.held[message.workspace]
