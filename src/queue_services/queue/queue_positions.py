"""How many messages of its lane go before each of some waiting ones, counted together and
to a bound.

Called by `queue.forecasts`. The messages asked about cut their lane into stretches, of
which each is counted once for all that are behind it. A stretch that is longer than is
counted gets its part of what the lane has waiting beyond all that was counted, by the time
it covers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from queue_services.domain.message import FOREVER, Instant, Priority
from queue_services.storage.port import Tx

COUNTED = 50_000
"""So many messages are counted in the first and last stretches of all lanes together, and
in those between.
"""
FEWEST = 500

_Key = tuple[Instant, str]
_FIRST: _Key = (0, "00000000-0000-0000-0000-000000000000")
_LAST: _Key = (FOREVER - 1, _FIRST[1])  # what is parked by its campaign goes before nobody


class _Message(NamedTuple):
    id: str
    workspace: str
    lane: int
    priority: int
    visible_at: Instant

    @property
    def key(self) -> _Key:
        return self.visible_at, self.id


class _Stretch(NamedTuple):
    """What of one priority is visible from one key on and before another: how many were
    counted, and whether they may be more.
    """

    priority: int
    begin: _Key
    end: _Key
    counted: int
    full: bool


async def places(tx: Tx, messages: Iterable[str], waiting: Mapping[str, int]) -> dict[str, int]:
    """How many go before each of some messages of one channel; those that are more urgent
    and visible by then are among them.

    `waiting` says by workspace how many messages its lane has. Messages that do not wait
    are left out.
    """
    lanes = defaultdict[int, list[_Message]](list)
    for found in sorted(
        (_Message(*row) for row in await tx.fetch("pending_places", list(messages))),
        key=lambda m: m.key,
    ):
        lanes[found.lane].append(found)
    stretches = await _stretches(tx, lanes)
    ends = await _ends(
        tx, [lane for lane, counted in stretches.items() if sum(each.full for each in counted) > 1]
    )
    ahead = dict[str, int]()
    for lane, some in lanes.items():
        known = _filled(
            stretches[lane], waiting.get(some[0].workspace, 0), ends.get(lane, (_FIRST, _LAST))
        )
        for message in some:
            ahead[message.id] = round(
                sum(
                    count
                    for stretch, count in known
                    if stretch.priority <= message.priority and stretch.end <= message.key
                )
            )
    return ahead


async def _stretches(tx: Tx, lanes: Mapping[int, list[_Message]]) -> dict[int, list[_Stretch]]:
    """By lane, the stretches between its messages, of each priority that goes before one of
    them.
    """
    outer = max(FEWEST, COUNTED // max(1, len(lanes)))
    inner = max(FEWEST, COUNTED // max(1, sum(map(len, lanes.values()))))
    asked = []
    for lane, some in lanes.items():
        bounds = list(pairwise([_FIRST, *(message.key for message in some), _LAST]))
        lowest = max(message.priority for message in some)
        for number, (begin, end) in enumerate(bounds):
            most = outer if number in (0, len(bounds) - 1) else inner
            asked += [
                (lane, priority.value, *begin, *end, most)
                for priority in Priority
                if priority <= lowest
            ]
    found = defaultdict[int, list[_Stretch]](list)
    for lane, priority, begin_at, begin_id, end_at, end_id, most, count in await tx.each(
        "count_stretches", asked
    ):
        found[lane].append(
            _Stretch(priority, (begin_at, begin_id), (end_at, end_id), count, count >= most)
        )
    return found


async def _ends(tx: Tx, lanes: Iterable[int]) -> dict[int, tuple[_Key, _Key]]:
    """The first and the last key of each lane."""
    keys = defaultdict[int, list[_Key]](list)
    for lane, visible_at, message in await tx.each(
        "lane_ends", [(lane, priority.value) for lane in lanes for priority in Priority]
    ):
        keys[lane].append((visible_at, message))
    return {lane: (min(known), max(known)) for lane, known in keys.items()}


def _filled(
    stretches: list[_Stretch], waiting: int, ends: tuple[_Key, _Key]
) -> list[tuple[_Stretch, float]]:
    """Stretches with how many messages they hold: what was counted; those not counted to
    their end share what else the lane has by the time they cover.
    """
    rest = max(0, waiting - sum(stretch.counted for stretch in stretches if not stretch.full))
    long = [_lasts(each, *ends) if each.full else 0 for each in stretches]
    if not sum(long):
        long = [int(each.full) for each in stretches]
    whole = sum(long) or 1
    return [
        (each, max(each.counted, rest * part / whole))
        for each, part in zip(stretches, long, strict=True)
    ]


def _lasts(stretch: _Stretch, first: _Key, last: _Key) -> int:
    """How much of a lane's time a stretch covers: of that at which messages are visible or,
    where that is one instant, at which they were created.
    """
    begin, end = max(stretch.begin, first), min(stretch.end, last)
    return end[0] - begin[0] if last[0] > first[0] else _created_at(end) - _created_at(begin)


def _created_at(key: _Key) -> int:
    """The milliseconds that an id begins with."""
    return int(key[1][:8] + key[1][9:13], 16)
