"""What a forecast is made from: a channel with its limit, and its lanes with what each has
to send and by which rules.

Filled by the flows that read the store; read by `estimate`, `fluid_simulation` and
`sharing`. It holds counts, never messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from queue_services.domain.calendar import Window
from queue_services.domain.message import Instant


class Wait(StrEnum):
    """What a message, or a lane's messages, wait for.

    RECEIVER is an endpoint that answers too slowly for the connections it may have; TURN
    are the other lanes whose turn it is.
    """

    DUE = "due"
    WINDOW = "window"
    WORKSPACE_LIMIT = "workspace_limit"
    SERVICE_LIMIT = "service_limit"
    PAUSE = "pause"
    HOLD = "hold"
    RECEIVER = "receiver"
    TURN = "turn"


class LaneLoad(msgspec.Struct, frozen=True, gc=False):
    """What one lane has to send and what it sends by.

    `due` messages are due now, each of `waves` (when, how many) later. `limit` is its own,
    in messages a second, None for the service's. `answer` is how long its endpoint takes to
    answer, in microseconds. `lanes` is how many lanes are just like this one. `quota` is
    how many messages a day of its zone may have (None: any number), `left_today` what is
    left of it. `units` are how much its next messages take of a limit each, as a sample:
    those behind them count as much on average.
    """

    due: int = 0
    waves: tuple[tuple[Instant, int], ...] = ()
    limit: float | None = None
    weight: float = 1
    window: Window | None = None
    zone: str = "UTC"
    held_until: Instant = 0
    paused: bool = False
    answer: int = 0
    lanes: int = 1
    quota: int | None = None
    left_today: int = 0
    units: tuple[int, ...] = (1,)

    @property
    def size(self) -> float:
        """The units of a message on average."""
        return sum(self.units) / len(self.units)

    @property
    def backlog(self) -> int:
        """How many messages are due now or will be."""
        return self.due + sum(count for _, count in self.waves)


class Load(msgspec.Struct, frozen=True):
    """A channel as it is at `now`: its `limit` a second, the lane that is asked about, all
    `others`, and the connections that deliveries share.
    """

    now: Instant
    limit: float
    lane: LaneLoad
    others: Sequence[LaneLoad] = ()
    paused: bool = False
    concurrency: int = 256
