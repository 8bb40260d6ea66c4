"""The claiming flow: lanes in turn, their due messages, a slot for each, all in one transaction.

Run by the dispatcher, a channel at a time. Lock order: lanes (those another dispatcher holds are passed over), pending rows, the channel's limit last.
It writes no counter. What it must not do: wait for a campaign's row, or touch a message that got no slot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain

import msgspec

from queue_services.domain import exceedance, limits, turns
from queue_services.domain.connections import allowance
from queue_services.domain.lane import Hold, HoldReason, probe, probes
from queue_services.domain.limits import LimitLog
from queue_services.domain.message import FOREVER, SECOND, Channel, Instant, Priority, Reason
from queue_services.storage import endings
from queue_services.storage.port import Row, Tx

LANES_A_CLAIM = 256


class ClaimRequest(msgspec.Struct, frozen=True):
    """What a dispatcher asks for. `rate` is the channel's limit a second; `lead` and `lease` are microseconds; `held` counts its connections by workspace."""

    channel: Channel
    dispatcher: int
    writer: str
    rate: float
    lead: int
    lease: int
    free_connections: int
    held: dict[str, int]
    most: int = 10_000

    def left_out(self) -> list[str]:
        """The workspaces that may take no connection more."""
        return [workspace for workspace, held in self.held.items() if held >= self.free_connections]


class ClaimedMessage(msgspec.Struct, frozen=True):
    """A message that this dispatcher holds until its lease ends, to be started at `slot`. `number` is what its attempt will be called."""

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


class Claim(msgspec.Struct, frozen=True):
    """What one claim took, and when the next may find something (FOREVER: only a wake can tell). `recovered` had a lease that ran out."""

    messages: list[ClaimedMessage]
    wake_at: Instant
    recovered: int = 0


class Lane(msgspec.Struct):
    """A locked lane's row, and what the claim has learnt of it."""

    id: int
    workspace: str
    weight: float
    rest: int
    rate: float | None
    log: LimitLog | None
    next_due_at: Instant
    next_high_at: Instant
    exceeded_at: Instant
    hold: Hold
    share: int = 0
    cap: int = 0
    taken: int = 0
    taken_high: bool = False
    high_only: bool = False

    @classmethod
    def from_row(cls, row: Row) -> Lane:
        identity, workspace, weight, rest, rate, log, due, high, exceeded, until, reason, step, refusals, set_at = row
        hold = Hold(until, HoldReason(reason) if reason else None, step, refusals, set_at)
        own = decode_log(log) if rate is not None else None
        return cls(identity, workspace, weight, rest, rate, own, due, high, exceeded, hold)


class Candidate(msgspec.Struct, array_like=True):
    """A due message read before the limit is locked; it may turn out to be gone."""

    id: str
    lane: int
    claim: int
    priority: int
    campaign: int | None
    epoch: int
    due_at: Instant
    visible_at: Instant
    expires_at: Instant | None
    tries: int
    attempts: int
    refused_since: Instant | None
    claimed_by: int | None
    contact: str
    payload: str


def decode_log(text: str | None) -> LimitLog:
    """A limit's log as it is stored; None is one that never sent."""
    return msgspec.json.decode(text, type=LimitLog) if text else LimitLog()


def encode_log(log: LimitLog) -> str:
    return msgspec.json.encode(log).decode()


async def claim(tx: Tx, request: ClaimRequest, now: Instant) -> Claim:
    """Take what is due by the end of the lead, in turn, as far as slots and connections go."""
    log, paused = await read_limit(tx, "read_limit", request.channel, now)
    free = min(limits.free(log, request.rate, now, request.lead), request.most, request.free_connections)
    if paused or free <= 0:
        return Claim([], FOREVER if paused or request.free_connections <= 0 else _refilled(log, request, now))
    before = now + request.lead
    lanes = await _lock_lanes(tx, request, before, free, log)
    taken: list[tuple[Candidate, Instant]] = []
    if lanes:
        high, normal = await _candidates(tx, request, lanes, before, now)
        if high or normal:
            taken, log = await _reserve_and_claim(tx, request, lanes, high, normal, before, now)
        used_up = limits.free(log, request.rate, now, request.lead) == 0
        await _save_lanes(tx, request, lanes, before, free, now, used_up=used_up)
    [[ready_at]] = await tx.fetch("first_ready", request.channel.value, request.left_out())
    wake_at = (FOREVER if ready_at is None else ready_at) - request.lead
    if limits.free(log, request.rate, now, request.lead) == 0:
        wake_at = max(wake_at, _refilled(log, request, now))
    messages = [_claimed(candidate, slot, lanes[candidate.lane], request.channel) for candidate, slot in taken]
    return Claim(messages, wake_at, sum(candidate.claimed_by is not None for candidate, _ in taken))


def _refilled(log: LimitLog, request: ClaimRequest, now: Instant) -> Instant:
    """When half of the horizon is free again: a pass a slot would make batches of one, waiting for all of it would leave slots unused."""
    return limits.next_free(log, request.rate, now, request.lead) - request.lead - limits.HORIZON // 2


async def read_limit(tx: Tx, statement: str, channel: Channel, now: Instant) -> tuple[LimitLog, bool]:
    """The channel's log and whether the channel is paused; a log with slots that no right clock can have reserved is silenced."""
    [[text, paused]] = await tx.fetch(statement, channel.value)
    log = decode_log(text)
    if limits.astray(log, now):
        limits.silence(log, now)
    return log, bool(paused)


async def _lock_lanes(tx: Tx, request: ClaimRequest, before: Instant, free: int, log: LimitLog) -> dict[int, Lane]:
    """Lock the first lanes in turn, each with its share of the free slots, and those with due `high` that the kept slots are for; by id."""
    left_out = request.left_out()
    lanes = {row[0]: Lane.from_row(row) for row in await tx.fetch("claim_lanes", request.channel.value, before, left_out, min(free, LANES_A_CLAIM))}
    for lane in lanes.values():
        lane.cap = _cap(request, lane)
    in_turn = list(lanes.values())
    for lane, share in zip(in_turn, turns.shares(free, [turns.Turn(lane.weight, lane.rest, lane.cap) for lane in in_turn]), strict=True):
        lane.share = share
    if kept := len(turns.high_slots(log.number, free)):
        rows = await tx.fetch("claim_high_lanes", request.channel.value, before, left_out, kept)
        passed_over = [lane for lane in (lanes.get(row[0]) or Lane.from_row(row) for row in rows) if not lane.share]
        for lane in passed_over:
            lane.high_only = True
            lane.share = min(-(-kept // len(passed_over)), _cap(request, lane))
            lanes[lane.id] = lane
    return lanes


def _cap(request: ClaimRequest, lane: Lane) -> int:
    cap = allowance(request.free_connections, request.held.get(lane.workspace, 0))
    return min(cap, 1) if probes(lane.hold) else cap


async def _candidates(tx: Tx, request: ClaimRequest, lanes: dict[int, Lane], before: Instant, now: Instant) -> tuple[list[Candidate], list[Candidate]]:
    """The messages that may go now: those for the kept slots, and each lane's share of the others, high first and oldest first."""
    asked = [
        (lane.id, priority.value, before, lane.share) for lane in lanes.values() for priority in ([Priority.HIGH] if lane.high_only else Priority) if lane.share
    ]
    found: dict[int, list[Candidate]] = {identity: [] for identity in lanes}
    for row in await tx.each("claim_candidates", asked):
        found[row[1]].append(Candidate(*row))
    allowed = await _allowed(tx, request, list(chain.from_iterable(found.values())), before, now)
    high: list[Candidate] = []
    normal: list[Candidate] = []
    for identity, lane in lanes.items():
        mine = sorted((c for c in found[identity] if c.id in allowed), key=lambda c: (c.priority, c.visible_at, c.id))[: lane.share]
        (high if lane.high_only else normal).extend(mine)
    return high, normal


async def _allowed(tx: Tx, request: ClaimRequest, candidates: list[Candidate], before: Instant, now: Instant) -> set[str]:
    """Which candidates may be sent: ends the expired and those of cancelled campaigns, parks those of paused ones."""
    expired = {c.id for c in candidates if c.expires_at is not None and c.expires_at <= before}
    if expired:
        await endings.cancel_unclaimed(tx, sorted(expired), Reason.EXPIRED, now, request.writer)
    campaigns = sorted({c.campaign for c in candidates if c.campaign is not None})
    states = {row[0]: row[1:] for row in await tx.each("share_campaign_states", [(c,) for c in campaigns])}
    allowed, parked, doomed = set(), set(), set()
    for c in candidates:
        if c.id in expired:
            continue
        state, cancel_epoch, cancelled_at = states.get(c.campaign, ("", 0, None)) if c.campaign is not None else ("active", 0, None)
        if state and c.epoch < cancel_epoch:
            doomed.add((cancelled_at, (c.lane, c.priority, before, c.campaign, cancel_epoch)))
        elif state in ("paused", "shifting"):
            parked.add((c.lane, c.priority, before, c.campaign))
        elif state:
            allowed.add(c.id)
    for cancelled_at, key in sorted(doomed):
        ids = [row[0] for row in await tx.fetch("doomed_messages", *key)]
        await endings.cancel_unclaimed(tx, ids, Reason.CANCELLED, now, request.writer, finished_at=cancelled_at)
    for paused in sorted(parked):
        await tx.fetch("park_messages", *paused)
    return allowed


async def _reserve_and_claim(
    tx: Tx, request: ClaimRequest, lanes: dict[int, Lane], high: list[Candidate], normal: list[Candidate], before: Instant, now: Instant
) -> tuple[list[tuple[Candidate, Instant]], LimitLog]:
    """Lock the limit, give each candidate its slot in order, and claim those that got one; the slots of those that are gone go back."""
    log, paused = await read_limit(tx, "lock_limit", request.channel, now)
    reserved = [] if paused else _reserve(log, request, lanes, high, normal, now)
    lease_until = now + request.lease
    rows = await tx.each("claim_messages", [(c.id, c.claim, request.dispatcher, lease_until, before) for c, _ in reserved])
    claimed = {row[0] for row in rows}
    taken = []
    for candidate, slot in reserved:
        lane = lanes[candidate.lane]
        if candidate.id in claimed:
            lane.taken += 1
            lane.taken_high |= candidate.priority == Priority.HIGH
            taken.append((candidate, slot))
            continue
        limits.give_back(log, request.rate, [slot])
        if lane.log is not None and lane.rate is not None:
            limits.give_back(lane.log, lane.rate, [slot])
    await tx.fetch("save_limit", request.channel.value, encode_log(log))
    return taken, log


def _reserve(
    log: LimitLog, request: ClaimRequest, lanes: dict[int, Lane], high: list[Candidate], normal: list[Candidate], now: Instant
) -> list[tuple[Candidate, Instant]]:
    """Every fourth slot of the channel to a passed-over lane's `high` message while there is one; the others in turn.

    Each start takes a connection: a lane is done when its workspace holds as many as are left free.
    """
    first, rest = iter(high), iter(normal)
    held, free = Counter(request.held), request.free_connections
    reserved: list[tuple[Candidate, Instant]] = []
    spent: set[int] = set()
    while True:
        kept = bool(turns.high_slots(log.number, 1))
        candidate = next(first, None) or next(rest, None) if kept else next(rest, None) or next(first, None)
        if candidate is None:
            return reserved
        lane = lanes[candidate.lane]
        if candidate.lane in spent or held[lane.workspace] >= free:
            continue
        if lane.log is None or lane.rate is None:
            slots = limits.reserve(log, request.rate, now, request.lead, [candidate.visible_at])
            if not slots:
                return reserved
        else:
            slots = limits.both(lane.log, lane.rate, log, request.rate, now, request.lead, [candidate.visible_at])
        if slots:
            reserved.append((candidate, slots[0]))
            held[lane.workspace] += 1
            free -= 1
        else:
            spent.add(candidate.lane)


async def _save_lanes(tx: Tx, request: ClaimRequest, lanes: dict[int, Lane], before: Instant, free: int, now: Instant, *, used_up: bool) -> None:
    """Give each lane its next place: behind all that wait when its turn is used up, where it was when slots were missing."""
    earliest = {lane: (high or FOREVER, other or FOREVER) for lane, high, other in await tx.each("lane_earliest", [(lane,) for lane in lanes])}
    rows = []
    for lane in lanes.values():
        high_at, other_at = earliest[lane.id]
        due_at = min(high_at, other_at)
        rest = lane.rest
        if due_at > before:
            rest = 0
        elif lane.high_only:
            due_at = min(lane.next_due_at, now)
        else:
            rest = turns.rest_after(turns.Turn(lane.weight, lane.rest, lane.cap), lane.taken, free)
            due_at = min(lane.next_due_at, now) if rest else now
        if high_at <= before:
            high_at = now if lane.taken_high else min(max(high_at, lane.next_high_at), now)
        if min(due_at, high_at) <= before:
            await _exceed(tx, request, lane, now, used_up=used_up)
        hold = probe(lane.hold, now) if lane.taken else lane.hold
        slot_at, log = 0, None
        if lane.log is not None and lane.rate is not None:
            slot_at, log = limits.next_free(lane.log, lane.rate, now, 0), encode_log(lane.log)
        rows.append((lane.id, due_at, high_at, slot_at, rest, log, lane.exceeded_at, hold.until))
    await tx.each("save_lanes", rows)


async def _exceed(tx: Tx, request: ClaimRequest, lane: Lane, now: Instant, *, used_up: bool) -> None:
    """Record, once a second at most, that a lane leaves behind more due messages than its limit sends in a second."""
    rate = request.rate if lane.rate is None else lane.rate
    short = used_up if lane.log is None or lane.rate is None else limits.free(lane.log, lane.rate, now, request.lead) == 0
    if not short or probes(lane.hold) or not exceedance.recordable(lane.exceeded_at, now):
        return
    [[left]] = await tx.fetch("count_visible", lane.id, [priority.value for priority in Priority], now)
    due = min(left + lane.taken, exceedance.DUE_COUNTED)
    if not exceedance.exceeded(due, left > 0, rate):
        return
    lane.exceeded_at = now
    waits_until = now + int(left / rate * SECOND)
    await add_exceedances(tx, [(lane.workspace, request.channel, now, due, rate, "service" if lane.rate is None else "workspace", waits_until)])


async def add_exceedances(tx: Tx, exceedances: Iterable[tuple[str, Channel, Instant, int, float, str, Instant | None]]) -> None:
    """Add to the ledger: workspace, channel, when, how many were due, the limit a second, which limit, and when the last of them can go."""
    rows = [
        (workspace, channel.value, at, due, exceedance.message(rate), kind, until)
        for workspace, channel, at, due, rate, kind, until in exceedances
    ]
    await tx.each("insert_exceedances", rows)


def _claimed(c: Candidate, slot: Instant, lane: Lane, channel: Channel) -> ClaimedMessage:
    return ClaimedMessage(
        c.id, c.lane, lane.workspace, channel, c.contact, c.campaign, c.epoch, c.claim + 1, c.attempts + 1, c.tries, c.refused_since,
        c.due_at, c.visible_at, c.expires_at, slot, c.payload,
    )  # fmt: skip


async def reserve_again(tx: Tx, request: ClaimRequest, missed: list[tuple[int, Instant]], now: Instant) -> list[Instant | None]:
    """New slots for messages that missed theirs (each its lane and the slot that goes back), before any new message; None where there is none yet."""
    own = {lane: (rate, decode_log(log)) for lane, rate, log in await tx.each("lane_logs", [(lane,) for lane in sorted({lane for lane, _ in missed})])}
    log, paused = await read_limit(tx, "lock_limit", request.channel, now)
    for lane, slot in missed:
        limits.give_back(log, request.rate, [slot])
        if lane in own:
            limits.give_back(own[lane][1], own[lane][0], [slot])
    slots: list[Instant | None] = []
    for lane, _ in missed:
        if lane in own:
            found = limits.both(own[lane][1], own[lane][0], log, request.rate, now, request.lead, [now])
        else:
            found = limits.reserve(log, request.rate, now, request.lead, [now])
        slots.append(found[0] if found and not paused else None)
    await tx.each("save_lane_logs", [(lane, encode_log(kept), limits.next_free(kept, rate, now, 0)) for lane, (rate, kept) in own.items()])
    await tx.fetch("save_limit", request.channel.value, encode_log(log))
    return slots


async def renew(tx: Tx, claims: Iterable[tuple[str, int]], dispatcher: int, lease_until: Instant) -> set[str]:
    """Move the end of the lease of messages in flight (id and claim number); the ids that are still this dispatcher's."""
    return {row[0] for row in await tx.each("renew_leases", [(message, claim_number, dispatcher, lease_until) for message, claim_number in claims])}


async def silence(tx: Tx, channel: Channel, now: Instant) -> None:
    """Let one window pass without a slot, and forget those before: after a clock error nobody knows when they really were."""
    log, _ = await read_limit(tx, "lock_limit", channel, now)
    limits.silence(log, now)
    await tx.fetch("save_limit", channel.value, encode_log(log))
