"""Reserves slots for claimed messages, in one light transaction: for starts that missed
theirs, and for the head of a dispatcher's buffer.

The rule is `domain.slot_plan`; `domain.gate` says which may start at all. Lock order: lanes
with limits of their own, then the channel's limit, just before the commit.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from queue_services.domain import gate, limits
from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.gate import CampaignState, LaneState
from queue_services.domain.limits import HORIZON, LimitLog
from queue_services.domain.message import FOREVER, Channel, Instant
from queue_services.domain.slot_plan import OwnLimit, SlotPlan, Wish
from queue_services.errors import LimitSilenced
from queue_services.queue.lane_settings import read_log, read_terms, write
from queue_services.storage.port import Tx, urgent


class Missed(msgspec.Struct, frozen=True, gc=False):
    """A message that missed `slot`, which goes back (0: it left the log before)."""

    message: ClaimedMessage
    slot: Instant


class ReserveRequest(msgspec.Struct, frozen=True):
    """Slots for `missed` starts first, then for `high` (every fourth slot) and `normal`.

    `rate` is the channel's limit a second, `lead` microseconds; `held` counts connections by
    workspace, `free_connections` are left. `waiting` are the units that stay in the buffer,
    by lane.
    `silences` is how often the limit had been silenced when the clock was measured last.
    """

    channel: Channel
    rate: float
    lead: int
    free_connections: int
    held: dict[str, int]
    missed: list[Missed] = []
    high: list[ClaimedMessage] = []
    normal: list[ClaimedMessage] = []
    waiting: dict[int, int] = {}
    silences: int | None = None


class Reserved(msgspec.Struct, frozen=True):
    """The slots of `missed`, `high` and `normal` in that order, None: none yet. Those in
    `closed` (places in that order) may not start and are to be given back.

    `next_at` is when more slots can be had; FOREVER while the channel is paused.
    """

    slots: list[Instant | None]
    closed: set[int]
    next_at: Instant
    silences: int


@urgent
async def reserve(tx: Tx, request: ReserveRequest, now: Instant) -> Reserved:
    """Give slots in order to what may start, and take those of missed starts back."""
    messages = [
        *(missed.message for missed in request.missed),
        *request.high,
        *request.normal,
    ]
    ids = sorted({message.lane for message in messages})
    states, limited = await _lanes(tx, ids, request.rate)
    owns: dict[int, OwnLimit] = {}
    if limited:
        owns = {
            lane: (read_log(text), rate)
            for lane, rate, text in await tx.fetch("lock_lane_logs", limited)
        }
    campaigns = await _campaigns(tx, messages)
    log, paused = await read_limit(tx, "lock_limit", request.channel, now)
    check_silences(log, request.silences)
    latest = now + request.lead + HORIZON
    wishes: list[Wish | None] = []
    closed = set[int]()
    for place, message in enumerate(messages):
        state = states.get(message.lane)
        campaign = None if message.campaign is None else campaigns.get(message.campaign)
        if state is None or not gate.is_open(message, state, campaign, now, latest):
            closed.add(place)
            wishes.append(None)
        elif message.lane in limited and message.lane not in owns:
            wishes.append(None)  # its lane is being claimed from right now
        else:
            wishes.append(Wish(message.lane, message.workspace, message.slot, message.units))
    plan = SlotPlan(log, request.rate, request.lead, owns, now)
    for missed in request.missed:
        plan.give_back(missed.message.lane, missed.slot, missed.message.units)
    if not paused:
        first, after_high = len(request.missed), len(request.missed) + len(request.high)
        plan.reserve(
            [wish for wish in wishes[:first] if wish],
            [wish for wish in wishes[first:after_high] if wish],
            [wish for wish in wishes[after_high:] if wish],
            request.held,
            request.free_connections,
        )
    given = [None if wish is None else wish.slot for wish in wishes]
    await _save_own(tx, owns, request, messages, given, now)
    await save_limit(tx, request.channel, log)
    next_at = FOREVER if paused else _next_at(plan, log, owns, request, now)
    return Reserved(given, closed, next_at, log.silences)


async def _lanes(
    tx: Tx, ids: list[int], channel_rate: float
) -> tuple[dict[int, LaneState], list[int]]:
    """The lanes' states, and which of them have a limit under the channel's."""
    states, limited = {}, []
    for lane, rate, paused, held_until, terms in await tx.fetch("gate_lanes", ids):
        states[lane] = LaneState(bool(paused), held_until, read_terms(terms))
        if rate is not None and rate < channel_rate:
            limited.append(lane)
    return states, limited


async def _campaigns(tx: Tx, messages: list[ClaimedMessage]) -> dict[int, CampaignState]:
    ids = {message.campaign for message in messages if message.campaign is not None}
    if not ids:
        return {}
    rows = await tx.fetch("campaign_states", sorted(ids))
    return {identity: CampaignState(*state) for identity, *state in rows}


async def _save_own(
    tx: Tx,
    owns: dict[int, OwnLimit],
    request: ReserveRequest,
    messages: list[ClaimedMessage],
    given: list[Instant | None],
    now: Instant,
) -> None:
    """Store the lanes' logs; each is ready again when what still waits has had its slots."""
    waiting = Counter(request.waiting)
    for message, slot in zip(messages, given, strict=True):
        if slot is None:
            waiting[message.lane] += message.units
    rows = [
        (lane, write(log), limits.slot_at(log, rate, waiting=waiting[lane], ahead=True, now=now))
        for lane, (log, rate) in owns.items()
    ]
    if rows:
        await tx.each("save_lane_logs", rows)


def _next_at(
    plan: SlotPlan,
    log: LimitLog,
    owns: dict[int, OwnLimit],
    request: ReserveRequest,
    now: Instant,
) -> Instant:
    """When half of the channel's horizon is free again, or a lane's own slot is within reach: a
    reservation a slot would be one commit a message, waiting for all of it would leave slots
    unused.
    """
    next_slot = limits.next_free(log, request.rate, now, request.lead)
    more_at = next_slot - request.lead - HORIZON // 2
    if plan.full:
        return more_at
    own_slots = [
        limits.next_free(*owns[lane], now, request.lead, units)
        for lane, units in plan.spent.items()
    ]
    return max(more_at, min(own_slots) - request.lead - HORIZON) if own_slots else more_at


async def read_limit(
    tx: Tx, statement: str, channel: Channel, now: Instant
) -> tuple[LimitLog, bool]:
    """The channel's log and whether the channel is paused; a log with slots that no right
    clock can have reserved is locked, silenced and saved, or it would block the channel for as
    long as it is ahead.
    """
    [[text, paused]] = await tx.fetch(statement, channel.value)
    log = read_log(text)
    if not limits.astray(log, now):
        return log, bool(paused)
    # It may be this process that is behind, as after a suspend: then the log is right.
    [[true_time]] = await tx.fetch("read_clock")
    if limits.astray(log, true_time):
        [[text, paused]] = await tx.fetch("lock_limit", channel.value)
        log = read_log(text)
        if limits.astray(log, true_time):
            limits.silence(log, true_time)
            await save_limit(tx, channel, log)
    return log, bool(paused)


def check_silences(log: LimitLog, known: int | None) -> None:
    """Raise LimitSilenced where the log was forgotten more often than the asking process knew
    when it measured its clock (None: it has just begun).
    """
    if known not in (None, log.silences):
        raise LimitSilenced(log.silences)


async def save_limit(tx: Tx, channel: Channel, log: LimitLog) -> None:
    """Store the channel's log, its row being locked."""
    await tx.fetch("save_limit", channel.value, write(log))


async def silence(tx: Tx, channel: Channel, now: Instant) -> None:
    """Let one window pass without a slot, and forget those before: after a clock error
    nothing says when they really were.
    """
    log, _ = await read_limit(tx, "lock_limit", channel, now)
    limits.silence(log, now)
    await save_limit(tx, channel, log)
