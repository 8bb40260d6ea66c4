"""What forecasts are made from: the lanes of a channel with what each has to send and when,
read at a cost that no backlog raises.

Called by `queue.forecasts`. How much a lane has waiting comes from tallies. When it is
due is read second by second while there is little. Of more, every lane is asked in some
spans of time how much it has there, counted to a bound; what tallies know beyond that is
put where the bound was reached. Of many lanes some stand for all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from queue_services.domain.forecast.load import LaneLoad
from queue_services.domain.message import FOREVER, SECOND, Channel, Instant, Priority
from queue_services.domain.tiers import DEFAULT_TIER
from queue_services.domain.workspace import Workspace, lane_terms, own_limit
from queue_services.queue.lane_settings import read_terms, read_tier
from queue_services.storage.port import Tx

EXACT = 20_000
"""So many waiting messages are read second by second."""
EXACT_LANES = 2_000
SPANS = tuple(
    seconds * SECOND
    for seconds in (
        0,
        10,
        60,
        300,
        1_800,
        10_800,
        43_200,
        86_400,
        172_800,
        345_600,
        691_200,
        2_592_000,
        34_560_000,
    )
)
"""Where the spans end, from now; the first is what is due, and behind the last are the
messages of paused campaigns.
"""
COUNTED, COUNTED_OF_ONE = 25, 5_000
"""So many messages of a lane are counted in a span and priority: of each lane of many, and
of one that is asked about.
"""
ONE_BY_ONE, STAND_INS = 50, 50
"""The lanes with the most waiting are read one by one; of all others, so many stand for the
rest.
"""
ANSWERS = 500
MOST_UNITS, FEWEST_UNITS = 2_000, 5
"""So many messages of all lanes together, and of each lane, are looked at for their units."""
AS_ONE = 50
"""Messages whose due times differ by less than the 50th part of the time until then are one
wave.
"""

Waves = list[tuple[Instant, int]]


class LoadSnapshot(msgspec.Struct, frozen=True):
    """The lanes of a channel that have messages waiting, by workspace, as they were at
    `now`; whether the channel is paused.
    """

    now: Instant
    paused: bool
    lanes: dict[str, LaneLoad]


class _Row(NamedTuple):
    id: int
    workspace: str
    rate: float | None
    weight: float
    terms: str | None
    held_until: Instant
    paused: int
    waiting: int
    day_ends_at: Instant
    day_count: int


async def snapshot(
    tx: Tx, channel: Channel, now: Instant, *, counts_units: bool = False
) -> LoadSnapshot:
    """All lanes of a channel with what they have waiting; `counts_units` says that its
    messages may have more than one.
    """
    [[paused]] = await tx.fetch("read_channel", channel.value)
    rows = [_Row(*row) for row in await tx.fetch("lane_loads", channel.value, None)]
    exact = sum(row.waiting for row in rows) <= EXACT and len(rows) <= EXACT_LANES
    standing = dict.fromkeys(rows, 1) if exact else _stand_ins(rows)
    waves = await (
        _waves(tx, channel, None, now) if exact else _counted(tx, standing, COUNTED, now)
    )
    answers, units = await _answers(tx, channel), await _units(tx, standing) if counts_units else {}
    lanes = {
        row.workspace: _lane(
            row, waves[row.id], answers.get(row.workspace, 0), units.get(row.id, (1,)), now, lanes
        )
        for row, lanes in standing.items()
    }
    return LoadSnapshot(now, bool(paused), lanes)


async def lanes(
    tx: Tx, workspaces: Sequence[str], channel: Channel, now: Instant, *, counts_units: bool = False
) -> dict[str, LaneLoad]:
    """The lanes of some workspaces with what they have waiting; of a workspace that never
    sent, what it would have.
    """
    rows = [_Row(*row) for row in await tx.fetch("lane_loads", channel.value, list(workspaces))]
    least_first = rows[::-1]
    exact = [
        row
        for row, upto in zip(
            least_first, accumulate(row.waiting for row in least_first), strict=True
        )
        if upto <= EXACT
    ]
    answers, units = await _answers(tx, channel), await _units(tx, rows) if counts_units else {}
    waves = (
        await _waves(tx, channel, [row.workspace for row in exact], now)
        if exact
        else defaultdict(list)
    )
    waves |= await _counted(
        tx,
        [row for row in rows if row not in exact],
        max(COUNTED, COUNTED_OF_ONE // max(1, len(rows))),
        now,
    )
    found = {
        row.workspace: _lane(
            row, waves[row.id], answers.get(row.workspace, 0), units.get(row.id, (1,)), now
        )
        for row in rows
    }
    if len(found) < len(workspaces):
        nobody = await _nobody(tx, channel)
        found |= {workspace: nobody for workspace in workspaces if workspace not in found}
    return found


async def _nobody(tx: Tx, channel: Channel) -> LaneLoad:
    """The lane that a workspace that never sent would have."""
    tier = read_tier(
        DEFAULT_TIER, next((row[0] for row in await tx.fetch("find_tier", DEFAULT_TIER)), None)
    )
    nobody = Workspace("")
    terms = lane_terms(nobody, tier, channel)
    limit, quota = own_limit(nobody, tier, channel, None), terms.daily_quota
    return LaneLoad(
        limit=limit, weight=tier.weight, zone=terms.zone, quota=quota, left_today=quota or 0
    )


async def _waves(
    tx: Tx, channel: Channel, workspaces: list[str] | None, now: Instant
) -> dict[int, Waves]:
    """By lane, what is due in each second."""
    found: defaultdict[int, Waves] = defaultdict(list)
    for lane_id, at, count in await tx.fetch("lane_waves", channel.value, now, workspaces):
        found[lane_id].append((at, count))
    return found


async def _counted(tx: Tx, rows: Iterable[_Row], most: int, now: Instant) -> dict[int, Waves]:
    """By lane, about how much is due in each span."""
    bounds = [0, *(now + span for span in SPANS), FOREVER]
    spans = [(number, after, until) for number, (after, until) in enumerate(pairwise(bounds))]
    asked = [
        (row.id, number, priority.value, after, until, most)
        for row in rows
        for number, after, until in spans
        for priority in Priority
    ]
    counts: defaultdict[int, dict[int, tuple[int, Instant, bool]]] = defaultdict(dict)
    for lane_id, number, count, at in await tx.each("lane_spans", asked):
        before, _, full = counts[lane_id].get(number, (0, 0, False))
        counts[lane_id][number] = (before + count, at, full or count >= most)
    return defaultdict(list, {row.id: _filled(row.waiting, counts[row.id]) for row in rows})


def _filled(waiting: int, counts: dict[int, tuple[int, Instant, bool]]) -> Waves:
    """The spans of a lane, those that were not counted to their end filled up with what
    else is waiting; what is behind the last is no wave.
    """
    unknown = max(0, waiting - sum(count for count, _, _ in counts.values()))
    more = unknown // max(1, sum(full for _, _, full in counts.values()))
    return [
        (at, count + more * full)
        for number, (count, at, full) in counts.items()
        if number < len(SPANS)
    ]


def _stand_ins(rows: Sequence[_Row]) -> dict[_Row, int]:
    """The lanes to read, each with how many it stands for; `rows` come with the most
    waiting first.
    """
    few, many = rows[:ONE_BY_ONE], rows[ONE_BY_ONE:]
    step = max(1, -(-len(many) // STAND_INS))
    return {
        **dict.fromkeys(few, 1),
        **{
            many[first + (min(step, len(many) - first)) // 2]: min(step, len(many) - first)
            for first in range(0, len(many), step)
        },
    }


def _lane(
    row: _Row, waves: Waves, answer: int, units: tuple[int, ...], now: Instant, lanes: int = 1
) -> LaneLoad:
    terms = read_terms(row.terms)
    return LaneLoad(
        due=sum(count for at, count in waves if at <= now),
        waves=_joined([wave for wave in waves if wave[0] > now], now),
        limit=row.rate,
        weight=row.weight,
        window=terms.window,
        zone=terms.zone,
        held_until=row.held_until,
        paused=bool(row.paused),
        answer=answer,
        lanes=lanes,
        units=units,
        quota=terms.daily_quota,
        left_today=max(
            0, (terms.daily_quota or 0) - (row.day_count if now < row.day_ends_at else 0)
        ),
    )


def _joined(waves: Waves, now: Instant) -> tuple[tuple[Instant, int], ...]:
    """Waves in order, those that lie near each other, seen from now, as one."""
    joined: Waves = []
    for at, count in sorted(waves):
        if joined and at - joined[-1][0] <= (at - now) // AS_ONE:
            joined[-1] = (joined[-1][0], joined[-1][1] + count)
        else:
            joined.append((at, count))
    return tuple(joined)


async def _units(tx: Tx, rows: Iterable[_Row]) -> dict[int, tuple[int, ...]]:
    """By lane, the units of its next messages: of a lane alone 200, of many fewer each.
    Nothing counts the units of all, which would make intake slower.
    """
    asked = list(rows)
    found = defaultdict[int, list[int]](list)
    for lane_id, units in await tx.each(
        "lane_units",
        [(row.id, max(FEWEST_UNITS, MOST_UNITS // max(10, len(asked)))) for row in asked],
    ):
        found[lane_id].append(units)
    return {lane_id: (1,) if max(some) == 1 else tuple(some) for lane_id, some in found.items()}


async def _answers(tx: Tx, channel: Channel) -> dict[str, int]:
    """How long the endpoints of the workspaces that sent last took to answer, in microseconds."""
    return dict(await tx.fetch("recent_durations", channel.value, ANSWERS))  # type: ignore[arg-type]  # rows of two
