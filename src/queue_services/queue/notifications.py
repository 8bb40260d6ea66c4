"""The queue of notifications: which are due, who delivers them, and what became of them.

Called by `dispatcher.alerts`. A notification is leased while it is sent, so that it survives
the process; its sink sees the same id at every try.
"""

from __future__ import annotations

import msgspec

from queue_services.domain.message import SECOND, Instant
from queue_services.domain.notifications import AnySink, Report
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Tx

LEASE = 60 * SECOND
LONGEST_DELAY = 600 * SECOND
KEPT_FOR = 86_400 * SECOND
"""A notification that no sink took for a day is dropped: by then it is no news."""
FURTHEST = 2 * LONGEST_DELAY
"""A later visible time was written under a clock that was ahead: it counts as past."""
AT_ONCE = 20

_read_sink = msgspec.json.Decoder(AnySink).decode
_read_report = msgspec.json.Decoder(Report).decode


class Notification(msgspec.Struct, frozen=True):
    """A report on its way to a sink; `tries` counts this one."""

    id: str
    sink_name: str
    sink: AnySink
    report: Report
    tries: int


@reads
async def any_due(tx: Tx, now: Instant) -> bool:
    """Whether a claim would find something."""
    return bool(await tx.fetch("due_notifications", now, now + FURTHEST))


@writes
async def claim(tx: Tx, now: Instant) -> list[Notification]:
    """Lease the notifications that are due, at most AT_ONCE; those whose sink is gone, or that
    are older than KEPT_FOR, are dropped.
    """
    claimed = []
    rows = await tx.fetch("lock_notifications", now, now + FURTHEST, AT_ONCE)
    for identity, sink_name, body, created_at, tries, sink in rows:
        if sink is None or now - created_at > KEPT_FOR:
            await tx.fetch("delete_notification", identity)
            continue
        await tx.fetch("lease_notification", identity, now + LEASE)
        claimed.append(
            Notification(identity, sink_name, _read_sink(sink), _read_report(body), tries + 1)
        )
    return claimed


@writes
async def settle(tx: Tx, notification: Notification, *, delivered: bool, now: Instant) -> None:
    """Record what became of a notification: delivered, or due again after a delay that doubles
    from a second.
    """
    if delivered:
        await tx.fetch("delete_notification", notification.id)
        return
    delay = min(LONGEST_DELAY, SECOND * 2 ** min(notification.tries - 1, 30))
    await tx.fetch("delay_notification", notification.id, now + delay)
