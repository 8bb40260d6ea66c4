"""What keeps the store in order while messages flow: campaigns, expiry, limits, totals,
retention, the clock; in bites, each its own transaction.

Run by `bootstrap` beside the runner, in every process that dispatches. Bites of two
processes do not collide.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

import structlog

from queue_services.clock import Clock
from queue_services.dispatcher.bites import Bites
from queue_services.dispatcher.campaign_following import CampaignFollower
from queue_services.dispatcher.clock_keeping import ClockKeeper
from queue_services.dispatcher.dispatcher import Dispatcher
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.domain.retry import TOLD_FOR
from queue_services.errors import StoreUnavailable
from queue_services.queue import (
    autoscaling,
    dispatchers,
    event_queue,
    folding,
    privacy,
    tiers,
)
from queue_services.queue.retention import BITE, FIRST_BITE, expire, prune, prune_exceedances
from queue_services.queue.transactions import Transaction
from queue_services.storage.port import Database

DEAD_AFTER = 60 * SECOND
STANDSTILL = 5 * SECOND

Bite = Transaction[[Instant, int], int]
"""Deletes or empties at most so many rows of what is older than an instant; answers how
many it did.
"""

log = structlog.get_logger(__name__)


class Maintenance:
    """The chores of one dispatching process. `rates` are the channels' limits a second.

    `retention` is microseconds that a finished message is kept, `body_age` that a delivered
    one's body is (None: as long as the message), `history_age` that a day is in the
    history.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        clock_keeper: ClockKeeper,
        dispatcher: Dispatcher,
        *,
        identity: int,
        writer: str,
        rates: Mapping[Channel, float],
        retention: int,
        history_age: int,
        body_age: int | None = None,
    ) -> None:
        self._database, self._clock, self._dispatcher, self._rates = (
            database,
            clock,
            dispatcher,
            rates,
        )
        self._identity, self._writer, self._retention = identity, writer, retention
        self._history_age, self._body_age = history_age, body_age
        self._clock_keeper = clock_keeper
        self._campaigns = CampaignFollower(database, clock, writer)
        self._bites: defaultdict[object, Bites] = defaultdict(
            lambda: Bites(clock, FIRST_BITE, BITE)
        )

    async def run(self) -> None:
        """Repeat every chore at its own interval until cancelled."""
        await asyncio.gather(
            self._campaigns.run(),
            self._every(1, self.expire),
            self._every(1, self.watch),
            self._every(1, self.apply_tiers),
            self._every(2, self.end_standstills),
            self._every(5, self.report),
            self._every(10, self.fold),
            self._clock_keeper.run(),
            self._every(30, self.prune),
            self._every(30, self.drop_bodies),
        )

    async def expire(self) -> None:
        """End what is past its `expires_at`."""
        await self._bites[expire].take_all(
            lambda most: expire.run(self._database, self._clock.now(), self._writer, most)
        )

    async def watch(self) -> None:
        """Scale the limits of lanes that use them up, and tell of limits that are nearly
        reached.
        """
        now = self._clock.now()
        lanes = await autoscaling.find.run(self._database, self._dispatcher.take_busy(), now)
        for start in range(0, len(lanes), autoscaling.BITE):
            for workspace, change in await autoscaling.observe.run(
                self._database, lanes[start : start + autoscaling.BITE], self._rates, now
            ):
                subject = {"workspace": workspace, "channel": change.channel.value}
                log.info(
                    "a limit was adjusted",
                    **subject,
                    limit=change.to_rate,
                    before=change.from_rate,
                    reason=change.reason.value,
                )

    async def apply_tiers(self) -> None:
        """Go on with what a call that changed a tier has not finished."""
        while await tiers.advance.run(self._database, self._clock.now()):
            self._database.wake()

    async def end_standstills(self) -> None:
        """Take the locks from processes that stand still (SIGSTOP, a paused machine) in the
        middle of a statement.
        """
        if ended := await dispatchers.end_standstills.run(
            self._database, self._clock.now() - STANDSTILL
        ):
            log.warning("ended sessions of a process that stands still", sessions=ended)

    async def report(self) -> None:
        """Tell that this dispatcher is alive, and forget those that have not told for long."""
        now = self._clock.now()
        await dispatchers.see.run(
            self._database,
            self._identity,
            now,
            self._dispatcher.claimed,
            self._dispatcher.lag,
            now - DEAD_AFTER,
        )

    async def fold(self) -> None:
        """Fold the tallies of minutes that are over, merge history that is old, and forget days
        that are too old.
        """
        for flow, age in (
            (folding.fold, 0),
            (folding.merge, 0),
            (folding.forget, self._history_age),
        ):
            while await flow.run(self._database, self._clock.now() - age) >= folding.BITE:
                await asyncio.sleep(0.02)  # deliveries share the writer: they go first

    async def prune(self) -> None:
        """Delete what ended longer ago than the retention, and events that nobody took for too
        long.
        """
        await self._take_all(prune, self._retention)
        await self._take_all(prune_exceedances, self._retention)
        await self._take_all(event_queue.prune, TOLD_FOR)
        await self._take_all(event_queue.prune_told, TOLD_FOR)

    async def drop_bodies(self) -> None:
        """Take the bodies of what was delivered longer ago than they are kept."""
        if (age := self._body_age) is not None:
            await self._take_all(privacy.drop_bodies, age)

    async def _take_all(self, bite: Bite, age: int) -> None:
        """Repeat a bite until nothing is older; how large each kind may be is learnt for
        itself, a row of one being dearer than of another.
        """
        await self._bites[bite].take_all(
            lambda most: bite.run(self._database, self._clock.now() - age, most)
        )

    async def _every(self, seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._clock.pause(seconds)
            try:
                await chore()
            except StoreUnavailable:
                continue
            except Exception:
                log.exception("a chore failed", chore=getattr(chore, "__name__", "?"))
