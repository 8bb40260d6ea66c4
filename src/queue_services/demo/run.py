"""The demo: the main job on real processes. It starts a receiver and the service, schedules
a campaign over HTTP, watches it arrive, and judges the result.

Called by `cli`. Everything it starts ends with it, and what it writes is in a temporary
folder; nothing of the caller's settings or store is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec
from rich.console import Console

from queue_services.clock import Clock
from queue_services.dashboard.view import BASE as DASHBOARD
from queue_services.delivery.http1.target import get, post, read_target
from queue_services.demo import report
from queue_services.demo.campaign import LEAD, Planned, batch, plan, read_contacts
from queue_services.demo.stage import DemoFailed, Stage, examples, open_stage
from queue_services.demo.watch import Arrivals, Expected, Watch
from queue_services.domain.message import Channel
from queue_services.settings import Settings
from queue_services.wire.answers import BatchAnswer, Job, JobsAnswer
from queue_services.wire.bodies import JobIdsBody

CAMPAIGN_SECONDS, REFRESH_SECONDS = 30, 0.2


def run_demo(*, keep: bool = False, console: Console | None = None) -> int:
    """Run the demo; 0 if every message arrived exactly once, 1 if not, 130 if it was
    interrupted. `keep` leaves everything running until Ctrl-C.
    """
    with asyncio.Runner() as runner:
        try:
            return runner.run(_demo(console or Console(), keep=keep))
        except asyncio.CancelledError:
            return 130


async def _demo(console: Console, *, keep: bool) -> int:
    task = cast("asyncio.Task[int]", asyncio.current_task())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with tempfile.TemporaryDirectory(prefix="queue-services-demo-") as folder:
        async with open_stage(Path(folder)) as stage:
            console.print(
                f"The service is at {stage.service}, its receiver at {stage.receiver}.",
                highlight=False,
                soft_wrap=True,
            )
            faults = await _campaign(stage, console)
            for fault in faults:
                console.print(f"Not as promised: {fault}.", style="red")
            if not faults:
                console.print("Every message arrived exactly once.", style="green")
            if keep:
                console.print(
                    f"Still running, until Ctrl-C: the dashboard is at {stage.service}{DASHBOARD},"
                    f" the calls are listed at {stage.service}/docs, what arrived at"
                    f" {stage.receiver}/arrivals.",
                    soft_wrap=True,
                )
                await asyncio.Event().wait()
            return 1 if faults else 0


async def _campaign(stage: Stage, console: Console) -> list[str]:
    """Schedule, watch and show; what was not as promised."""
    clock = Clock()
    contacts = read_contacts(examples() / "contacts.csv")
    start = (clock.now() + LEAD) // 1000 * 1000
    planned = plan(contacts, start)
    console.print(report.plan_table(contacts, start))
    watch = Watch(await _schedule(stage, planned))
    statuses: dict[str, Job] = {}
    with contextlib.suppress(TimeoutError), report.live(console) as show:
        async with asyncio.timeout(CAMPAIGN_SECONDS):
            while not (watch.complete() and _finished(statuses)):
                await asyncio.sleep(REFRESH_SECONDS)
                await _look(stage, watch)
                show(watch, clock.now())
                statuses = await _statuses(stage, list(watch.expected)) if watch.complete() else {}
    await _look(stage, watch)
    console.print(
        report.result_table(
            watch,
            statuses,
            {
                Channel.SMS: int(Settings.sms_per_second),
                Channel.EMAIL: int(Settings.email_per_second),
            },
        )
    )
    return watch.faults(statuses)


async def _schedule(stage: Stage, planned: Sequence[Planned]) -> dict[str, Expected]:
    """Hand all messages to the service; what to expect, by job id."""
    scheduling = read_target(f"{stage.service}/api/schedule-batch")
    response = await stage.ask(post(scheduling, {}, batch(planned)))
    if response.status != 200:
        raise DemoFailed(
            f"The service did not take the campaign: {response.body.decode(errors='replace')}"
        )
    answer = msgspec.json.decode(response.body, type=BatchAnswer)
    if answer.rejected:
        raise DemoFailed(
            f"The service rejected {answer.rejected} messages:"
            f" {[result.errors for result in answer.results if result.errors][:3]}"
        )
    return {str(result.job_id): _expected(planned[result.index]) for result in answer.results}


def _expected(message: Planned) -> Expected:
    return Expected(message.channel, message.workspace, message.due_at)


async def _look(stage: Stage, watch: Watch) -> None:
    """Fetch what has arrived since the last look."""
    seen = len(watch.arrivals)
    response = await stage.ask(get(read_target(f"{stage.receiver}/arrivals?after={seen}"), {}))
    watch.add(msgspec.json.decode(response.body, type=Arrivals).arrivals)


async def _statuses(stage: Stage, jobs: list[str]) -> dict[str, Job]:
    """What the service says of the jobs."""
    body = msgspec.json.encode(JobIdsBody(job_ids=jobs))
    response = await stage.ask(post(read_target(f"{stage.service}/api/job-status"), {}, body))
    answer = msgspec.json.decode(response.body, type=JobsAnswer)
    return {job.job_id: job for job in answer.jobs}


def _finished(statuses: Mapping[str, Job]) -> bool:
    return bool(statuses) and all(
        job.status in ("COMPLETED", "FAILED", "CANCELLED") for job in statuses.values()
    )
