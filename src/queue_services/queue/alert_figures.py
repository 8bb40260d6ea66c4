"""The figures that alerts watch, read from the store; the same from every process.

Called by `dispatcher.alerts`. Each costs an index look-up or a bounded count, but the
forecast, which is made once for all alerts that ask for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from queue_services.domain.alerts import Figure, Subject
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.queue import dispatchers, history
from queue_services.queue.forecasts import Forecasts
from queue_services.queue.tallies import ALL, MINUTE
from queue_services.queue.transactions import reads
from queue_services.storage.port import Database, Tx

SHARE_MINUTES = 5
FEWEST_ENDED = 20
"""Of fewer jobs that ended, a share says nothing: it is 0."""


async def read(
    database: Database, forecasts: Forecasts, subjects: Iterable[Subject], now: Instant
) -> dict[Subject, float]:
    """The value of each subject at `now`; infinite where a backlog does not clear."""
    wanted = set(subjects)
    found = await _counted.run(
        database, [one for one in wanted if one.figure is not Figure.BACKLOG_CLEARS_SECONDS], now
    )
    for subject in wanted - set(found):
        found[subject] = await _clears(forecasts, subject, now)
    return found


@reads
async def _counted(tx: Tx, subjects: Iterable[Subject], now: Instant) -> dict[Subject, float]:
    return {subject: await _READERS[subject.figure](tx, subject, now) for subject in subjects}


async def _failed_share(tx: Tx, subject: Subject, now: Instant) -> float:
    # History has whole minutes: the window begins at the full minute nearest to five ago.
    begin = (now - SHARE_MINUTES * MINUTE + MINUTE // 2) // MINUTE
    end = now // MINUTE + 1
    points = await history.read(tx, subject.workspace or ALL, _channels(subject), begin, end, 1)
    failed = sum(point.failed for point in points)
    ended = failed + sum(point.sent for point in points)
    return failed / ended if ended >= FEWEST_ENDED else 0.0


async def _oldest_due(tx: Tx, subject: Subject, now: Instant) -> float:
    oldest = now
    for channel in _channels(subject):
        [[at]] = await tx.fetch("oldest_due", channel.value, now, subject.workspace or "")
        oldest = min(oldest, now if at is None else at)
    return (now - oldest) / SECOND


async def _exceeded(tx: Tx, subject: Subject, now: Instant) -> float:
    [[count]] = await tx.fetch(
        "recent_exceedances", now - MINUTE, _channel(subject), subject.workspace
    )
    return float(count)


async def _dispatchers(tx: Tx, _: Subject, now: Instant) -> float:
    return float(len(await dispatchers.alive(tx, now)))


async def _held(tx: Tx, subject: Subject, _: Instant) -> float:
    [[count]] = await tx.fetch("count_held_lanes", _channel(subject), subject.workspace)
    return float(count)


async def _clears(forecasts: Forecasts, subject: Subject, now: Instant) -> float:
    longest = 0.0
    for channel in _channels(subject):
        found = await forecasts.backlog(channel, subject.workspace)
        if found.count:
            seconds = inf if found.clears_at is None else (found.clears_at - now) / SECOND
            longest = max(longest, seconds)
    return longest


_READERS = {
    Figure.FAILED_SHARE: _failed_share,
    Figure.OLDEST_DUE_SECONDS: _oldest_due,
    Figure.EXCEEDED_PER_MINUTE: _exceeded,
    Figure.DISPATCHERS: _dispatchers,
    Figure.ENDPOINT_HELD: _held,
}


def _channels(subject: Subject) -> list[Channel]:
    return list(Channel) if subject.channel is None else [subject.channel]


def _channel(subject: Subject) -> str | None:
    return None if subject.channel is None else subject.channel.value
