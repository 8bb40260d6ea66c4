"""Real processes under load while somebody kills them: an application that schedules until it is told that it is done, receivers, and the comparison of
what was told, what came and what the store says.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.acceptance.processes import COMMAND, Arrivals, Service, email, sms, start, statuses
from tests.delivery.receiver import Receiver
from tests.support.densest import densest

BATCH = 25
AHEAD = 400
"""Messages that are accepted and have not come: the application waits then."""
PATIENCE = 240.0
TICK = 0.01
RATES = {"sms": 50, "email": 200}


@dataclass(frozen=True)
class Figures:
    """What an ordeal came to. `twice` counts deliveries beyond the first of a message; `broken` says what must not be."""

    name: str
    accepted: int
    delivered: int
    twice: int
    densest: dict[str, int]
    harms: int
    seconds: float
    verified: str
    broken: list[str]

    def __str__(self) -> str:
        seconds = ", ".join(f"{channel} {most} of {RATES[channel]}" for channel, most in self.densest.items())
        outcome = "; ".join(self.broken) or "nothing lost"
        counted = f"{self.accepted:,} accepted, {self.delivered:,} arrived, {self.twice} a second time"
        return f"{self.name}: {self.harms} times; {counted}; densest second {seconds}; {outcome}"


@dataclass
class Ordeal:
    """One store, its processes, one receiver and one application. `harms` counts what was done to them.

    `held_back`: the network kept what was sent and let it go at once, so that only the store can say how dense it was when it was sent.
    """

    name: str
    database_url: str
    receiver: Receiver
    arrivals: Arrivals
    settings: dict[str, Any]
    rnd: random.Random = field(default_factory=lambda: random.Random(1))
    services: dict[str, Service] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    harms: int = 0
    tolerated_twice: int = 0
    held_back: bool = False
    began: float = field(default_factory=time.monotonic)
    stalls: list[tuple[float, float]] = field(default_factory=list)
    _ticked: float = 0.0
    _scheduling: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, name: str) -> None:
        """Start the process that goes by `name`: its command, and a number where there are several."""
        self.services[name] = await start(name.partition("-")[0], self.database_url, self.receiver.url, **self.settings)

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

    def tick(self) -> None:
        """Notice when this process itself stood still: what came meanwhile seems to have come at once."""
        now = time.monotonic()
        if self._ticked and now - self._ticked > 2 * TICK:
            self.stalls.append((self._ticked, now + TICK))
        self._ticked = now
        asyncio.get_running_loop().call_later(TICK, self.tick)

    def schedule(self) -> None:
        """Begin to schedule, until `finish`."""
        self.tick()
        self._scheduling = asyncio.create_task(self._schedule())

    async def _schedule(self) -> None:
        number = 0
        async with httpx2.AsyncClient(timeout=10) as client:
            while not self._stop.is_set():
                await self.until(lambda: len(self.accepted) - len(self.arrivals.jobs()) < AHEAD or self._stop.is_set())
                numbers = range(number, number + BATCH)
                number += BATCH
                await self._hand_in(client, [self._message(one) for one in numbers])

    async def _hand_in(self, client: httpx2.AsyncClient, messages: list[dict[str, Any]]) -> None:
        """Send a batch again and again until there is an answer; its keys make that safe."""
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                answer = await client.post(f"{self.url}/api/schedule-batch", json={"messages": messages})
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
        seen = len(self.arrivals.seen)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.receiver.until(lambda: len(self.arrivals.seen) > seen)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something that has arrived makes it true."""
        async with asyncio.timeout(PATIENCE):
            while not reached():
                await self.moment(0.2)

    async def more(self, count: int) -> None:
        """Wait for so many further deliveries."""
        target = len(self.arrivals.seen) + count
        await self.until(lambda: len(self.arrivals.seen) >= target)

    async def finish(self) -> Figures:
        """Schedule no more, wait until all have come and are recorded, stop the processes and compare."""
        self._stop.set()
        assert self._scheduling is not None
        await self._scheduling
        jobs = list(self.accepted.values())
        await self.until(lambda: not set(jobs) - set(self.arrivals.jobs()))
        async with asyncio.timeout(PATIENCE):
            while (counted := await statuses(self.url, jobs))["COMPLETED"] < len(jobs):
                await self.moment(0.2)
        codes = {name: await service.stop() for name, service in self.services.items()}
        verified = await self._verify()
        return self._compare(counted, codes, verified)

    def _well_timed(self, times: list[float]) -> list[float]:
        """Those of the times that this process can vouch for."""
        return [at for at in times if not any(begin <= at <= end for begin, end in self.stalls)]

    async def _verify(self) -> tuple[int, str]:
        """`queue-services verify` on the store: its exit code and what it said."""
        limits = {f"QUEUE_SERVICES_{channel.upper()}_PER_SECOND": str(rate) for channel, rate in RATES.items()}
        environment = {"PATH": os.environ["PATH"], "QUEUE_SERVICES_DATABASE_URL": self.database_url, **limits}
        process = await asyncio.create_subprocess_exec(COMMAND, "verify", env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    def _compare(self, counted: Any, codes: dict[str, int], verified: tuple[int, str]) -> Figures:
        came, told = self.arrivals.jobs(), set(self.accepted.values())
        twice = sum(came.values()) - len(came)
        times = {channel: [at for at, request in self.arrivals.seen if ("subject" in request.json) == (channel == "email")] for channel in RATES}
        densities = {channel: densest(self._well_timed(those)) for channel, those in times.items()}
        broken = [f"verify: {verified[1]}"] * (verified[0] != 0)
        broken += [f"{len(told - set(came))} were accepted and never came"] * bool(told - set(came))
        broken += [f"{len(set(came) - told)} came that nobody was told of"] * bool(set(came) - told)
        broken += [f"{channel}: {most} came in a second" for channel, most in densities.items() if most > RATES[channel] and not self.held_back]
        broken += [f"{twice} came twice, with {self.tolerated_twice} in flight at most"] * (twice > self.tolerated_twice)
        broken += [f"{name} ended with {code}" for name, code in codes.items() if code]
        broken += [f"states: {json.dumps(dict(counted))}"] * (counted["COMPLETED"] != len(told))
        return Figures(self.name, len(told), len(came), twice, densities, self.harms, time.monotonic() - self.began, verified[1], broken)


@contextlib.asynccontextmanager
async def ordeal(name: str, database_url: str, *processes: str, receiver: Receiver, arrivals: Arrivals, **settings: Any) -> AsyncIterator[Ordeal]:
    """An ordeal whose processes run and whose application schedules; everything is killed at the end."""
    limits = {f"{channel}_per_second": rate for channel, rate in RATES.items()}
    made = Ordeal(name, database_url, receiver, arrivals, {"concurrency": 64, "lease_seconds": 2, **limits, **settings})
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
