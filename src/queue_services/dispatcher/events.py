"""Tells the application of events: claims those that are due, POSTs them, records what came
of it; beside the messages, and in no one's way.

Run by `dispatcher.build` beside the runner, in every process that dispatches. Events have
connections, lanes and a backoff of their own; no limit, metric or job counts them, and none
that fails makes another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

import msgspec
import structlog

from queue_services.clock import Clock
from queue_services.delivery.sender import Messenger, Notice
from queue_services.domain.message import FOREVER, SECOND, Instant
from queue_services.domain.outcome import Answer
from queue_services.domain.retry import RetryPolicy, taken, tell_again_at
from queue_services.errors import StoreUnavailable
from queue_services.queue import event_queue, workspaces
from queue_services.queue.event_queue import ClaimedEvent, EventRequest, EventSettlement
from queue_services.queue.event_routes import SERVICE
from queue_services.storage.port import Database

GONE = 410
POLL = SECOND // 2
"""How long it sleeps at most: other processes have something to tell, too, and what was not
taken is due again.
"""

log = structlog.get_logger(__name__)


class EventTerms(msgspec.Struct, frozen=True):
    """Under what events are told: the dispatcher's id, whether the service has an URL for
    them, connections at once, the lease in microseconds, the backoff, a source of jitter in
    [0, 1), and seconds of patience when stopping.
    """

    dispatcher: int
    service_url: bool
    concurrency: int
    lease: int
    policy: RetryPolicy
    random: Callable[[], float]
    patience: float


class EventDispatcher:
    """One for a process. `wake` says that something may be due."""

    def __init__(
        self, database: Database, clock: Clock, messenger: Messenger, terms: EventTerms
    ) -> None:
        self._database, self._clock, self._messenger, self._terms = (
            database,
            clock,
            messenger,
            terms,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: Counter[str] = Counter()
        self._outcomes: list[EventSettlement] = []
        self._awake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Look now."""
        self._awake.set()

    def stop(self) -> None:
        """Let `run` claim no more."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Tell until `stop`; then finish what is in flight, for so long as there is patience."""
        try:
            while not self._stopping:
                self._awake.clear()
                if not await self._attempt():
                    await self._sleep()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._terms.patience)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(StoreUnavailable):
            await self._settle(self._clock.now())

    async def run_once(self, now: Instant) -> int:
        """One pass: record what came back, then claim and send what is due; how many were sent."""
        await self._settle(now)
        terms = self._terms
        request = EventRequest(
            terms.dispatcher,
            now + terms.lease,
            terms.concurrency - sum(self._held.values()),
            dict(self._held),
            () if terms.service_url else (SERVICE,),
        )
        if request.free < 1 or not await self._database.read(
            event_queue.is_due, now, request.closed()
        ):
            return 0
        claimed = await self._database.write(event_queue.claim, request, now)
        for event in claimed:
            self._held[event.route] += 1
            task = asyncio.create_task(self._send(event))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(claimed)

    async def _send(self, event: ClaimedEvent) -> None:
        started_at = self._clock.now()
        notice = Notice(
            event.id,
            event.type,
            event.job,
            event.workspace,
            event.channel,
            event.facts,
            event.created_at,
            event.tries + 1,
            event.url,
            event.secrets,
        )
        try:
            answer = await self._messenger.send(notice)
        except Exception:
            log.exception(
                "an event cannot be sent; it is due again when its lease ends", event_id=event.id
            )
            self._let_go(event)
        else:
            again_at = None if self._is_gone(event, answer) else self._again_at(event, answer)
            self._outcomes.append(EventSettlement(event, answer, started_at, again_at))
        self.wake()

    def _again_at(self, event: ClaimedEvent, answer: Answer) -> Instant | None:
        now, terms = self._clock.now(), self._terms
        return tell_again_at(
            answer,
            tries=event.tries,
            created_at=event.created_at,
            now=now,
            policy=terms.policy,
            random=terms.random,
        )

    async def _settle(self, now: Instant) -> None:
        """Record every outcome that came back, in one transaction; while the store is away they
        are kept.
        """
        outcomes = list(self._outcomes)
        if not outcomes:
            return
        await self._database.write(event_queue.settle, outcomes, self._terms.dispatcher, now)
        self._outcomes = self._outcomes[len(outcomes) :]
        for outcome in outcomes:
            self._let_go(outcome.event)
            answer, subject = (
                outcome.answer,
                {"event_id": outcome.event.id, "workspace": outcome.event.workspace},
            )
            if outcome.again_at is not None:
                error = (
                    answer.error if answer.status_code is None else None
                )  # what an endpoint says may repeat what it was told
                log.info(
                    "an event was not taken",
                    **subject,
                    attempt=outcome.event.tries + 1,
                    status=answer.status_code,
                    error=error,
                )
            elif not taken(answer) and not self._is_gone(outcome.event, answer):
                log.warning("an event was not taken for too long, and is dropped", **subject)
        gone = {
            (o.event.workspace, o.event.url)
            for o in outcomes
            if o.event.url is not None and self._is_gone(o.event, o.answer)
        }
        for workspace, url in sorted(gone):
            if await self._database.write(workspaces.turn_events_off, workspace, url, now):
                log.warning(
                    "the events URL answered 410: this workspace's events are off until it is set"
                    " again",
                    workspace=workspace,
                )

    def _let_go(self, event: ClaimedEvent) -> None:
        self._held[event.route] -= 1
        if not self._held[event.route]:
            del self._held[event.route]

    @staticmethod
    def _is_gone(event: ClaimedEvent, answer: Answer) -> bool:
        return event.url is not None and answer.status_code == GONE

    async def _attempt(self) -> int:
        """How many one pass sent; 0 where the store was away, or the pass failed: it goes on,
        whatever one pass meets.
        """
        try:
            return await self.run_once(self._clock.now())
        except StoreUnavailable as error:
            log.warning("events wait: the store is away", reason=error.reason)
        except Exception:
            log.exception("a pass over the events failed")
        self._awake.clear()  # not at once again
        return 0

    async def _sleep(self) -> None:
        if not self._stopping:
            await self._clock.wait(self._awake, FOREVER, poll=POLL)
