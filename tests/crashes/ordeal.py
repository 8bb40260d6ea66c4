"""Real processes under load while somebody kills them: an application that schedules until
it is told that it is done, receivers, and the comparison of what was told, what came and
what the store says.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from queue_services.domain.message import SECOND
from queue_services.storage import open_existing
from tests.acceptance.processes import (
    COMMAND,
    Program,
    Service,
    email,
    sms,
    start_program,
    statuses,
)
from tests.crashes.receiver import Apart, Arrival
from tests.storage.store import select
from tests.support.densest import densest

BATCH = 25
AHEAD = 400
"""Messages that are accepted and have not come: the application waits then."""
PATIENCE = 240.0
PROMPT = 0.012
"""Seconds from a start, as the store knows it, to its arrival: what a limit allows for.
What came later was held on its way.
"""
STARTS = """select cast(id as text), number, started_at from attempt
    union all select cast(id as text), attempts, started_at from result where outcome is not null"""
RATES = {"sms": 50, "email": 200}


@dataclass(frozen=True)
class Figures:
    """What an ordeal came to. `twice` counts deliveries beyond the first of a message;
    `broken` says what must not be.

    `densest` are a channel's densest seconds: of the starts in the store, of the arrivals
    whose times are `vouched` for, and of those that came promptly after a start in the
    store; `late` are those that did not.
    """

    name: str
    accepted: int
    delivered: int
    twice: int
    densest: dict[str, tuple[int, int, int]]
    vouched: int
    late: int
    harms: int
    seconds: float
    verified: str
    broken: list[str]

    def __str__(self) -> str:
        seconds = ", ".join(
            f"{channel} {started}, {came} and {prompt} of {RATES[channel]}"
            for channel, (started, came, prompt) in self.densest.items()
        )
        outcome = "; ".join(self.broken) or "nothing lost"
        counted = (
            f"{self.accepted:,} accepted, {self.delivered:,} arrived, {self.twice} a second time"
        )
        timed = (
            f"of {self.vouched:,} timed, {self.late} came over {PROMPT * 1000:g} ms off their start"
            " in the store"
        )
        return (
            f"{self.name}: {self.harms} times; {counted}; {timed}; densest second of starts, of"
            f" arrivals, of the prompt ones: {seconds}; {outcome}"
        )


@dataclass
class Ordeal:
    """One store, its processes, one receiver and one application. `harms` counts what was
    done to them.

    `tolerated_over` arrivals in a second may be more than the limit, of those that were
    held on their way.
    """

    name: str
    database_url: str
    receiver: Apart
    settings: dict[str, Any]
    rnd: random.Random = field(default_factory=lambda: random.Random(1))
    programs: dict[str, Program] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    harms: int = 0
    tolerated_twice: int = 0
    tolerated_over: float = 0
    began: float = field(default_factory=time.monotonic)
    _scheduling: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, name: str) -> None:
        """Start the process that goes by `name`: its command, and a number where there are
        several.
        """
        command = name.partition("-")[0]
        program = self.programs.get(name, [COMMAND])
        self.services[name] = await start_program(
            program, command, self.database_url, self.receiver.url, self.settings
        )

    async def kill(self, name: str) -> None:
        """kill -9, and start it again."""
        self.harms += 1
        self.tolerated_twice += self.settings["concurrency"]
        self.services[name].kill()
        await self.services[name].ended()
        await self.start(name)

    @property
    def url(self) -> str:
        """Some API."""
        return self.rnd.choice([service.url for service in self.services.values() if service.url])

    def schedule(self) -> None:
        """Begin to schedule, until `finish`."""
        self._scheduling = asyncio.create_task(self._schedule())

    async def _schedule(self) -> None:
        number = 0
        async with httpx2.AsyncClient(timeout=10) as client:
            while not self._stop.is_set():
                await self.until(
                    lambda: (
                        len(self.accepted) - len(self.receiver.jobs) < AHEAD or self._stop.is_set()
                    )
                )
                numbers = range(number, number + BATCH)
                number += BATCH
                await self._hand_in(client, [self._message(one) for one in numbers])

    async def _hand_in(self, client: httpx2.AsyncClient, messages: list[dict[str, Any]]) -> None:
        """Send a batch again and again until there is an answer; its keys make that safe."""
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                answer = await client.post(
                    f"{self.url}/api/schedule-batch", json={"messages": messages}
                )
                if answer.status_code == 200:
                    break
                assert answer.status_code == 503, answer.text
            await self.moment(0.1)
        for message, result in zip(messages, answer.json()["results"], strict=True):
            assert "jobId" in result, result
            self.accepted[message["idempotencyKey"]] = result["jobId"]

    def _message(self, number: int) -> dict[str, Any]:
        kind = sms if number % 5 == 0 else email
        members = {"idempotencyKey": f"key-{number}", "workspaceId": f"workspace-{number % 7}"}
        return kind(number, delay=self.rnd.choice([0, 0, 0, 1500]), **members)

    async def moment(self, seconds: float) -> None:
        """Wait for something to arrive, but no longer than that."""
        await self.receiver.moment(seconds)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something that has arrived makes it true."""
        async with asyncio.timeout(PATIENCE):
            while not reached():
                await self.moment(0.2)

    async def more(self, count: int) -> None:
        """Wait for so many further deliveries."""
        target = len(self.receiver.seen) + count
        await self.until(lambda: len(self.receiver.seen) >= target)

    async def finish(self) -> Figures:
        """Schedule no more, wait until all have come and are recorded, stop the processes and
        compare.
        """
        self._stop.set()
        assert self._scheduling is not None
        await self._scheduling
        jobs = list(self.accepted.values())
        await self.until(lambda: not set(jobs) - self.receiver.jobs.keys())
        async with asyncio.timeout(PATIENCE):
            while (counted := await statuses(self.url, jobs))["COMPLETED"] < len(jobs):
                await self.moment(0.2)
        codes = {name: await service.stop() for name, service in self.services.items()}
        return self._compare(counted, codes, await self._verify(), await self._starts())

    async def _starts(self) -> dict[tuple[str, int], float]:
        """When each attempt went out by the store, in monotonic seconds. What was in flight
        when its dispatcher died is not there.
        """
        since = time.monotonic() - time.time()
        database = open_existing(self.database_url)
        try:
            return {
                (job, number): at / SECOND + since
                for job, number, at in await database.read(select, STARTS)
            }
        finally:
            await database.close()

    async def _verify(self) -> tuple[int, str]:
        """`queue-services verify` on the store: its exit code and what it said."""
        limits = {
            f"QUEUE_SERVICES_{channel.upper()}_PER_SECOND": str(rate)
            for channel, rate in RATES.items()
        }
        environment = {
            "PATH": os.environ["PATH"],
            "QUEUE_SERVICES_DATABASE_URL": self.database_url,
            **limits,
        }
        process = await asyncio.create_subprocess_exec(
            COMMAND,
            "verify",
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    def _compare(
        self,
        counted: Any,
        codes: dict[str, int],
        verified: tuple[int, str],
        starts: dict[tuple[str, int], float],
    ) -> Figures:
        came, told = self.receiver.jobs, set(self.accepted.values())
        twice = sum(came.values()) - len(came)

        vouched = self.receiver.vouched()
        known = [one for one in vouched if (one.job, one.number) in starts]
        prompt = [
            one for one in known if abs(one.at - starts[one.job, one.number]) <= PROMPT
        ]  # far before it: another claim's, whose outcome was lost
        densities = {
            channel: (
                _by_store(verified[1], channel),
                _densest(vouched, channel),
                _densest(prompt, channel),
            )
            for channel in RATES
        }
        broken = [f"verify: {verified[1]}"] * (verified[0] != 0)
        broken += [f"{len(told - set(came))} were accepted and never came"] * bool(told - set(came))
        broken += [f"{len(set(came) - told)} came that nobody was told of"] * bool(set(came) - told)
        for channel, (_, most, promptly) in densities.items():
            limit = RATES[channel]
            broken += [f"{channel}: {most} came in a second, {promptly} of them promptly"] * (
                promptly > limit or most > limit + self.tolerated_over
            )
        broken += [f"{twice} came twice, with {self.tolerated_twice} in flight at most"] * (
            twice > self.tolerated_twice
        )
        broken += [f"{name} ended with {code}" for name, code in codes.items() if code]
        broken += [f"states: {json.dumps(dict(counted))}"] * (counted["COMPLETED"] != len(told))
        seconds = time.monotonic() - self.began
        return Figures(
            self.name,
            len(told),
            len(came),
            twice,
            densities,
            len(vouched),
            len(known) - len(prompt),
            self.harms,
            seconds,
            verified[1],
            broken,
        )


def _by_store(verified: str, channel: str) -> int:
    """The densest second of a channel's starts, as `queue-services verify` says it."""
    found = re.search(
        rf"^{channel} of the whole service: densest second (\d+)", verified, re.MULTILINE
    )
    return int(found[1]) if found else 0


def _densest(arrivals: list[Arrival], channel: str) -> int:
    return densest(one.at for one in arrivals if one.channel == channel)


@contextlib.asynccontextmanager
async def ordeal(
    name: str,
    database_url: str,
    *processes: str,
    receiver: Apart,
    programs: Mapping[str, Program] | None = None,
    **settings: Any,
) -> AsyncIterator[Ordeal]:
    """An ordeal whose processes run and whose application schedules; everything is killed
    at the end. `programs` run in place of the service's own.
    """
    limits = {f"{channel}_per_second": rate for channel, rate in RATES.items()}
    made = Ordeal(
        name,
        database_url,
        receiver,
        {"concurrency": 64, "lease_seconds": 2, **limits, **settings},
        programs=dict(programs or {}),
    )
    try:
        for process in processes:
            await made.start(process)
        made.schedule()
        yield made
    finally:
        if made._scheduling is not None:
            made._scheduling.cancel()
            await asyncio.gather(made._scheduling, return_exceptions=True)
        for service in made.services.values():
            if service.process.returncode is None:
                service.kill()
                await service.ended()
