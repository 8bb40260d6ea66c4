"""The fake service's messages and what may be done with them, in memory. Used by `routes`,
which speaks for it, and by the fakes, which deliver.

Time is the clock's alone. Limits, send windows and holds of a whole workspace are left out:
each message goes out when it is due.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from queue_services_client.errors import Conflict, NotFound
from queue_services_client.testing.clock import QueueClock
from queue_services_client.testing.held import MAX_ATTEMPTS, Held, counts
from queue_services_client.testing.intake import Accepted
from queue_services_client.testing.outcome import (
    Outcome,
    backoff,
    batch_limit,
    batch_outcomes,
    outcome_of,
    said_delivered,
)
from queue_services_client.types import (
    Attempt,
    CallbackAnswer,
    CampaignProgress,
    Change,
    Channel,
    Status,
)

CampaignKey = tuple[str, str]
PATIENCE = timedelta(hours=24)
"""How long a message may be unreachable or throttled before it fails."""
ORDER = {"high": 0, "normal": 1, "low": 2}


class FakeQueue:
    """Every message that was accepted, in order, and the campaigns that are paused."""

    def __init__(self, clock: QueueClock) -> None:
        self.clock = clock
        self.held: dict[str, Held] = {}
        self.changes: list[Change] = []
        self._keys: dict[tuple[str, str], Held] = {}
        self._campaigns: dict[CampaignKey, list[Held]] = defaultdict(list)
        self.asks: frozenset[Channel] = frozenset()
        self._paused: set[CampaignKey] = set()
        self._due: list[tuple[datetime, int, int, Held]] = []
        self._pushed = 0

    def schedule(self, message: Accepted) -> tuple[Held, bool]:
        """Take a message; True beside it when its idempotency key had come before. Raises
        Conflict where that was another message.
        """
        key = (message.workspace_id, message.key) if message.key else None
        if key and (first := self._keys.get(key)):
            if first.message.fingerprint != message.fingerprint:
                raise Conflict(
                    f"The idempotency key {message.key!r} belongs to another message, job"
                    f" {first.job_id}."
                )
            return first, True
        held = Held(self._new_id(), message, self.clock.now(), message.due, message.due)
        self.held[held.job_id] = held
        if key:
            self._keys[key] = held
        if message.campaign_id:
            self._campaigns[message.workspace_id, message.campaign_id].append(held)
        self._make_due(held, message.due)
        return held, False

    def find(self, job_id: str) -> Held:
        try:
            return self.held[job_id]
        except KeyError:
            raise NotFound(f"There is no job {job_id!r}.") from None

    def is_paused(self, held: Held) -> bool:
        return _campaign_of(held) in self._paused

    def cancel(self, job_id: str) -> Held:
        held = self._scheduled(job_id)
        self._end(held, Status.CANCELLED, "cancelled")
        return held

    def retry(self, job_id: str) -> Held:
        held = self.find(job_id)
        if held.status not in {Status.FAILED, Status.CANCELLED}:
            raise Conflict(
                f"Job {job_id} is {held.status}; only a FAILED or CANCELLED one can be retried."
            )
        (
            held.status,
            held.reason,
            held.finished_at,
            held.tries,
            held.refused_since,
            held.refusals,
        ) = (
            Status.SCHEDULED,
            None,
            None,
            0,
            None,
            0,
        )
        self._changed(held)
        self._make_due(held, self.clock.now())
        return held

    def reschedule(self, job_id: str, due: datetime) -> Held:
        held = self._scheduled(job_id)
        self._make_due(held, due)
        return held

    def take(self, until: datetime) -> Held | None:
        """The next message that is due by `until`, now PROCESSING, the clock moved to its time;
        None when there is none.
        """
        while self._due and self._due[0][0] <= until:
            at, _, _, held = heapq.heappop(self._due)
            if held.status is not Status.SCHEDULED or held.visible_at != at or self.is_paused(held):
                continue
            self.clock.move_to(at)
            if held.message.expires_at and held.message.expires_at <= self.clock.now():
                self._end(held, Status.CANCELLED, "expired")
                continue
            held.status = Status.PROCESSING
            return held
        return None

    def take_more(self, first: Held, size: int) -> list[Held]:
        """What is due now and may share a batch of `size` with `first`, now PROCESSING."""
        more: list[Held] = []
        others: list[Held] = []
        lane = (first.message.workspace_id, first.message.channel)
        while len(more) < size - 1 and (held := self.take(self.clock.now())):
            shares = (
                (held.message.workspace_id, held.message.channel) == lane
                and held.own_endpoint is None
                and not held.unconfirmed
                and (held.batch_limit or size) >= size
            )
            (more if shares else others).append(held)
        for held in others:
            self.release(held)
        return more

    def settle(self, held: Held, answer: CallbackAnswer | OSError) -> None:
        """Record what came of a delivery."""
        self._settle(held, outcome_of(answer), answer)

    def settle_batch(self, messages: Sequence[Held], answer: CallbackAnswer | OSError) -> None:
        """Record what came of a batch, of each of its messages."""
        outcomes = batch_outcomes(answer, [held.job_id for held in messages])
        smaller = batch_limit(answer, len(messages))
        for held, outcome in zip(messages, outcomes, strict=True):
            held.batch_limit = smaller or held.batch_limit
            self._settle(held, outcome, answer)

    def confirm(self, held: Held, answer: CallbackAnswer | OSError) -> None:
        """Record what the application said to the question whether it has the message."""
        delivered = said_delivered(answer)
        if delivered is None:
            self._refused(held, Outcome("unconfirmed", uses_try=False))
            return
        held.unconfirmed, held.refused_since, held.refusals = False, None, 0
        if delivered:
            self._attempted(held, Outcome("delivered"), None, confirmed=True)
            held.error = None
            self._end(held, Status.COMPLETED, None)
        else:
            exhausted = held.tries >= MAX_ATTEMPTS
            self._again(held, "exhausted" if exhausted else None, timedelta(0))

    def _settle(self, held: Held, outcome: Outcome, answer: CallbackAnswer | OSError) -> None:
        held.error = outcome.error
        held.tries += outcome.uses_try
        if outcome.word != "unreachable":  # no POST went out, so there is no attempt
            status_code = answer.status if isinstance(answer, CallbackAnswer) else None
            self._attempted(held, outcome, status_code)
        if outcome.final:
            self._end(
                held,
                *(
                    (Status.COMPLETED, None)
                    if outcome.word == "delivered"
                    else (Status.FAILED, "rejected")
                ),
            )
        elif outcome.uses_try:
            held.refused_since = None
            held.unconfirmed = outcome.word == "timeout" and held.message.channel in self.asks
            exhausted = held.tries >= MAX_ATTEMPTS and not held.unconfirmed
            self._again(held, "exhausted" if exhausted else None, backoff(held.tries))
        else:
            self._refused(held, outcome)

    def _attempted(
        self, held: Held, outcome: Outcome, status_code: int | None, *, confirmed: bool = False
    ) -> None:
        attempt = Attempt(
            number=len(held.attempts) + 1,
            started_at=self.clock.now(),
            duration_ms=None if confirmed else 0,
            outcome=outcome.word,
            status_code=status_code,
            error=outcome.error,
            confirmed=confirmed,
        )
        held.attempts.append(attempt)

    def release(self, held: Held) -> None:
        """Give back a message whose delivery did not happen."""
        held.status = Status.SCHEDULED
        self._wait_until(held, held.visible_at)

    def campaign(self, workspace_id: str, campaign_id: str) -> CampaignProgress:
        """How far a campaign is. Raises NotFound before its first message."""
        held = self._campaigns.get((workspace_id, campaign_id))
        if not held:
            raise NotFound(f"There is no campaign {campaign_id!r}.")
        open_ = [one.visible_at for one in held if one.status is Status.SCHEDULED]
        paused = (workspace_id, campaign_id) in self._paused
        return CampaignProgress(
            campaign_id=campaign_id,
            workspace_id=workspace_id,
            state="paused" if paused else "active",
            counts=counts(held),
            first_scheduled_for=min(one.due for one in held),
            last_scheduled_for=max(one.due for one in held),
            estimated_end=None if paused or not open_ else max(open_),
        )

    def pause_campaign(self, key: CampaignKey) -> int:
        self._paused.add(key)
        return len(list(self._waiting(key)))

    def resume_campaign(self, key: CampaignKey) -> int:
        self._paused.discard(key)
        return self._each(key, lambda held: self._wait_until(held, held.visible_at))

    def cancel_campaign(self, key: CampaignKey) -> int:
        return self._each(key, lambda held: self._end(held, Status.CANCELLED, "cancelled"))

    def shift_campaign(self, key: CampaignKey, by: timedelta) -> int:
        return self._each(
            key, lambda held: self._make_due(held, max(held.visible_at + by, self.clock.now()))
        )

    def _each(self, key: CampaignKey, act: Callable[[Held], None]) -> int:
        waiting = list(self._waiting(key))
        for held in waiting:
            act(held)
        return len(waiting)

    def _waiting(self, key: CampaignKey) -> Iterator[Held]:
        return (held for held in self._campaigns.get(key, ()) if held.status is Status.SCHEDULED)

    def _scheduled(self, job_id: str) -> Held:
        held = self.find(job_id)
        if held.status is not Status.SCHEDULED:
            raise Conflict(f"Job {job_id} is {held.status}; only a SCHEDULED one can be changed.")
        return held

    def _refused(self, held: Held, outcome: Outcome) -> None:
        held.refused_since = held.refused_since or self.clock.now()
        held.refusals += 1
        throttled = outcome.word == "throttled"
        given_up = self.clock.now() - held.refused_since >= PATIENCE
        wait = outcome.wait
        if wait is None:
            wait = min(backoff(held.refusals), timedelta(seconds=60))
        self._again(held, ("throttled" if throttled else "unreachable") if given_up else None, wait)

    def _again(self, held: Held, failed_for: str | None, wait: timedelta) -> None:
        if failed_for:
            self._end(held, Status.FAILED, failed_for)
            return
        held.status = Status.SCHEDULED
        self._wait_until(held, self.clock.now() + wait)

    def _make_due(self, held: Held, moment: datetime) -> None:
        held.due = moment
        self._wait_until(held, moment)

    def _wait_until(self, held: Held, moment: datetime) -> None:
        held.visible_at = moment
        self._pushed += 1
        heapq.heappush(self._due, (moment, ORDER[held.message.priority], self._pushed, held))

    def _end(self, held: Held, status: Status, reason: str | None) -> None:
        held.end(status, reason, self.clock.now())
        self._changed(held)

    def _changed(self, held: Held) -> None:
        self.changes.append(
            Change(job_id=held.job_id, status=held.status, changed_at=self.clock.now())
        )

    def _new_id(self) -> str:
        """A UUIDv7 of the clock's milliseconds and a running number, so that a test run repeats."""
        text = (
            f"{int(self.clock.time() * 1000):012x}7000{0x8000_0000_0000_0000 + len(self.held):016x}"
        )
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _campaign_of(held: Held) -> CampaignKey:
    return (held.message.workspace_id, held.message.campaign_id or "")
