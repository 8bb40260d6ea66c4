"""The claiming flow: lanes in turn, their due messages, a slot for each, all in one transaction.

Run by the dispatcher, a channel at a time. Lock order: lanes (those another dispatcher
holds are passed over), pending rows, the channel's limit last. It writes no counter. What
it must not do: wait for a campaign's row, or touch a message that got no slot.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from queue_services.domain import exceedance, limits, turns
from queue_services.domain.limits import LimitLog
from queue_services.domain.message import FOREVER, Channel, Instant
from queue_services.domain.workspace import secrets_in_force
from queue_services.queue import candidates, events, exceedances, slots
from queue_services.queue.candidates import Found
from queue_services.queue.lane_settings import read_workspace
from queue_services.queue.lanes import (
    LANES_A_CLAIM,
    Candidate,
    ClaimRequest,
    Lane,
    earliest_of,
    is_busy,
    lock_lanes,
    lock_passed_over,
    place,
    save_lanes,
)
from queue_services.queue.tallies import Tally
from queue_services.storage.port import Tx

__all__ = ["Claim", "ClaimRequest", "ClaimedMessage", "claim", "renew"]


class ClaimedMessage(msgspec.Struct, frozen=True, gc=False):
    """A message that this dispatcher holds until its lease ends, to be started at `slot`.
    `number` is what its attempt will be called.

    `units` are how much it takes of a limit. `base_url` and `secrets` (newest first) are
    the workspace's own, where it has any. `events` says that somebody is to be told of its
    end.
    """

    id: str
    lane: int
    workspace: str
    channel: Channel
    contact: str
    campaign: int | None
    epoch: int
    claim: int
    number: int
    tries: int
    refused_since: Instant | None
    due_at: Instant
    visible_at: Instant
    expires_at: Instant | None
    slot: Instant
    payload: str
    units: int = 1
    base_url: str | None = None
    secrets: tuple[str, ...] = ()
    events: bool = False


class Claim(msgspec.Struct, frozen=True):
    """What one claim took, and when the next may find something (FOREVER: only a wake can tell).

    `recovered` had a lease that ran out; the lanes in `busy` near their limit.
    """

    messages: list[ClaimedMessage]
    wake_at: Instant
    recovered: int = 0
    busy: tuple[int, ...] = ()


class _Callback(msgspec.Struct, frozen=True):
    """Where a workspace's messages go and how they are signed, where that is its own."""

    base_url: str | None = None
    secrets: tuple[str, ...] = ()


_PLAIN = _Callback()


async def claim(tx: Tx, request: ClaimRequest, now: Instant) -> Claim:
    """Take what is due by the end of the lead, in turn, as far as slots and connections go."""
    log, paused = await slots.read_limit(tx, "read_limit", request.channel, now)
    free = min(
        limits.free(log, request.rate, now, request.lead), request.most, request.free_connections
    )
    if paused or free <= 0:
        return Claim(
            [], FOREVER if paused or request.free_connections <= 0 else _refilled(log, request, now)
        )
    before = now + request.lead
    lanes, found = await _lanes(tx, request, before, free, log, now)
    taken: list[tuple[Candidate, Instant]] = []
    if lanes:
        high, normal = await candidates.allowed(tx, request, lanes.values(), found, before, now)
        if high or normal:
            taken, log = await _reserve_and_claim(tx, request, lanes, high, normal, before, now)
        used_up = limits.free(log, request.rate, now, request.lead) == 0
        await _leave(tx, request, lanes, before, free, now, used_up=used_up)
    callbacks = await _callbacks(
        tx,
        request.channel,
        (lane for lane in lanes.values() if lane.taken and lane.terms.callback),
        now,
    )
    [[ready_at]] = await tx.fetch("first_ready", request.channel.value, request.left_out())
    wake_at = (FOREVER if ready_at is None else ready_at) - request.lead
    if limits.free(log, request.rate, now, request.lead) == 0:
        wake_at = max(wake_at, _refilled(log, request, now))
    messages = [
        _claimed(candidate, slot, lanes[candidate.lane], request, callbacks)
        for candidate, slot in taken
    ]
    busy = tuple(lane.id for lane in lanes.values() if is_busy(lane, request, now))
    return Claim(
        messages, wake_at, sum(candidate.claimed_by is not None for candidate, _ in taken), busy
    )


async def _lanes(
    tx: Tx, request: ClaimRequest, before: Instant, free: int, log: LimitLog, now: Instant
) -> tuple[dict[int, Lane], Found]:
    """The locked lanes of this claim by id, and what they have due: those in turn as far as
    the free slots reach, and those that slots are kept for.
    """
    most = min(free, LANES_A_CLAIM)
    in_turn = await lock_lanes(tx, request, before, most, now)
    found = await candidates.take_turns(tx, in_turn, free, before, more=len(in_turn) == most)
    lanes = {
        lane.id: lane for lane in in_turn if lane.share or lane.cap <= 0
    }  # who was not reached stays where it is
    if kept := len(turns.high_slots(log.number, free)):
        passed_over = await lock_passed_over(tx, request, before, kept, lanes, now)
        await candidates.ask(
            tx, [(lane, lane.share) for lane in passed_over if lane.share], before, found
        )
        lanes |= {lane.id: lane for lane in passed_over}
    return lanes, found


def _refilled(log: LimitLog, request: ClaimRequest, now: Instant) -> Instant:
    """When half of the horizon is free again: a pass a slot would make batches of one,
    waiting for all of it would leave slots unused.
    """
    return (
        limits.next_free(log, request.rate, now, request.lead) - request.lead - limits.HORIZON // 2
    )


async def _reserve_and_claim(
    tx: Tx,
    request: ClaimRequest,
    lanes: dict[int, Lane],
    high: list[Candidate],
    normal: list[Candidate],
    before: Instant,
    now: Instant,
) -> tuple[list[tuple[Candidate, Instant]], LimitLog]:
    """Lock the limit, give each candidate its slot in order, and claim those that got one;
    the slots of those that are gone go back.
    """
    log, paused = await slots.read_limit(tx, "lock_limit", request.channel, now)
    reserved = [] if paused else slots.reserve(log, request, lanes, high, normal, now)
    lease_until = now + request.lease
    rows = await tx.changed(
        "claim_messages",
        [(c.id, c.claim) for c, _ in reserved],
        request.dispatcher,
        lease_until,
        before,
    )
    claimed = {row[0] for row in rows}
    taken = []
    for candidate, slot in reserved:
        lane = lanes[candidate.lane]
        if candidate.id in claimed:
            lane.take(candidate, slot)
            taken.append((candidate, slot))
        else:
            slots.give_back(log, request, lane.own, slot, candidate.units)
    await slots.save_limit(tx, request.channel, log)
    return taken, log


async def _leave(
    tx: Tx,
    request: ClaimRequest,
    lanes: dict[int, Lane],
    before: Instant,
    free: int,
    now: Instant,
    *,
    used_up: bool,
) -> None:
    """Give each lane its next place, and note which of them are left with more than their
    limit sends.
    """
    earliest = await earliest_of(tx, lanes)
    placed = []
    for order, lane in enumerate(lanes.values()):
        behind = min(
            now + order,
            before,
            # not all at once: those that used up their turns in one claim keep their order in
            # the next round
        )
        placed.append((lane, *place(lane, earliest[lane.id], before, free, now, behind)))
    over = [
        (lane, found)
        for lane, due_at, high_at in placed
        if min(due_at, high_at) <= before
        and (found := await exceedances.exceeded(tx, request, lane, now, used_up=used_up))
        is not None
    ]
    if over:
        tally = Tally()
        await exceedances.add(tx, (found for _, found in over), tally)
        await tally.add(
            tx, f"{request.writer}-claims", now
        )  # rows of its own: settling may hold the dispatcher's others, and the limit is locked
    await save_lanes(tx, placed, now)
    told = [
        (lane.workspace, request.channel, exceedance.message(found.rate))
        for lane, found in over
        if request.events or lane.terms.events
    ]
    if told:
        await events.exceeded(tx, told, now)


async def _callbacks(
    tx: Tx, channel: Channel, lanes: Iterable[Lane], now: Instant
) -> dict[str, _Callback]:
    """The callbacks of those workspaces that have something of their own; most have not,
    and cost no look.
    """
    found = {}
    for identity, settings in await tx.each(
        "callback_workspaces", [(lane.workspace,) for lane in lanes]
    ):
        workspace = read_workspace(identity, settings)
        found[identity] = _Callback(
            workspace.base_urls.get(channel), secrets_in_force(workspace, now)
        )
    return found


def _claimed(
    c: Candidate, slot: Instant, lane: Lane, request: ClaimRequest, callbacks: dict[str, _Callback]
) -> ClaimedMessage:
    callback, channel, told = (
        callbacks.get(lane.workspace, _PLAIN),
        request.channel,
        request.events or lane.terms.events,
    )
    return ClaimedMessage(
        c.id,
        c.lane,
        lane.workspace,
        channel,
        c.contact,
        c.campaign,
        c.epoch,
        c.claim + 1,
        c.attempts + 1,
        c.tries,
        c.refused_since,
        c.due_at,
        c.visible_at,
        c.expires_at,
        slot,
        c.payload,
        c.units,
        callback.base_url,
        callback.secrets,
        told,
    )


async def renew(
    tx: Tx, claims: Iterable[tuple[str, int]], dispatcher: int, lease_until: Instant
) -> set[str]:
    """Move the end of the lease of messages in flight (id and claim number); the ids that
    are still this dispatcher's.
    """
    return {row[0] for row in await tx.each("renew_leases", claims, dispatcher, lease_until)}
