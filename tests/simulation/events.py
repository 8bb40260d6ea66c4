"""The application's side of events in a simulated world: it fails and hangs as an endpoint
may, and notes what it took, in order.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from queue_services.delivery.sender import Notice
from queue_services.domain.message import Status
from queue_services.domain.outcome import Answer, Kind
from queue_services.queue.records import Job
from queue_services.storage.port import Tx
from tests.dispatcher.world import DELIVERED
from tests.simulation.receivers import TIMEOUT
from tests.storage.store import select

ENDS = {
    Status.DELIVERED: "message.completed",
    Status.DEAD: "message.failed",
    Status.CANCELLED: "message.cancelled",
}


@dataclass
class Listener:
    """`taken` are the events that were answered with success, in that order. `calm`: it
    takes everything.
    """

    rnd: random.Random
    calm: bool = False
    told: int = 0
    taken: list[Notice] = field(default_factory=list)

    async def take(self, notice: Notice) -> Answer:
        """Answer an event, in good time or not."""
        self.told += 1
        mood = 1.0 if self.calm else self.rnd.random()
        await asyncio.sleep(TIMEOUT if mood < 0.03 else self.rnd.uniform(0.002, 0.3))
        if mood < 0.03:
            return Answer(Kind.TIMEOUT, error="no answer")
        if mood < 0.25:
            return Answer(Kind.FAILED, 500, "no")
        if mood < 0.3:
            return Answer(Kind.UNREACHABLE, error="refused")
        self.taken.append(notice)
        return DELIVERED

    def broken(self, jobs: list[Job]) -> Iterator[str]:
        """Every end was told, what was told of a job came in the order in which it became true,
        and the last of it is how the job stands.
        """
        first: defaultdict[str, dict[str, Notice]] = defaultdict(dict)
        for notice in self.taken:
            if notice.job is not None:
                first[notice.job].setdefault(notice.id, notice)
        for job in jobs:
            told = list(first[job.id].values())
            if [notice.created_at for notice in told] != sorted(
                notice.created_at for notice in told
            ):
                yield (
                    f"what was told of {job.id} was out of order:"
                    f" {[notice.type for notice in told]}"
                )
            if job.status in ENDS and (not told or told[-1].type != ENDS[job.status]):
                yield (
                    f"{job.id} is {job.status}, and was told as {[notice.type for notice in told]}"
                )


class Messenger:
    """`delivery.sender.Messenger` of one process; one that was killed hears no answer."""

    def __init__(self, listener: Listener, dead: Callable[[], bool]) -> None:
        self._listener, self._dead = listener, dead

    async def send(self, notice: Notice) -> Answer:
        if self._dead():
            await asyncio.get_running_loop().create_future()
        return await self._listener.take(notice)

    async def close(self) -> None:
        return None


async def count_waiting(tx: Tx) -> int:
    """How many events have not been taken."""
    [[waiting]] = await select(tx, "select count(*) from event")
    return int(waiting)
