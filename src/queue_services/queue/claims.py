"""The claiming flow: lanes in turn, their due messages, and a slot for each where the claim
reserves at once, all in one transaction. It reads, asks the plan, and writes.

Run by the dispatcher, a channel at a time. Lock order: lanes (those another dispatcher
holds are passed over), the channel's limit where it reserves, pending rows. It writes no
counter. What it must not do: wait for a campaign's row, or touch a message that it does
not take.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from queue_services.domain import exceedance
from queue_services.domain.claim_lane import ClaimRequest, Lane
from queue_services.domain.claim_plan import ClaimPlan, Taken, Unsendable
from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.gate import CampaignState
from queue_services.domain.holds import FAULT_STEP, HoldReason, probes
from queue_services.domain.message import Channel, Instant, Priority, Reason
from queue_services.domain.workspace import secrets_in_force
from queue_services.queue import events, exceedances, lanes, results, slots
from queue_services.queue.exceedances import Exceedance
from queue_services.queue.lane_settings import read_workspace
from queue_services.queue.tallies import Tally
from queue_services.storage.port import Tx

PRIORITIES = [priority.value for priority in Priority]


class Claim(msgspec.Struct, frozen=True):
    """What one claim took, and when the next may find something (FOREVER: only a wake can tell).

    `more`: lanes are, or may be, left with due messages. `recovered` had a lease that ran out;
    the lanes in `busy` near their limit.
    """

    messages: list[ClaimedMessage]
    wake_at: Instant
    more: bool = False
    recovered: int = 0
    busy: tuple[int, ...] = ()
    silences: int = 0


class _Callback(msgspec.Struct, frozen=True):
    """Where a workspace's messages go and how they are signed, where that is its own."""

    base_url: str | None = None
    secrets: tuple[str, ...] = ()


_PLAIN = _Callback()


async def claim(tx: Tx, request: ClaimRequest, now: Instant) -> Claim:
    """Take what is due by the end of the lead, in turn, as far as the limit and places go."""
    log, paused = await slots.read_limit(tx, "read_limit", request.channel, now)
    slots.check_silences(log, request.silences)
    plan = ClaimPlan(request, log, now, paused=paused)
    if not plan.room:
        return Claim([], plan.wake_at(None), more=not paused, silences=log.silences)
    before = plan.before
    plan.take_lanes(await lanes.lock(tx, "claim_lanes", request, before, plan.lanes_wanted, now))
    while reads := plan.reads():
        plan.found(await lanes.read(tx, reads))
    if kept := plan.kept:
        passed_over = await lanes.lock(tx, "claim_high_lanes", request, before, kept, now)
        plan.found(await lanes.read(tx, plan.take_passed_over(passed_over)))
    if plan.lanes:
        await _take_out(tx, plan.judge(await _campaigns(tx, plan.campaigns())), request, now)
        await _claim(tx, request, plan, log.silences, now)
        await _leave(tx, request, plan, now)
    callbacks = await _callbacks(tx, request.channel, plan.lanes.values(), now)
    [[ready_at]] = await tx.fetch("first_ready", request.channel.value, request.left_out())
    return Claim(
        messages=[
            _claimed(taken, plan.lanes[taken.candidate.lane], request, callbacks)
            for taken in plan.taken
        ],
        wake_at=plan.wake_at(ready_at),
        more=ready_at is not None and ready_at <= before,
        recovered=sum(taken.candidate.claimed_by is not None for taken in plan.taken),
        busy=plan.busy(),
        silences=log.silences,
    )


async def _campaigns(tx: Tx, campaigns: list[int]) -> dict[int, CampaignState]:
    rows = await tx.each("share_campaign_states", [(campaign,) for campaign in campaigns])
    return {identity: CampaignState(*state) for identity, *state in rows}


async def _take_out(tx: Tx, unsendable: Unsendable, request: ClaimRequest, now: Instant) -> None:
    """End what has expired or was cancelled, and park what a paused campaign holds."""
    if unsendable.expired:
        await results.cancel_unclaimed(tx, unsendable.expired, Reason.EXPIRED, now, request.writer)
    for cancelled_at, key in unsendable.doomed:
        ids = [row[0] for row in await tx.fetch("doomed_messages", *key)]
        await results.cancel_unclaimed(
            tx, ids, Reason.CANCELLED, now, request.writer, finished_at=cancelled_at
        )
    for parked in unsendable.parked:
        await tx.fetch("park_messages", *parked)


async def _claim(
    tx: Tx, request: ClaimRequest, plan: ClaimPlan, silences: int, now: Instant
) -> None:
    """Claim what the plan chooses; where it reserves, with the channel's limit locked."""
    if not plan.has_sendable:
        return
    if request.reserves:
        log, paused = await slots.read_limit(tx, "lock_limit", request.channel, now)
        slots.check_silences(log, silences)
        chosen = plan.reserve(log, paused=paused)
    else:
        chosen = plan.choose()
    rows = await tx.changed(
        "claim_messages",
        [(taken.candidate.id, taken.candidate.claim) for taken in chosen],
        request.dispatcher,
        now + request.lease,
        plan.before,
    )
    plan.claimed(chosen, {row[0] for row in rows})
    if request.reserves:
        await slots.save_limit(tx, request.channel, log)


async def _leave(tx: Tx, request: ClaimRequest, plan: ClaimPlan, now: Instant) -> None:
    """Give each lane its next place, and record which of them are left with more than their
    limit sends.
    """
    earliest = await lanes.earliest(tx, plan.lanes)
    over: list[tuple[Lane, Exceedance]] = []
    for lane in plan.used_up():
        if min(earliest[lane.id]) > plan.before:
            continue
        [[left]] = await tx.fetch("count_visible", lane.id, PRIORITIES, now)
        if (found := plan.exceeded(lane, left)) is not None:
            due, rate, waits_until = found
            kind = "service" if lane.rate is None else "workspace"
            exceeded = Exceedance(
                lane.workspace, request.channel, now, due, rate, kind, waits_until
            )
            over.append((lane, exceeded))
    if over:
        tally = Tally()
        await exceedances.add(tx, (exceeded for _, exceeded in over), tally)
        # Rows of its own: settling may hold the dispatcher's others, and the limit is locked.
        await tally.add(tx, f"{request.writer}-claims", now)
    await lanes.save(tx, plan.places(earliest))
    announced = [
        (lane.workspace, request.channel, exceedance.message(exceeded.rate))
        for lane, exceeded in over
        if request.events or lane.terms.events
    ]
    if announced:
        await events.exceeded(tx, announced, now)


async def _callbacks(
    tx: Tx, channel: Channel, taken_from: Iterable[Lane], now: Instant
) -> dict[str, _Callback]:
    """The callbacks of those workspaces that have something of their own; most have not, and
    are not read.
    """
    own = [(lane.workspace,) for lane in taken_from if lane.taken and lane.terms.callback]
    found = {}
    for identity, settings in await tx.each("callback_workspaces", own):
        workspace = read_workspace(identity, settings)
        found[identity] = _Callback(
            workspace.base_urls.get(channel), secrets_in_force(workspace, now)
        )
    return found


def _claimed(
    taken: Taken, lane: Lane, request: ClaimRequest, callbacks: dict[str, _Callback]
) -> ClaimedMessage:
    c, slot = taken
    callback = callbacks.get(lane.workspace, _PLAIN)
    return ClaimedMessage(
        id=c.id,
        lane=c.lane,
        workspace=lane.workspace,
        channel=request.channel,
        contact=c.contact,
        campaign=c.campaign,
        epoch=c.epoch,
        claim=c.claim + 1,
        number=c.attempts + 1,
        tries=c.tries,
        refused_since=c.refused_since,
        due_at=c.due_at,
        visible_at=c.visible_at,
        expires_at=c.expires_at,
        slot=slot,
        payload=c.payload,
        units=c.units,
        base_url=callback.base_url,
        secrets=callback.secrets,
        events=request.events or lane.terms.events,
        priority=c.priority,
        kept=lane.high_only,
        limited=lane.rate is not None,
        probe=probes(lane.hold),
        day_ends_at=lane.day_ends_at if lane.counts(c) else 0,
    )


async def hold_first(tx: Tx, request: ClaimRequest, error: str, now: Instant) -> str | None:
    """Hold the first lane in turn because claims of it fail, whatever its row holds: nothing of
    it is read but its id. Its workspace; None where no lane is ready any more.
    """
    asked = (request.channel.value, now + request.lead, request.left_out(), 1)
    for row in await tx.fetch("claim_lanes", *asked):
        identity, workspace = row[:2]
        reason = HoldReason.FAULT
        await tx.fetch("hold_at_fault", identity, now + FAULT_STEP, reason.value, now)
        await events.held(tx, [(workspace, request.channel, reason, error)], now)
        return str(workspace)
    return None


async def renew(
    tx: Tx, claims: Iterable[tuple[str, int]], dispatcher: int, lease_until: Instant
) -> set[tuple[str, int]]:
    """Move the end of the lease of messages in flight (id and claim number); the claims that
    are still in force: a process may hold two of one message, of which one has lapsed.
    """
    rows = await tx.each("renew_leases", claims, dispatcher, lease_until)
    return {(message, claim) for message, claim in rows}
