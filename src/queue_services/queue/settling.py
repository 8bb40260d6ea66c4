"""The settling flow: the outcomes of many deliveries become results or next tries, and move
their lanes' holds, in one transaction.

Run by the dispatcher for all outcomes that wait. Every write is conditional on the claim:
no row changed means that the lease was lost, which is counted and no error. Lock order:
lanes by id, then pending rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import msgspec

from queue_services.domain import exceedance, retry
from queue_services.domain import holds as lane_rules
from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.figures import LONGEST_LATENESS
from queue_services.domain.holds import Hold, HoldReason
from queue_services.domain.message import FOREVER, Channel, Instant, Priority, Status
from queue_services.domain.outcome import Answer, Kind
from queue_services.domain.retry import RetryPolicy, Step
from queue_services.queue import daily_quotas, events, exceedances, failures, results
from queue_services.queue.exceedances import Exceedance
from queue_services.queue.failures import Failure
from queue_services.queue.intake import lower_lanes
from queue_services.queue.records import Attempt
from queue_services.queue.results import Ending
from queue_services.queue.tallies import HistogramKind, Histograms, Tally
from queue_services.storage.port import Row, Tx

PLAIN = frozenset({Kind.DELIVERED, Kind.REJECTED})


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """One delivery's outcome. `duration` is microseconds from the start to the answer."""

    message: ClaimedMessage
    answer: Answer
    started_at: Instant
    duration: int


class FinishedBatch(msgspec.Struct, frozen=True):
    """A batch whose last outcome is in: `time` is the microseconds from its first start to then."""

    workspace: str
    channel: Channel
    time: int


class Terms(msgspec.Struct, frozen=True):
    """What settling is done under: who settles, the retry policy, the channels' limits a
    second, a source of jitter in [0, 1).
    """

    dispatcher: int
    writer: str
    policy: RetryPolicy
    rates: Mapping[Channel, float]
    random: Callable[[], float]


class Settled(msgspec.Struct, frozen=True):
    """How many were settled how; `released` were given back, `lost` had been claimed by
    another dispatcher.

    `again_at` is when the first of those to be tried again is due.
    """

    delivered: int = 0
    dead: int = 0
    again: int = 0
    lost: int = 0
    released: int = 0
    again_at: Instant = FOREVER


class _Lane(msgspec.Struct):
    workspace: str
    channel: Channel
    rate: float | None
    exceeded_at: Instant
    before: Hold
    hold: Hold
    throttled_at: Instant
    throttled: int = 0


async def settle(
    tx: Tx,
    settlements: Sequence[Settlement],
    batches: Sequence[FinishedBatch],
    terms: Terms,
    now: Instant,
    unsent: Sequence[ClaimedMessage] = (),
) -> Settled:
    """Record all outcomes, in the order in which they came, count finished batches, and
    give back what was `unsent`, no try used.
    """
    lanes = await _lock_lanes(tx, settlements, unsent)
    steps = [
        _step(settlement, lanes.get(settlement.message.lane), terms, now)
        for settlement in settlements
    ]
    tally = Tally()
    for batch in batches:
        counts = tally.of(batch.workspace, batch.channel, None)
        counts.batches += 1
        counts.batch_time += batch.time
    pairs = list(zip(settlements, steps, strict=True))
    again = [pair for pair in pairs if pair[1].status is Status.SCHEDULED]
    ended = await _end(
        tx,
        [pair for pair in pairs if pair[1].status is not Status.SCHEDULED] if again else pairs,
        terms,
        now,
        tally,
    )
    waiting = await _schedule_again(tx, again, terms, now, tally)
    histograms = _count(tally, ended, waiting, now)
    released = await _release(tx, unsent, terms, now)
    unposted = [settlement.message for settlement, _ in waiting if not settlement.answer.posted]
    await daily_quotas.give_back(tx, [*unposted, *released])
    await _save_holds(tx, lanes, terms, now, tally)
    await tally.add(tx, terms.writer, now)
    await _tell_of_lanes(tx, settlements, lanes, terms, now)
    await histograms.add(tx, terms.writer, now)
    delivered = sum(step.status is Status.DELIVERED for _, step in ended)
    return Settled(
        delivered=delivered,
        dead=len(ended) - delivered,
        again=len(waiting),
        lost=len(settlements) - len(ended) - len(waiting),
        released=len(released),
        again_at=min((step.again_at or now for _, step in waiting), default=FOREVER),
    )


async def _lock_lanes(
    tx: Tx, settlements: Sequence[Settlement], unsent: Sequence[ClaimedMessage]
) -> dict[int, _Lane]:
    """The lanes whose hold may change or which get a message back, locked; a lane that
    flows and only delivers is left alone.
    """
    moved = {s.message.lane for s in settlements if s.answer.kind not in PLAIN}
    others = sorted({s.message.lane for s in settlements} - moved)
    moved |= {message.lane for message in unsent}
    moved |= {row[0] for row in await tx.each("held_lanes", [(lane,) for lane in others])}
    lanes = {}
    for row in await tx.each("lock_holds", [(lane,) for lane in sorted(moved)]):
        (
            identity,
            workspace,
            channel,
            rate,
            exceeded_at,
            until,
            reason,
            step,
            refusals,
            set_at,
            throttled_at,
        ) = row
        hold = Hold(until, HoldReason(reason) if reason else None, step, refusals, set_at)
        lanes[identity] = _Lane(
            workspace, Channel(channel), rate, exceeded_at, hold, hold, throttled_at
        )
    return lanes


def _step(settlement: Settlement, lane: _Lane | None, terms: Terms, now: Instant) -> Step:
    """What becomes of the message; the lane's hold moves on with each answer."""
    message, answer = settlement.message, settlement.answer
    held_for = lane.hold.reason if lane else None
    step = retry.after(
        answer,
        tries=message.tries,
        refused_since=message.refused_since,
        held_for=held_for,
        now=now,
        policy=terms.policy,
        random=terms.random,
    )
    if lane:
        lane.hold = lane_rules.after(lane.hold, answer, settlement.started_at, now)
        if answer.kind is Kind.THROTTLED:
            lane.throttled += 1
            lane.throttled_at = max(lane.throttled_at, settlement.started_at)
    return step


async def _release(
    tx: Tx, unsent: Sequence[ClaimedMessage], terms: Terms, now: Instant
) -> list[ClaimedMessage]:
    """Give back what was not sent; those that were still this dispatcher's."""
    given = {message.id: message for message in unsent}
    rows = await tx.each(
        "release_claimed", [(m.id, m.claim, m.visible_at) for m in unsent], terms.dispatcher
    )
    released = [given[row[0]] for row in rows]
    await lower_lanes(tx, {message.lane: [now, now] for message in released})
    return released


async def _end(
    tx: Tx, final: list[tuple[Settlement, Step]], terms: Terms, now: Instant, tally: Tally
) -> list[tuple[Settlement, Step]]:
    rows = await tx.changed(
        "delete_claimed", [(s.message.id, s.message.claim) for s, _ in final], terms.dispatcher
    )
    ended = final if len(rows) == len(final) else _of(rows, final)
    final_rows = [_ending(s, step) for s, step in ended]
    await results.insert(tx, final_rows, now, tally)
    await failures.keep(tx, [_failure(s) for s, step in ended if step.status is Status.DEAD], now)
    await _keep_answers(tx, ended)
    if told := [row for row, (s, _) in zip(final_rows, ended, strict=True) if s.message.events]:
        await results.tell(tx, told, now)
    return ended


def _of(rows: Sequence[Row], pairs: list[tuple[Settlement, Step]]) -> list[tuple[Settlement, Step]]:
    """Those of `pairs` whose claim is among `rows` of (id, claim): the others were claimed
    by another meanwhile.
    """
    mine = {(message, number) for message, number in rows}
    return [(s, step) for s, step in pairs if (s.message.id, s.message.claim) in mine]


def _ending(s: Settlement, step: Step) -> Ending:
    m, answer, reason = s.message, s.answer, step.reason and str(step.reason)
    tries, posts = m.tries + step.uses_try, _posts(s)
    begun = (
        m.id,
        m.workspace,
        str(m.channel),
        m.campaign,
        str(step.status),
        reason,
        m.due_at,
        tries,
        posts,
    )
    if not answer.posted:
        return Ending(*begun, error=answer.error)
    return Ending(
        *begun, answer.attempt_outcome, s.started_at, s.duration, answer.status_code, answer.error
    )


async def _schedule_again(
    tx: Tx, again: list[tuple[Settlement, Step]], terms: Terms, now: Instant, tally: Tally
) -> list[tuple[Settlement, Step]]:
    rows = await tx.each(
        "schedule_again",
        [
            (
                s.message.id,
                s.message.claim,
                step.again_at or now,
                s.message.tries + step.uses_try,
                _posts(s),
                step.refused_since,
            )
            for s, step in again
        ],
        terms.dispatcher,
    )
    waiting = _of(rows, again)
    earliest: dict[int, list[Instant]] = {}
    for s, step in waiting:
        due = earliest.setdefault(s.message.lane, [FOREVER, FOREVER])
        due[0] = due[1] = min(
            due[0], step.again_at or now
        )  # a due time that is too early for `high` costs one look, one too late loses it
        tally.of(
            s.message.workspace, s.message.channel, s.message.campaign
        ).retried += step.uses_try
    attempts = [(s.message.id, _attempt(s)) for s, _ in waiting if s.answer.posted]
    await tx.each(
        "insert_attempts",
        [
            (message, a.number, a.outcome, a.started_at, a.duration, a.status_code, a.error)
            for message, a in attempts
        ],
    )
    await lower_lanes(tx, earliest)
    await _keep_answers(tx, waiting)
    return waiting


async def _keep_answers(tx: Tx, pairs: Sequence[tuple[Settlement, Step]]) -> None:
    """Keep what the application answered where it did not take the message."""
    await failures.keep_answers(
        tx,
        [
            (s.message.id, s.message.number, s.answer.body)
            for s, _ in pairs
            if s.answer.body is not None and s.answer.kind is not Kind.DELIVERED
        ],
    )


def _failure(s: Settlement) -> Failure:
    m, answer = s.message, s.answer
    return Failure(m.id, m.workspace, m.channel, m.campaign, answer.status_code, answer.error)


def _posts(s: Settlement) -> int:
    """How many POSTs of the message went out, this one included if it did."""
    return s.message.number if s.answer.posted else s.message.number - 1


def _attempt(s: Settlement) -> Attempt:
    return Attempt(
        s.message.number,
        s.answer.attempt_outcome,
        s.started_at,
        s.duration,
        s.answer.status_code,
        s.answer.error,
    )


def _count(
    tally: Tally,
    ended: list[tuple[Settlement, Step]],
    waiting: list[tuple[Settlement, Step]],
    now: Instant,
) -> Histograms:
    """How long deliveries took, how late first starts were, and, of messages that ended,
    the span that throughput is computed from.
    """
    took, late = ({channel: list[int]() for channel in Channel} for _ in range(2))
    for s, _ in ended + waiting:
        m = s.message
        if s.answer.posted:
            took[m.channel].append(s.duration)
            if m.number == 1:
                counts = tally.of(m.workspace, m.channel, m.campaign)
                lateness = min(max(0, s.started_at - m.due_at), LONGEST_LATENESS)
                counts.starts += 1
                counts.lateness += lateness
                late[m.channel].append(lateness)
    for s, _ in ended:
        counts = tally.of(s.message.workspace, s.message.channel, s.message.campaign)
        if counts.first_at is None or s.started_at < counts.first_at:
            counts.first_at = min(now, s.started_at)
        counts.last_at = now
    histograms = Histograms()
    for channel in Channel:
        histograms.count(HistogramKind.DELIVERY, channel, took[channel])
        histograms.count(HistogramKind.LATENESS, channel, late[channel])
    return histograms


async def _save_holds(
    tx: Tx, lanes: dict[int, _Lane], terms: Terms, now: Instant, tally: Tally
) -> None:
    """Store the holds that moved; a lane that was told 429 has exceeded its endpoint's
    limit, once a second at most.
    """
    changed = []
    for identity, lane in lanes.items():
        if lane.throttled and exceedance.recordable(lane.exceeded_at, now):
            lane.exceeded_at = now
            [[due]] = await tx.fetch(
                "count_visible", identity, [priority.value for priority in Priority], now
            )
            rate = _rate(lane, terms)
            await exceedances.add(
                tx,
                [
                    Exceedance(
                        lane.workspace,
                        lane.channel,
                        now,
                        max(due, lane.throttled),
                        rate,
                        "endpoint",
                        lane.hold.until,
                    )
                ],
                tally,
            )
        elif lane.hold == lane.before:
            continue
        hold = lane.hold
        changed.append(
            (
                identity,
                hold.until,
                hold.reason.value if hold.reason else None,
                hold.step,
                hold.refusals,
                hold.set_at,
                lane.exceeded_at,
                lane.throttled_at,
            )
        )
    await tx.each("save_holds", changed)


async def _tell_of_lanes(
    tx: Tx, settlements: Sequence[Settlement], lanes: dict[int, _Lane], terms: Terms, now: Instant
) -> None:
    """Tell the application whose lanes were told 429, and which are held anew."""
    words = {
        s.message.lane: s.answer.error
        for s in settlements
        if s.message.events and s.answer.kind is not Kind.DELIVERED
    }
    if not words:
        return
    troubled = [(lane, words[identity]) for identity, lane in lanes.items() if identity in words]
    await events.exceeded(
        tx,
        [
            (lane.workspace, lane.channel, exceedance.message(_rate(lane, terms)))
            for lane, _ in troubled
            if lane.throttled
        ],
        now,
    )
    held = [
        (lane.workspace, lane.channel, lane.hold.reason, error)
        for lane, error in troubled
        if lane.hold.reason not in (None, lane.before.reason)
    ]
    await events.held(tx, held, now)


def _rate(lane: _Lane, terms: Terms) -> float:
    """The limit in force, messages a second."""
    return min(lane.rate or math.inf, terms.rates[lane.channel])
