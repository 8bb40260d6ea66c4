"""The messages that the locked lanes have for a claim: each lane's turn, and what one has
not goes to those behind it.

Called by the claiming flow alone. It reserves nothing; of messages it changes those that
may not be sent any more, or not now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import ceil
from operator import attrgetter

from queue_services.domain import turns
from queue_services.domain.message import Instant, Reason
from queue_services.queue import results
from queue_services.queue.lanes import Candidate, ClaimRequest, Lane
from queue_services.storage.port import Row, Tx

Found = dict[int, list[Candidate]]
"""What each lane that was asked has due."""


async def take_turns(
    tx: Tx, lanes: Sequence[Lane], free: int, before: Instant, *, more: bool
) -> Found:
    """Ask lanes in turn until they have `free` messages together, or no more; sets each
    one's `share`, and its `cap` where it has less due.

    Who has less than its turn leaves the rest to the next: most of many workspaces have one
    message due, and a claim would bring a quarter of what it could. `more` says that
    further lanes wait, which are not among these.
    """
    found: Found = {}
    asked: dict[int, int] = {}
    usual = free
    while True:
        wanting = [
            turns.Turn(
                lane.weight, lane.rest, lane.cap if lane.id in asked else min(lane.cap, usual)
            )
            for lane in lanes
        ]
        shares = turns.shares(free, wanting, more=more)
        reached = [
            (lane, max(share, min(lane.cap, turns.left_of(turn, free))))
            for lane, turn, share in zip(lanes, wanting, shares, strict=True)
            if share > asked.get(lane.id, 0)
        ]
        if not reached:
            break
        await ask(tx, reached, before, found)
        for lane, most in reached:
            asked[lane.id] = most
            if len(found[lane.id]) < most:
                lane.cap = min(most, sum(c.units for c in found[lane.id]))
        usual = max(
            1,
            ceil(
                sum(min(lane.cap, asked[lane.id]) for lane in lanes if lane.id in asked)
                / len(asked)
            ),
        )
    for lane, share in zip(lanes, shares, strict=True):
        lane.share = share
    return found


async def ask(tx: Tx, lanes: Iterable[tuple[Lane, int]], before: Instant, found: Found) -> None:
    """Read what lanes have due, as many as is said at most of each priority."""
    asked: dict[str, list[Row]] = {}
    for lane, most in lanes:
        found[lane.id] = []
        statement = "claim_counted" if lane.left_today == 0 else "claim_candidates"
        asked.setdefault(statement, []).extend(
            (lane.id, priority.value, before, most) for priority in lane.priorities(before)
        )
    for statement, keys in asked.items():
        for row in await tx.each(statement, keys):
            found[row[1]].append(Candidate(*row))


async def allowed(
    tx: Tx,
    request: ClaimRequest,
    lanes: Iterable[Lane],
    found: Found,
    before: Instant,
    now: Instant,
) -> tuple[list[Candidate], list[Candidate]]:
    """The messages that may go now: those for the kept slots, and each lane's share of the
    others.
    """
    sendable = await _sendable(
        tx, request, [c for of_one in found.values() for c in of_one], before, now
    )
    high: list[Candidate] = []
    normal: list[Candidate] = []
    for lane in lanes:
        mine = sorted((c for c in found.get(lane.id, ()) if c.id in sendable), key=_turn)
        (high if lane.high_only else normal).extend(_within(mine, lane.share))
    return high, normal


_turn = attrgetter("priority", "visible_at", "id")


def _within(candidates: list[Candidate], share: int) -> list[Candidate]:
    """The first of them, until their units have used up the share; one at least."""
    begins = accumulate((c.units for c in candidates), initial=0)
    return [c for c, begin in zip(candidates, begins, strict=False) if begin < share]


async def _sendable(
    tx: Tx, request: ClaimRequest, candidates: list[Candidate], before: Instant, now: Instant
) -> set[str]:
    """Which candidates may be sent: ends the expired and those of cancelled campaigns,
    parks those of paused ones.
    """
    expired = {c.id for c in candidates if c.expires_at is not None and c.expires_at <= before}
    if expired:
        await results.cancel_unclaimed(tx, sorted(expired), Reason.EXPIRED, now, request.writer)
    campaigns = sorted({c.campaign for c in candidates if c.campaign is not None})
    states = {
        row[0]: row[1:] for row in await tx.each("share_campaign_states", [(c,) for c in campaigns])
    }
    allowed, parked, doomed = set(), set(), set()
    for c in candidates:
        if c.id in expired:
            continue
        state, cancel_epoch, cancelled_at = (
            states.get(c.campaign, ("", 0, None)) if c.campaign is not None else ("active", 0, None)
        )
        if state and c.epoch < cancel_epoch:
            doomed.add((cancelled_at, (c.lane, c.priority, before, c.campaign, cancel_epoch)))
        elif state in ("paused", "shifting"):
            parked.add((c.lane, c.priority, before, c.campaign))
        elif state:
            allowed.add(c.id)
    for cancelled_at, key in sorted(doomed):
        ids = [row[0] for row in await tx.fetch("doomed_messages", *key)]
        await results.cancel_unclaimed(
            tx, ids, Reason.CANCELLED, now, request.writer, finished_at=cancelled_at
        )
    for paused in sorted(parked):
        await tx.fetch("park_messages", *paused)
    return allowed
