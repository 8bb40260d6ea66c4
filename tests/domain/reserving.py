"""Reservations as the tests of limits make them: one call for what a claim does message by
message with `Reservation`.
"""

from __future__ import annotations

from collections.abc import Sequence

from queue_services.domain.limits import HORIZON, LimitLog, Reservation
from queue_services.domain.message import Instant


def reserve(
    log: LimitLog,
    rate: float,
    now: Instant,
    lead: int,
    due: Sequence[Instant],
    horizon: int = HORIZON,
) -> list[Instant]:
    """Reserve the next slot for each of `due` (its earliest start), in order, as far as
    they fit; the slots given, never decreasing.

    `rate` is a whole number a second, or below 1: one slot every 1/rate s. It stops at the
    first slot after `now + lead + horizon`. The rate may differ from call to call: every
    window whose last slot was reserved at a rate holds at most that many, those reserved
    before the change counted.
    """
    reservation = Reservation(log, rate, now, lead, horizon)
    slots: list[Instant] = []
    for earliest in due:
        slot = reservation.next_slot(earliest)
        if slot is None:
            break
        reservation.take(slot)
        slots.append(slot)
    return slots


def both(
    own: LimitLog,
    own_rate: float,
    shared: LimitLog,
    shared_rate: float,
    now: Instant,
    lead: int,
    due: Sequence[Instant],
    horizon: int = HORIZON,
) -> list[Instant]:
    """`reserve` for a workspace's own limit and its channel's at once: each slot given
    stands in both logs, what does not fit both in neither.

    A slot that waits for the own limit moves the channel's later ones behind it, by
    `horizon` at most.
    """
    mine, everyones = (
        Reservation(own, own_rate, now, lead, horizon),
        Reservation(shared, shared_rate, now, lead, horizon),
    )
    slots: list[Instant] = []
    for earliest in due:
        own_slot = mine.next_slot(earliest)
        slot = None if own_slot is None else everyones.next_slot(own_slot)
        if slot is None:
            break
        mine.take(slot)
        everyones.take(slot)
        slots.append(slot)
    return slots


def reserve_units(
    log: LimitLog,
    rate: float,
    now: Instant,
    lead: int,
    due: Instant,
    units: int,
    horizon: int = HORIZON,
) -> Instant | None:
    """Reserve `units` slots at one instant, not before `due`; the instant, or None (and no
    change) when it is after `now + lead + horizon`.

    More units than the limit takes in a second stand behind one empty window, and nothing
    follows within ceil(units / rate) windows after them. Traffic of single units may starve
    many: give those a `horizon` of up to WINDOW, or let nothing else reserve before them.
    """
    reservation = Reservation(log, rate, now, lead, horizon)
    slot = reservation.next_slot(due, units)
    if slot is not None:
        reservation.take(slot, units)
    return slot
