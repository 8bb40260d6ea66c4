"""The ends and reasons of pauses and limits, as rows next to the settings themselves.

Called by the flows that change a setting; `timed_ends` puts the former values in force.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from queue_services.domain.message import Instant
from queue_services.domain.timed import Timed, TimedChange, after_change
from queue_services.errors import Fault, InvalidRequest
from queue_services.storage.port import Tx

SERVICE = ""
"""The workspace of what concerns the whole service."""


class TimedKind(StrEnum):
    """What can have an end: a workspace's pause or limit on a channel, the channel's own, and
    a campaign's pause.
    """

    PAUSE = "pause"
    LIMIT = "limit"
    CHANNEL_PAUSE = "channel_pause"
    CHANNEL_LIMIT = "channel_limit"
    CAMPAIGN_PAUSE = "campaign_pause"


async def follow(
    tx: Tx,
    kind: TimedKind,
    workspace: str,
    name: str,
    change: TimedChange,
    *,
    value_changed: bool,
    former: Any = None,
) -> None:
    """Keep what a change says of a setting's end and reason; a changed value drops both."""
    if change.is_empty and not value_changed:
        return
    before = await _lock(tx, kind, workspace, name)
    after = after_change(before, change, value_changed=value_changed, former=former)
    if after is None:
        await drop(tx, kind, workspace, name)
        return
    text = msgspec.json.encode(after.former).decode()
    await tx.fetch(
        "save_timed_setting", kind.value, workspace, name, after.until, after.reason, text
    )


async def drop(tx: Tx, kind: TimedKind, workspace: str, name: str) -> None:
    """Forget the end and the reason of a setting."""
    await tx.fetch("delete_timed_setting", kind.value, workspace, name)


async def of(tx: Tx, workspace: str) -> dict[tuple[TimedKind, str], Timed]:
    """What has an end or a reason of a workspace, or of the service, by kind and name."""
    return {
        (TimedKind(kind), name): Timed(until, reason, _read(former))
        for kind, name, until, reason, former in await tx.fetch("timed_settings_of", workspace)
    }


async def _lock(tx: Tx, kind: TimedKind, workspace: str, name: str) -> Timed | None:
    for until, reason, former in await tx.fetch("lock_timed_setting", kind.value, workspace, name):
        return Timed(until, reason, _read(former))
    return None


async def ended(tx: Tx, kind: TimedKind, workspace: str, name: str, now: Instant) -> Timed | None:
    """Take the row of a setting whose end has come; None where it was changed meanwhile."""
    found = await _lock(tx, kind, workspace, name)
    if found is None or found.until is None or found.until > now:
        return None
    await drop(tx, kind, workspace, name)
    return found


def check_until(field: str, change: TimedChange, now: Instant, *, in_force: bool) -> None:
    """Raise InvalidRequest for an end that has passed, or that nothing in force has."""
    if not isinstance(change.until, int):
        return
    if change.until <= now:
        raise InvalidRequest(Fault(field, "must be a time to come"))
    if not in_force:
        raise InvalidRequest(Fault(field, "needs a value that it can end; give that, too"))


def _read(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
