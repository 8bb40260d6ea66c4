"""What takes real time while a `SteppedClock` advances: the store's answers, and the
application's. Between them, time jumps.

Built by `bootstrap` around the store and every sender for `serve --test-clock`. Both do
what they did; the clock is told while they are at it.
"""

from __future__ import annotations

from collections.abc import Callable

from queue_services.delivery.sender import (
    Delivery,
    Messenger,
    Notice,
    Sender,
    Watcher,
)
from queue_services.domain.outcome import Answer
from queue_services.queue import intake
from queue_services.storage.port import Database, Flow, P, T
from queue_services.testclock.clock import SteppedClock

TAKING_IN = (intake.insert, intake.insert_all)
"""What is due in some time wakes nobody, because dispatchers poll each second; a clock that
jumps must know of it before it does.
"""


class SteppedDatabase:
    """A store that holds time while it works."""

    def __init__(self, database: Database, clock: SteppedClock) -> None:
        self._database, self._clock = database, clock
        self.backend = database.backend

    async def write(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As the store does."""
        with self._clock.working():
            written = await self._database.write(flow, *args, **kwargs)
        if flow in TAKING_IN:
            self._database.wake()
        return written

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As the store does."""
        with self._clock.working():
            return await self._database.read(flow, *args, **kwargs)

    async def migrate(self) -> None:
        """As the store does."""
        await self._database.migrate()

    async def close(self) -> None:
        """As the store does."""
        await self._database.close()

    def wake(self) -> None:
        """As the store does."""
        self._database.wake()

    def on_wake(self, listener: Callable[[], None]) -> None:
        """As the store does."""
        self._database.on_wake(listener)


class SteppedSender:
    """A sender that holds time while a message waits for a connection at its slot, and while
    it is answered, but not while it waits for its slot.
    """

    def __init__(self, sender: Sender, clock: SteppedClock) -> None:
        self._sender, self._clock = sender, clock

    def begin(self, delivery: Delivery, watcher: Watcher) -> SteppedOutgoing:
        """As the sender does."""
        return SteppedOutgoing(self._sender, delivery, watcher, self._clock)

    async def close(self) -> None:
        """As the sender does."""
        await self._sender.close()


class SteppedOutgoing:
    """One delivery of a `SteppedSender`: it stands between the sender and the watcher."""

    def __init__(
        self, sender: Sender, delivery: Delivery, watcher: Watcher, clock: SteppedClock
    ) -> None:
        self._watcher, self._clock, self._at_work = watcher, clock, False
        self._outgoing = sender.begin(delivery, self)

    def start(self) -> bool:
        """As the sender does."""
        self._hold(True)
        return self._outgoing.start()

    def abandon(self) -> None:
        """As the sender does."""
        self._hold(False)
        self._outgoing.abandon()

    def ready(self) -> None:
        """As the watcher does."""
        self._hold(False)
        self._watcher.ready()

    def answered(self, answer: Answer) -> None:
        """As the watcher does."""
        self._hold(False)
        self._watcher.answered(answer)

    def _hold(self, at_work: bool) -> None:
        if at_work and not self._at_work:
            self._clock.begin_work()
        elif self._at_work and not at_work:
            self._clock.end_work()
        self._at_work = at_work


class SteppedMessenger:
    """A messenger that holds time while it tells of an event."""

    def __init__(self, messenger: Messenger, clock: SteppedClock) -> None:
        self._messenger, self._clock = messenger, clock

    async def send(self, notice: Notice) -> Answer:
        """As the messenger does."""
        with self._clock.working():
            return await self._messenger.send(notice)

    async def close(self) -> None:
        """As the messenger does."""
        await self._messenger.close()
