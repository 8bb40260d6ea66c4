"""What a claim is asked for, and one lane of it: the most it may give, and where it waits
afterwards.

The parts of `domain.claim_plan`, which changes the lanes that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from queue_services.domain import limits, turns
from queue_services.domain.calendar import day_bounds
from queue_services.domain.connections import allowance
from queue_services.domain.holds import Hold, probes
from queue_services.domain.limits import BUFFER_SPAN, HORIZON, LimitLog
from queue_services.domain.message import Channel, Instant, Priority
from queue_services.domain.workspace import LaneTerms, opens_at

LANES_A_CLAIM = 256
"""How many lanes one claim locks at most."""
BUSY_AT = 0.5
"""From this share of a lane's limit on, maintenance looks at it each second: its warning
begins at 80%, and its scaling with the limit used up.
"""


class ClaimRequest(msgspec.Struct, frozen=True):
    """What a dispatcher asks for. `rate` is the channel's limit a second; `lead` and `lease`
    are microseconds.

    Where it `reserves`, slots are given within the claim, `free_connections` are the
    process's and `held` its connections by workspace; else both are places of its buffer.
    `waiting` are the units that it holds without a slot, by lane; `blocked` workspaces give
    nothing; at most `lanes` are looked at. `events` says that the service has an URL for the
    events of every workspace.
    `silences` is how often the limit had been silenced when the clock was measured last.
    """

    channel: Channel
    dispatcher: int
    writer: str
    rate: float
    lead: int
    lease: int
    free_connections: int
    held: dict[str, int]
    most: int = 10_000
    events: bool = False
    reserves: bool = True
    waiting: dict[int, int] = {}
    blocked: tuple[str, ...] = ()
    silences: int | None = None
    lanes: int = LANES_A_CLAIM

    def left_out(self) -> list[str]:
        """The workspaces that give nothing to this claim."""
        full = (name for name, held in self.held.items() if held >= self.free_connections)
        return [*self.blocked, *full]


class Candidate(msgspec.Struct, array_like=True, gc=False):
    """A due message that was read; it may turn out to be gone."""

    id: str
    lane: int
    claim: int
    priority: int
    campaign: int | None
    epoch: int
    due_at: Instant
    visible_at: Instant
    expires_at: Instant | None
    tries: int
    attempts: int
    refused_since: Instant | None
    claimed_by: int | None
    contact: str
    units: int
    payload: str


class Lane(msgspec.Struct):
    """A locked lane's row; what follows `day_count` is the plan's own.

    `rate` is its own limit where that is under the channel's. `opens_at` is when messages
    other than `high` may start. `cap` is the most it may give, `share` what it is given.
    `spent`: its own limit has no slot for a message of `wanted` units. `taken_units` count
    for its turn, `slots` in its log.
    """

    id: int
    workspace: str
    weight: float
    deficit: int
    rate: float | None
    log: LimitLog
    next_due_at: Instant
    next_high_at: Instant
    exceeded_at: Instant
    hold: Hold
    terms: LaneTerms
    day_ends_at: Instant
    day_count: int
    opens_at: Instant = 0
    share: int = 0
    cap: int = 0
    taken: int = 0
    taken_units: int = 0
    taken_high: bool = False
    high_only: bool = False
    spent: bool = False
    wanted: int = 1
    slots: list[Instant] = []

    @property
    def left_today(self) -> int | None:
        """What is left of its daily quota; None where it has none."""
        quota = self.terms.daily_quota
        return None if quota is None else max(0, quota - self.day_count)

    def counts(self, candidate: Candidate) -> bool:
        """Whether a candidate uses up the daily quota: once, at its first claim, and only where
        there is one; tries need none of it.
        """
        first = candidate.attempts == 0 and candidate.claimed_by is None
        return first and self.terms.daily_quota is not None

    def earliest(self, candidate: Candidate) -> Instant:
        """When a message of this lane may start at the earliest."""
        if candidate.priority == Priority.HIGH:
            return candidate.visible_at
        return max(candidate.visible_at, self.opens_at)

    def priorities(self, before: Instant) -> Sequence[Priority]:
        """Which messages it may give to a claim of what is due by `before`."""
        return [Priority.HIGH] if self.high_only or self.opens_at > before else list(Priority)

    def prepare(self, request: ClaimRequest, before: Instant, now: Instant) -> None:
        """Roll its day over, and set the most it may give: by its connections, hold, own limit,
        window and day.
        """
        terms = self.terms
        span = HORIZON if request.reserves else BUFFER_SPAN + HORIZON
        self.opens_at = opens_at(terms, now, now + request.lead + span)
        if terms.daily_quota is not None and now >= self.day_ends_at:
            self.day_ends_at, self.day_count = day_bounds(terms.zone, now)[1], 0
        cap = allowance(request.free_connections, request.held.get(self.workspace, 0))
        if probes(self.hold):
            cap = min(cap, 1)
        if self.rate is not None:
            cap = min(cap, max(0, self._own_slots(request, now)))
        if self.opens_at > before and self.next_high_at > before:
            cap = 0
        # With nothing left today it may give what has counted already, as much as it likes.
        self.cap = min(cap, self.left_today) if self.left_today else cap

    def rate_in_force(self, request: ClaimRequest) -> float:
        """The limit it is held to, messages a second."""
        return request.rate if self.rate is None else self.rate

    def is_spent(self, request: ClaimRequest, now: Instant) -> bool:
        """Whether its own limit has no slot left."""
        return self.spent or self._own_slots(request, now) <= 0

    def is_busy(self, request: ClaimRequest, now: Instant) -> bool:
        """Whether it gave messages and nears its limit."""
        rate = self.rate_in_force(request)
        seconds = limits.telling_seconds(rate)
        return self.taken > 0 and limits.utilization(self.log, rate, now, seconds) >= BUSY_AT

    def slot_at(self, request: ClaimRequest, now: Instant) -> Instant:
        """From when on a claim can give the next slot of its own limit; 0: it has none."""
        return limits.slot_at(
            self.log,
            self.rate,
            self.wanted,
            waiting=self._promised(request),
            ahead=not request.reserves,
            now=now,
        )

    def next_due(
        self,
        earliest: tuple[Instant, Instant],
        before: Instant,
        room: int,
        behind: Instant,
        now: Instant,
    ) -> tuple[Instant, Instant]:
        """When it is next due after a claim of `room`, and due with a `high` message; keeps the
        deficit of its turn in step.

        `behind` all that wait when its turn is used up, where it was when slots were missing.
        `earliest` is when its first `high` and its first other message are visible.
        """
        high_at, other_at = earliest[0], max(earliest[1], self.opens_at)
        due_at = min(high_at, other_at)
        if due_at > before:
            self.deficit = 0
        elif self.high_only:
            due_at = min(self.next_due_at, now)
        else:
            turn = turns.Turn(self.weight, self.deficit, self.cap)
            self.deficit = turns.rest_after(turn, self.taken_units, room, self.share)
            due_at = min(self.next_due_at, now) if self.deficit > 0 else behind
        if high_at <= before:
            high_at = behind if self.taken_high else min(max(high_at, self.next_high_at), now)
        return due_at, high_at

    def _promised(self, request: ClaimRequest) -> int:
        """The units that wait for slots of its own limit."""
        if request.reserves:
            return request.waiting.get(self.id, 0)
        return request.waiting.get(self.id, 0) + self.taken_units

    def _own_slots(self, request: ClaimRequest, now: Instant) -> int:
        if self.rate is None:
            return 1
        span = HORIZON if request.reserves else HORIZON + BUFFER_SPAN // 2
        free = limits.free(self.log, self.rate, now, request.lead, span)
        return free - self._promised(request)
