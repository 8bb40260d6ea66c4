"""What must be true after any simulated world, whatever happened in it."""

from __future__ import annotations

from collections.abc import Iterator

from queue_services.domain.message import SECOND, Channel, Status
from queue_services.queue import jobs
from tests.dispatcher.world import START
from tests.simulation.kinds import Kind
from tests.simulation.metering import over_quota
from tests.simulation.people import LIMITED
from tests.simulation.world import FOLLOWED, Simulation
from tests.support.densest import densest


async def broken(world: Simulation) -> list[str]:
    """Every rule that the world has broken, in a sentence each."""
    found = [*world.ended_badly, *world.receivers.broken]
    found += await world.findings()
    found += await _ends(world)
    found += _after_the_end(world)
    found += _limits(world)
    found += over_quota(world.meters)
    return found


async def _ends(world: Simulation) -> list[str]:
    """Every accepted message has ended once, and as delivered just when a receiver took it."""
    accepted, now = list(world.memory.accepted), world.true_now() + world.step_of_database
    found = {job.id: job for job in await world.database.read(jobs.find, accepted, now)}
    delivered = world.receivers.delivered()
    wrong = [
        f"{message} was accepted and is not there" for message in accepted if message not in found
    ]
    wrong += [
        f"{job.id} has not ended: {job.status}"
        for job in found.values()
        if job.status in (Status.SCHEDULED, Status.CLAIMED)
        and not (world.steps and job.due_at > max(job.created_at, now))
    ]
    wrong += [
        f"{job.id} is delivered, and no receiver took it"
        for job in found.values()
        if job.status is Status.DELIVERED and job.id not in delivered
    ]
    wrong += [
        f"{message} came although nobody was told that it was accepted"
        for message in world.receivers.ids() - set(accepted)
    ]
    if world.kind is Kind.TOLD:
        wrong += world.listener.broken(list(found.values()))
    return wrong


def _after_the_end(world: Simulation) -> Iterator[str]:
    """What was cancelled or has expired is not sent afterwards."""
    for arrival in world.receivers.arrivals:
        message = world.memory.accepted.get(arrival.delivery.id)
        cancelled_at = world.memory.cancelled.get(arrival.delivery.id)
        if cancelled_at is not None and arrival.at > cancelled_at + 0.01:
            yield (
                f"{arrival.delivery.id} came at {arrival.at:.3f}, and was cancelled at"
                f" {cancelled_at:.3f}"
            )
        expires_at = None if message is None else message.expires_at
        if (
            expires_at is not None
            and not world.steps
            and arrival.at > expires_at / SECOND - START + 0.05
        ):
            yield f"{arrival.delivery.id} came at {arrival.at:.3f}, after it had expired"


def _limits(world: Simulation) -> Iterator[str]:
    """No window of a second holds more than the channel's limit, or the workspace's own, but
    where a process started before the others had followed a step: it cannot know of one.
    """
    for channel, rate in world.rates.items():
        yield from _over(world, channel, None, rate)
        for workspace in LIMITED:
            yield from _over(
                world, channel, workspace, min(rate, world.memory.limits[workspace, channel])
            )


def _over(world: Simulation, channel: Channel, workspace: str | None, rate: float) -> Iterator[str]:
    times = world.receivers.times(channel, workspace)
    for step in world.steps:
        if any(step <= start < step + FOLLOWED for start in world.starts):
            times = [at for at in times if not step <= at < step + FOLLOWED]
    if (most := densest(times)) > rate + (1 if rate == 1 else 0):
        yield f"{channel} of {workspace or 'all'}: {most} in a second where {rate:g} was the limit"
