"""Every instant in the store that makes something wait, and how each is put right after a
clock that was ahead has been set back. The only place that knows them all.

Run by `dispatcher.clock_keeping` when a process starts and when its clock has stepped; a
process that followed later may have stored an instant of the old time meanwhile, and so each
corrects. `queue.verification` reports what `find` does. Times that somebody asked for (a
delay, an expiry, a pause until) are kept as they were asked for; only messages that were to
go at once are due at once.

Looking reads lanes and waiting messages in whole; only what is found is written, in bites.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from queue_services.domain import clock_steps as rules
from queue_services.domain.calendar import day_bounds
from queue_services.domain.clock_steps import TOLERANCE
from queue_services.domain.holds import Hold, HoldReason
from queue_services.domain.key import QUOTA_WINDOW
from queue_services.domain.limits import astray, silence, slot_at
from queue_services.domain.message import FOREVER, SECOND, Channel, Instant, Priority, first_id
from queue_services.domain.outcome import LONGEST_WAIT
from queue_services.domain.workspace import opens_at
from queue_services.queue import slots
from queue_services.queue.intake import lower_lanes
from queue_services.queue.lane_settings import read_log, read_terms, read_watch, write
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Database, Row, Tx

BITE = 200
SHORTEST_DAY = 23 * 3600 * SECOND
LONGEST_LEASE = 3600 * SECOND
"""The longest that can be set: for who does not know what is."""
PLAIN = [
    ("told_ahead", "correct_told", "an event is told again too late"),
    ("dispatchers_ahead", "correct_dispatchers", "a dispatcher that is gone counts as running"),
    ("operations_ahead", "correct_operations", "an operation of a process that is gone waits"),
    ("progress_ahead", "correct_progress", "a chore passes over what ends until then"),
]
"""Columns that are set to the clock where they are ahead of it: what finds the rows, what sets
them, and what comes of such a row.
"""
PLACES = {"next_due_at", "next_high_at"}
"""Where a lane waits is held against its messages by a rule of `verification`."""


class Ahead(msgspec.Struct, frozen=True):
    """A stored instant that is ahead: of what, and what that means."""

    subject: str
    detail: str


class _Lane(msgspec.Struct, array_like=True):
    """A lane's instants."""

    id: int
    workspace: str
    channel: str
    rate: float | None
    log: str | None
    slot_at: Instant
    held_until: Instant
    hold_reason: str | None
    hold_step: int
    refusals: int
    hold_set_at: Instant
    exceeded_at: Instant
    throttled_at: Instant
    watch: str | None
    watched_at: Instant
    terms: str | None
    day_ends_at: Instant
    day_count: int
    next_due_at: Instant
    next_high_at: Instant
    visible: tuple[Instant | None, Instant | None, Instant | None]


@reads
async def find(tx: Tx, now: Instant, lease: int = LONGEST_LEASE) -> list[Ahead]:
    """Everything stored that is ahead of the clock `now`; claims last `lease` microseconds."""
    tx.lift_time_limit()
    latest = now + TOLERANCE
    found = []
    for channel in Channel:
        [[log, _]] = await tx.fetch("read_limit", channel.value)
        if astray(read_log(log), now):
            found.append(Ahead(f"{channel}", "the channel's limit waits for slots of another time"))
    after = 0
    while lanes := await _lanes(tx, after, now):
        found += [
            Ahead(
                f"lane {lane.id} ({lane.workspace}, {lane.channel})",
                f"waits by instants of another time: {', '.join(sorted(changes))}",
            )
            for lane in lanes
            if (changes := _changes(lane, now).keys() - PLACES)
        ]
        after = lanes[-1].id
    found += [
        Ahead(str(row[0]), "its lease ends too late")
        for row in await tx.fetch("leases_ahead", latest, latest + lease)
    ]
    found += [
        Ahead(str(row[0]), "its next try is of another time")
        for row, _ in await _retries(tx, now, surely=True)
    ]
    found += [
        Ahead(str(row[0]), "was to go at once")
        for row in await tx.fetch("immediate_ahead", latest, first_id(latest))
    ]
    for row in await tx.fetch("routes_ahead", latest):
        if rules.correct_hold(_hold(row[1:]), now) != _hold(row[1:]):
            found.append(Ahead(f"events of {row[0] or 'the service'}", "are held too long"))
    for row in await tx.fetch("events_ahead", latest, latest + LONGEST_WAIT):
        found.append(Ahead(f"event {row[0]}", "is told too late"))
    for row in await tx.fetch("key_uses_ahead", _last_minute(now)):
        found.append(Ahead(f"key {row[0]}", "its quota is of another time"))
    for statement, _, detail in PLAIN:
        found += [Ahead(str(row[0]), detail) for row in await tx.fetch(statement, latest)]
    return found


async def correct(database: Database, now: Instant, lease: int | None) -> int:
    """Put right everything that is ahead of `now`, claims only where it is said how long a
    `lease` is; how many rows that were. Raises StoreUnavailable: then some of it may be left.
    """
    await _correct_channels.run(database, now)
    count = await _correct_plain.run(database, now)
    for after, lanes in await _astray_lanes.run(database, now):
        count += await _correct_lanes.run(database, after, lanes, now)
    leases, waits = await _astray_messages.run(database, now, lease)
    for statement, rows in (("correct_leases", leases), ("correct_waits", waits)):
        for start in range(0, len(rows), BITE):
            bite = rows[start : start + BITE]
            count += await _correct_messages.run(database, statement, bite, now)
    if count:
        database.wake()
    return count


async def _latest(tx: Tx, now: Instant) -> Instant:
    """The clock, by now: a process may have stood still, or waited for a lock, since it read
    `now`, and what others stored meanwhile is not ahead.
    """
    [[there]] = await tx.fetch("read_clock")
    return max(now, int(there))


async def _lanes(tx: Tx, after: int, now: Instant) -> list[_Lane]:
    rows = await tx.fetch(
        "lanes_ahead", after, now + TOLERANCE, now + TOLERANCE + SHORTEST_DAY, BITE
    )
    return [msgspec.convert([*row[:-3], row[-3:]], _Lane) for row in rows]


def _changes(lane: _Lane, now: Instant) -> dict[str, Instant | str | None]:
    """What of a lane is put right, by column: empty for one that waits for good reason."""
    latest = now + TOLERANCE
    right: dict[str, Instant | str | None] = {}
    for name in ("exceeded_at", "throttled_at", "watched_at"):
        if getattr(lane, name) > latest:
            right[name] = now
    _change_limit(lane, right, now)
    hold = _hold(
        (lane.held_until, lane.hold_reason, lane.hold_step, lane.refusals, lane.hold_set_at)
    )
    corrected = rules.correct_hold(hold, now)
    right |= {"held_until": corrected.until} if corrected.until != hold.until else {}
    right |= {"hold_set_at": corrected.set_at} if corrected.set_at != hold.set_at else {}
    if (watch := read_watch(lane.watch)) is not None:
        scaling = None if watch.scaling is None else rules.correct_scaling(watch.scaling, now)
        approach = rules.correct_approach(watch.approach, now)
        throttled_at = min(watch.throttled_at, now)
        again = msgspec.structs.replace(
            watch, scaling=scaling, approach=approach, throttled_at=throttled_at
        )
        right |= {"watch": write(again)} if again != watch else {}
    terms = read_terms(lane.terms)
    day_ends_at = lane.day_ends_at
    if (
        terms.daily_quota is not None
        and lane.day_ends_at > (today := day_bounds(terms.zone, now)[1]) + TOLERANCE
    ):
        right["day_ends_at"] = day_ends_at = today
    used_up = terms.daily_quota is not None and lane.day_count >= terms.daily_quota
    _change_turn(lane, right, now, day_ends_at if used_up else 0)
    return right


def _change_limit(lane: _Lane, right: dict[str, Instant | str | None], now: Instant) -> None:
    """A limit's log of another time is silenced, and its lane waits no longer than that."""
    log = read_log(lane.log)
    if lane.rate is None:
        if lane.slot_at > now + TOLERANCE:
            right["slot_at"] = 0
        return
    if rules.silence_log(log, lane.rate, now):
        right["log"] = write(log)
        right["slot_at"] = slot_at(log, lane.rate)
    elif lane.slot_at > rules.latest_slot_at(log, lane.rate, now):
        right["slot_at"] = slot_at(log, lane.rate)


def _change_turn(
    lane: _Lane, right: dict[str, Instant | str | None], now: Instant, not_before: Instant
) -> None:
    """A lane is due no later than the first of its messages that a window and its day let go."""
    latest = now + TOLERANCE
    high, normal, low = (at if at is not None else FOREVER for at in lane.visible)
    other = max(min(normal, low), opens_at(read_terms(lane.terms), now, latest))
    for name, planned, visible_at in (
        ("next_due_at", lane.next_due_at, min(high, other)),
        ("next_high_at", lane.next_high_at, high),
    ):
        if max(visible_at, not_before) <= now and planned > latest:
            right[name] = now


@reads
async def _astray_lanes(tx: Tx, now: Instant) -> list[tuple[int, set[int]]]:
    """The lanes to put right, in bites: each with the id that its own come after."""
    tx.lift_time_limit()
    now = await _latest(tx, now)
    found, after = [], 0
    while lanes := await _lanes(tx, after, now):
        if astray := {lane.id for lane in lanes if _changes(lane, now)}:
            found.append((after, astray))
        after = lanes[-1].id
    return found


@writes
async def _correct_lanes(tx: Tx, after: int, lanes: set[int], now: Instant) -> int:
    """Lock a bite of lanes, and put right what is still ahead of each."""
    await tx.each("lock_lanes", [(lane,) for lane in sorted(lanes)])
    now = await _latest(tx, now)
    locked = [one for one in await _lanes(tx, after, now) if one.id in lanes]
    rows = [_row(lane, changes) for lane in locked if (changes := _changes(lane, now))]
    await tx.each("correct_lanes", rows)
    return len(rows)


def _row(lane: _Lane, changes: dict[str, Instant | str | None]) -> Row:
    names = (
        "log",
        "slot_at",
        "held_until",
        "hold_set_at",
        "exceeded_at",
        "throttled_at",
        "watch",
        "watched_at",
        "day_ends_at",
        "next_due_at",
        "next_high_at",
    )
    return (lane.id, *(changes.get(name, getattr(lane, name)) for name in names))


async def _retries(tx: Tx, now: Instant, *, surely: bool = False) -> list[tuple[Row, Instant]]:
    """Tries whose wait is ahead, as id and claim, each with when it is due. `surely`: only
    those that no shift of their campaign can have put off.
    """
    found: list[tuple[Row, Instant]] = []
    for identity, claim, attempts, visible_at, last_start in await tx.fetch(
        "retries_ahead", now + TOLERANCE
    ):
        due_at = rules.correct_wait(visible_at, attempts, last_start, now)
        if due_at < visible_at and (attempts or not surely):
            found.append(((identity, claim), due_at))
    return found


@reads
async def _astray_messages(tx: Tx, now: Instant, lease: int | None) -> tuple[list[Row], list[Row]]:
    """Claims, and what waits for its next try or was to go at once: each with when it is due."""
    tx.lift_time_limit()
    now = await _latest(tx, now)
    latest = now + TOLERANCE
    leases: list[Row] = []
    if lease is not None:
        found = await tx.fetch("leases_ahead", latest, latest + lease)
        leases = [(*row, now + lease) for row in found]
    immediate = await tx.fetch("immediate_ahead", latest, first_id(latest))
    return (
        leases,
        [
            *((*row, now) for row in immediate),
            *((*row, due_at) for row, due_at in await _retries(tx, now)),
        ],
    )


@writes
async def _correct_messages(tx: Tx, statement: str, rows: Sequence[Row], now: Instant) -> int:
    """Put a bite of waiting messages right, and let their lanes know."""
    earliest: dict[int, list[Instant]] = {}
    moved = await tx.each(statement, rows, now)
    for lane, priority, visible_at in moved:
        due = earliest.setdefault(lane, [FOREVER, FOREVER])
        due[0] = min(due[0], visible_at)
        if priority == Priority.HIGH:
            due[1] = min(due[1], visible_at)
    await lower_lanes(tx, earliest)
    return len(moved)


@writes
async def _correct_channels(tx: Tx, now: Instant) -> None:
    for channel in Channel:
        [[text, _]] = await tx.fetch("lock_limit", channel.value)
        now = await _latest(tx, now)
        if astray(log := read_log(text), now):
            silence(log, now)
            await slots.save_limit(tx, channel, log)


@writes
async def _correct_plain(tx: Tx, now: Instant) -> int:
    """What has a row of its own and no lane; how many were ahead."""
    now = await _latest(tx, now)
    latest, count = now + TOLERANCE, 0
    for find_rows, correct_rows, _ in PLAIN:
        if found := await tx.fetch(find_rows, latest):
            await tx.fetch(correct_rows, now)
            count += len(found)
    if found := await tx.fetch("events_ahead", latest, latest + LONGEST_WAIT):
        await tx.fetch("correct_events", now, now + LONGEST_WAIT)
        count += len(found)
    if found := await tx.fetch("key_uses_ahead", _last_minute(now)):
        await tx.fetch("correct_key_uses", now // QUOTA_WINDOW)
        count += len(found)
    held = sorted(row[0] for row in await tx.fetch("routes_ahead", latest))
    rows = [
        (row[0], hold.until, hold.reason, hold.step, hold.refusals, hold.set_at)
        for row in (await tx.fetch("lock_routes", held) if held else [])
        if (hold := rules.correct_hold(_hold(row[1:]), now)) != _hold(row[1:])
    ]
    await tx.each("save_routes", rows)
    return count + len(rows)


def _last_minute(now: Instant) -> int:
    """The last minute that a process whose clock is a little ahead may count for."""
    return now // QUOTA_WINDOW + 1


def _hold(row: Iterable[object]) -> Hold:
    until, reason, step, refusals, set_at = row
    return Hold(until, HoldReason(reason) if reason else None, step, refusals, set_at)  # type: ignore[arg-type]
