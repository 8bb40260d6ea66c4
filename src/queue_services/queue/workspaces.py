"""Workspaces: what is set for one, its limits in force, which holds its lanes have, and
which workspaces send most; and pausing a whole channel.

Called by the API, the dashboard and the CLI. Every workspace exists: one without settings
reads as one with the default tier and no figures. `service_limits` are the settings' limits
by channel, messages a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from queue_services.domain import tiers, workspace
from queue_services.domain.holds import HoldReason
from queue_services.domain.message import Channel, Instant
from queue_services.domain.scaling import rate_in_force
from queue_services.domain.tiers import Limit
from queue_services.domain.timed import NOTHING_SAID, Timed
from queue_services.domain.workspace import Change, Workspace, base_limit, opens_at
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import event_routes, timed_settings
from queue_services.queue.lane_settings import (
    ensure_lanes,
    read_terms,
    read_tier,
    read_watch,
    read_workspace,
    refresh,
    write,
)
from queue_services.queue.timed_settings import TimedKind
from queue_services.queue.transactions import reads, wakes
from queue_services.storage.port import Row, Tx
from queue_services.wire.workspaces import LIMITS_UNTIL, PAUSED_UNTIL


class Sort(StrEnum):
    """What workspaces are listed by, most first."""

    SENT = "sent"
    BACKLOG = "backlog"
    EXCEEDED = "exceeded"


class Volume(msgspec.Struct, frozen=True):
    """A workspace with its messages delivered since ever, waiting or in flight, and its
    exceedances since ever.
    """

    workspace: Workspace
    sent: int
    backlog: int
    exceeded: int


class EffectiveSettings(msgspec.Struct, frozen=True):
    """A workspace's settings, by channel the limit in force, and which pauses and limits have an
    end or a reason.
    """

    workspace: Workspace
    limits: dict[Channel, Limit]
    timed: dict[tuple[TimedKind, str], Timed] = {}


class LaneHold(msgspec.Struct, frozen=True):
    """Why a lane waits, and until when; None: until somebody ends it. The reasons are those
    of `HoldReason`, "pause", "window" and "quota".
    """

    channel: Channel
    reason: str
    until: Instant | None


async def find(tx: Tx, identity: str) -> Workspace:
    """What is set for a workspace."""
    rows = await tx.fetch("find_workspace", identity)
    return read_workspace(identity, rows[0][0] if rows else None)


@wakes
async def change(tx: Tx, identity: str, wanted: Change, now: Instant) -> Workspace:
    """Change what is set; in force for the next claim of any process. Raises InvalidRequest
    for a tier that is not there.
    """
    [[settings]] = await tx.fetch("lock_workspace", identity, write(Workspace(identity)))
    before = read_workspace(identity, settings)
    changed = workspace.changed(before, wanted, now)
    if not await tx.fetch("find_tier", changed.tier):
        known = ", ".join(row[0] for row in await tx.fetch("all_tiers"))
        raise InvalidRequest(Fault("tier", f"is no tier; give one of {known}, or make it first"))
    await _save(tx, before, changed, now)
    await _follow_ends(tx, before, changed, wanted, now)
    return changed


async def _follow_ends(
    tx: Tx, before: Workspace, after: Workspace, wanted: Change, now: Instant
) -> None:
    """Keep the ends and reasons of a workspace's pauses and limits. Raises InvalidRequest."""
    for channel in Channel:
        pause = wanted.paused_timed.get(channel, NOTHING_SAID)
        is_paused = after.paused.get(channel, False)
        timed_settings.check_until(f"{PAUSED_UNTIL}.{channel}", pause, now, in_force=is_paused)
        await timed_settings.follow(
            tx,
            TimedKind.PAUSE,
            after.id,
            channel.value,
            pause if is_paused else NOTHING_SAID,
            value_changed=channel in wanted.paused,
            former=False,
        )
        limit = wanted.limits_timed.get(channel, NOTHING_SAID)
        is_limited = channel in after.limits
        timed_settings.check_until(f"{LIMITS_UNTIL}.{channel}", limit, now, in_force=is_limited)
        await timed_settings.follow(
            tx,
            TimedKind.LIMIT,
            after.id,
            channel.value,
            limit if is_limited else NOTHING_SAID,
            value_changed=channel in wanted.limits,
            former=before.limits.get(channel),
        )


async def turn_events_off(tx: Tx, identity: str, url: str, now: Instant) -> bool:
    """Tell a workspace of nothing any more, until its events URL is set again: `url`
    answered that it is gone. False where it has another one by now.
    """
    [[settings]] = await tx.fetch("lock_workspace", identity, write(Workspace(identity)))
    before = read_workspace(identity, settings)
    if before.events_url != url or before.events_off:
        return False
    await _save(tx, before, msgspec.structs.replace(before, events_off=True), now)
    return True


async def _save(tx: Tx, before: Workspace, after: Workspace, now: Instant) -> None:
    await tx.fetch("save_workspace", after.id, write(after))
    await event_routes.follow(tx, before, after)
    names = [(after.id, channel.value) for channel in sorted(Channel)]
    await ensure_lanes(
        tx, names
    )  # so that intake never makes a lane beside this change, with terms that it has not seen
    await refresh(tx, [lane for lane, _, _ in await tx.each("lane_ids", names)], now)


@reads
async def effective_settings(
    tx: Tx, identity: str, service_limits: Mapping[Channel, float]
) -> EffectiveSettings:
    """What is set for a workspace, and its limits in force."""
    return EffectiveSettings(
        await find(tx, identity),
        await limits(tx, identity, service_limits),
        await timed_settings.of(tx, identity),
    )


async def limits(
    tx: Tx, identity: str, service_limits: Mapping[Channel, float]
) -> dict[Channel, Limit]:
    """The limits in force of a workspace by channel, and where each comes from."""
    settings = await find(tx, identity)
    rows = await tx.fetch("find_tier", settings.tier)
    tier = read_tier(settings.tier, rows[0][0] if rows else None)
    watches = {
        Channel(channel): read_watch(watch)
        for channel, watch in await tx.fetch("lane_watches", identity)
    }
    found = {}
    for channel, service_limit in service_limits.items():
        base, watch = base_limit(settings, tier, channel), watches.get(channel)
        scaled = (
            None
            if base is None or watch is None
            else rate_in_force(watch.scaling, tier.auto_scale.get(channel), base)
        )
        found[channel] = tiers.limit_in_force(
            service_limit, tier.limits.get(channel), settings.limits.get(channel), scaled
        )
    return found


@reads
async def holds(tx: Tx, identity: str, now: Instant) -> list[LaneHold]:
    """Every hold of the workspace's lanes now, by channel: several may stand at once, and
    the last of them ends the wait.
    """
    return [hold for row in await tx.fetch("lane_holds", identity) for hold in _holds(row, now)]


def _holds(row: Row, now: Instant) -> list[LaneHold]:
    name, text, paused, channel_paused, held_until, reason, day_ends_at, day_count = row
    channel, terms = Channel(name), read_terms(text)
    found = []
    if paused or channel_paused:
        found.append(LaneHold(channel, "pause", None))
    runs_out = reason in (HoldReason.THROTTLED, HoldReason.FAULT)
    if reason is not None and (held_until > now or not runs_out):
        found.append(LaneHold(channel, reason, held_until))
    if (opens := opens_at(terms, now, now)) > now:
        found.append(LaneHold(channel, "window", opens))
    if terms.daily_quota is not None and day_count >= terms.daily_quota and day_ends_at > now:
        found.append(LaneHold(channel, "quota", day_ends_at))
    return found


@wakes
async def lift(tx: Tx, identity: str, channel: Channel, now: Instant) -> bool:
    """End the hold that answers have put on a lane; whether there was one. Pauses and windows
    stay. What the answers said is forgotten, so refusals count from none.
    """
    return bool(await tx.fetch("lift_hold", identity, channel.value, now))


@reads
async def busiest(
    tx: Tx, sort: Sort, most: int, after: tuple[int, str] | None = None
) -> list[Volume]:
    """Workspaces by one of their figures, most first, those alike by id; from after the
    figure and id of the last one seen.
    """
    figure, last = (-1, "") if after is None else after
    rows = await tx.fetch("busiest_workspaces", sort.value, figure, last, most)
    return [
        Volume(read_workspace(identity, settings), sent, backlog, exceeded)
        for identity, settings, sent, backlog, exceeded in rows
    ]
