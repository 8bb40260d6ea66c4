"""What the pipeline of one channel remembers between its steps: the buffer, how long commits
take, how many starts it makes in time, and which workspaces have no connection left.
"""

from __future__ import annotations

from collections import deque

import msgspec

from queue_services.dispatcher.buffer import Buffer
from queue_services.dispatcher.flights import Flights
from queue_services.domain.claim_lane import LANES_A_CLAIM
from queue_services.domain.limits import BUFFER_SPAN
from queue_services.domain.message import SECOND, Instant

COMMITS_REMEMBERED = 32
BUFFERED = 2_000
"""The most messages of a channel that wait for slots."""
SMALLEST_GROUP, LARGEST_GROUP = 32, 1_000
"""Bounds of how many slots one reservation asks for."""
GROUP_STEP = 16
FAILURES = 2
MOST_AT_FAULT = 3
BLOCKED_FOR = SECOND
"""After so long without a connection or an answer for a workspace, its buffered messages go
back: their places serve others.
"""


class ChannelState(msgspec.Struct):
    """One channel's part of the pipeline. `commits` are the microseconds of the last
    transactions that reserved, `more`: the last claim left due messages, `steps`: how often the
    clock had been set when slots were reserved last. `payload` is the bytes
    of a message, on average.
    """

    rate: float
    buffer: Buffer = msgspec.field(default_factory=Buffer)
    commits: deque[int] = msgspec.field(default_factory=lambda: deque(maxlen=COMMITS_REMEMBERED))
    more: bool = False
    reserving: bool = False
    steps: int = 0
    payload: int = 1_000
    lanes: int = LANES_A_CLAIM
    _failures: int = 0
    _at_fault: int = 0
    group: int = 4 * SMALLEST_GROUP
    _misses: int = 0
    _blocked: dict[str, Instant] = {}
    _looked_at: Instant = 0

    @property
    def places(self) -> int:
        """How many units it may buffer: what the limit sends in the buffer's span."""
        return max(1, min(BUFFERED, int(self.rate * BUFFER_SPAN / SECOND)))

    def claimed(self) -> None:
        """A claim succeeded: the next may look at twice as many lanes."""
        self._failures = self._at_fault = 0
        self.lanes = min(LANES_A_CLAIM, 2 * self.lanes)

    def claim_failed(self) -> bool:
        """A claim failed for another reason than the store's absence; whether the first lane in
        turn is at fault: a claim that failed twice is tried with a lane at a time. Where every
        lane fails, none of them is.
        """
        self._failures += 1
        if self._failures < FAILURES:
            return False
        self._failures = 0
        if self.lanes > 1:
            self.lanes = 1
            return False
        self._at_fault += 1
        return self._at_fault <= MOST_AT_FAULT

    def next_group(self, misses: int) -> int:
        """How many slots a reservation may ask for, `misses` starts having been late so far: it
        shrinks while starts are late, and grows while none is.
        """
        late, self._misses = misses - self._misses, misses
        if late > self.group // 20:
            self.group = max(SMALLEST_GROUP, self.group // 2)
        elif not late:
            self.group = min(LARGEST_GROUP, self.group + GROUP_STEP)
        return self.group

    def overdue(self, flights: Flights, now: Instant) -> set[str]:
        """The workspaces that have held as many connections as are free, without an answer, for
        too long.
        """
        if not 0 <= now - self._looked_at < BLOCKED_FOR // 10:  # or the clock was set back
            self._looked_at, free = now, flights.free
            self._blocked = {
                name: min(self._blocked.get(name, now), now)
                for name in {*self.buffer.held, *self._blocked}
                if flights.held_by(name) >= max(free, 1)
            }
        return {name for name, since in self._blocked.items() if now - since > BLOCKED_FOR}

    def left_out(self, now: Instant) -> tuple[str, ...]:
        """The workspaces that nothing is claimed of, because they have no connection left."""
        return tuple(name for name, since in self._blocked.items() if now - since > BLOCKED_FOR)

    def served(self, workspace: str) -> None:
        """A message of a workspace got a connection, or was answered."""
        self._blocked.pop(workspace, None)
