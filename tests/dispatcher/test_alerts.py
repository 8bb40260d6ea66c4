"""The alerts of two processes: evaluated by one at a time, delivered until the sink takes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from queue_services.clock import Clock
from queue_services.delivery.notifications import Notifier
from queue_services.dispatcher.alerts import AlertRunner
from queue_services.domain.alerts import AlertState, Figure, Rule, Subject
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.notifications import SlackSink
from queue_services.queue import alerts
from queue_services.queue.forecasts import Forecasts
from queue_services.storage import open_database
from queue_services.storage.port import Database
from tests.delivery.receiver import Receiver, answering
from tests.support.builders import NOW

NONE_ALIVE = Rule(
    Subject(Figure.DISPATCHERS),
    1,
    over=False,
    hold_for=10 * SECOND,
    quiet=0,
    clear_at=1,
    sinks=("ops",),
)


class Process:
    """One process's alerts on a shared store; `seconds` moves the clock."""

    def __init__(self, database: Database) -> None:
        self.seconds = 0.0
        self.database = database
        self.clock = Clock(monotonic=lambda: self.seconds, wall=lambda: NOW / SECOND)
        self.notifier = Notifier(5, self.clock.now, lambda _: None)
        limits = dict.fromkeys(Channel, 50.0)
        forecasts = Forecasts(database, self.clock, limits, 256)
        self.runner = AlertRunner(database, self.clock, forecasts, self.notifier)

    async def state(self) -> AlertState:
        return (await alerts.find.run(self.database, "gone")).standing.state


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/queue.db")
    await opened.migrate()
    yield opened
    await opened.close()


async def test_an_alert_about_dispatchers_fires_where_none_runs(database: Database) -> None:
    process = Process(database)
    async with Receiver.start() as receiver:
        await alerts.put_sink.run(database, "ops", SlackSink(url=receiver.url))
        await alerts.put.run(database, "gone", NONE_ALIVE)
        states = []
        for _ in range(4):
            await process.runner.evaluate()
            await process.runner.deliver()
            states.append(await process.state())
            process.seconds += 5
        await process.notifier.close()
        assert states == ["pending", "pending", "firing", "firing"]
        assert len(receiver.requests) == 1


async def test_one_of_two_processes_evaluates_and_the_other_takes_over(database: Database) -> None:
    first, second = Process(database), Process(database)
    async with Receiver.start() as receiver:
        await alerts.put_sink.run(database, "ops", SlackSink(url=receiver.url))
        await alerts.put.run(database, "gone", NONE_ALIVE)
        await first.runner.evaluate()
        second.seconds = 12
        await second.runner.evaluate()  # the first holds the watch: nothing is evaluated
        assert await second.state() == "pending"
        second.seconds = 20
        await second.runner.evaluate()
        assert await second.state() == "firing"
        for process in (first, second):
            process.seconds = 20
            await process.runner.deliver()
            await process.notifier.close()
        assert len(receiver.requests) == 1


async def test_a_notification_is_sent_again_with_the_same_id_until_its_sink_takes_it(
    database: Database,
) -> None:
    process = Process(database)
    async with Receiver.start(answering(503, b"")) as receiver:
        await alerts.put_sink.run(database, "ops", SlackSink(url=receiver.url))
        await alerts.put.run(database, "gone", NONE_ALIVE)
        for seconds in (0.0, 5.0, 10.0):
            process.seconds = seconds
            await process.runner.evaluate()
        for seconds in (10.0, 10.5, 11.0, 13.0):
            process.seconds = seconds
            await process.runner.deliver()
        await process.notifier.close()
        ids = [request.headers["idempotency-key"] for request in receiver.requests]
    assert len(ids) == 3
    assert len(set(ids)) == 1
