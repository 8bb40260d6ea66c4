"""Puts the former value in force where a pause or a limit has come to its end.

Run several times a second by `dispatcher.settings_watch` in every process; two at once end a
setting once.
"""

from __future__ import annotations

from queue_services.domain.message import Channel, Instant
from queue_services.domain.timed import Timed
from queue_services.domain.workspace import Change
from queue_services.errors import NotFound
from queue_services.queue import campaigns, service_limits, timed_settings, workspaces
from queue_services.queue.service_limits import ChannelChange
from queue_services.queue.timed_settings import TimedKind
from queue_services.queue.transactions import reads, wakes
from queue_services.storage.port import Tx

AT_ONCE = 100


@reads
async def due(tx: Tx, now: Instant) -> list[tuple[TimedKind, str, str]]:
    """Which settings have come to their end: kind, workspace and name, AT_ONCE at most."""
    rows = await tx.fetch("ended_settings", now, AT_ONCE)
    return [(TimedKind(kind), workspace, name) for kind, workspace, name in rows]


@wakes
async def end(tx: Tx, kind: TimedKind, workspace: str, name: str, now: Instant) -> bool:
    """Put the value in force that follows a setting's end; False where it was changed
    meanwhile.
    """
    ended = await timed_settings.ended(tx, kind, workspace, name, now)
    if ended is None:
        return False
    match kind:
        case TimedKind.PAUSE:
            await workspaces.change(tx, workspace, Change(paused={Channel(name): False}), now)
        case TimedKind.LIMIT:
            limits = {Channel(name): _rate(ended)}
            await workspaces.change(tx, workspace, Change(limits=limits), now)
        case TimedKind.CHANNEL_PAUSE:
            await service_limits.change(tx, Channel(name), ChannelChange(paused=False), now)
        case TimedKind.CHANNEL_LIMIT:
            wanted = ChannelChange(rate=_rate(ended))
            await service_limits.change(tx, Channel(name), wanted, now)
        case TimedKind.CAMPAIGN_PAUSE:
            try:
                await campaigns.resume(tx, workspace, name, now)
            except NotFound:  # pruned with its messages
                return False
    return True


def _rate(ended: Timed) -> float | None:
    return ended.former if isinstance(ended.former, int | float) else None
