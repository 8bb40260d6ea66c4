"""Watching lanes that near their limits: automatic scaling, its ledger, and the warning
that a limit is nearly reached.

Called by maintenance about once a second, for the lanes that claims found busy and those
that are still watched. What is decided, `domain.scaling` decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from queue_services.domain import limits, scaling
from queue_services.domain.message import Channel, Instant
from queue_services.domain.scaling import Adjustment, Approach, Observation, Scaling
from queue_services.domain.workspace import base_limit
from queue_services.queue import events
from queue_services.queue.events import Event, EventType
from queue_services.queue.lane_settings import Tenant, Watch, tenants, write
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Row, Tx

BITE = 200
# Several processes watch the same lanes: one that was looked at this shortly before is left
# for the next second.
APART = 700_000
# A limit counts as used up from this share on, one slot not counted: evenly spread slots
# use 98% of it, and a second holds one more or less.
USED_UP = 0.95


class _Seen(msgspec.Struct):
    """What came of looking at one lane."""

    watch: Watch | None
    rate: float | None
    adjustment: Adjustment | None = None
    nears: float | None = None


@reads
async def find(tx: Tx, busy: Iterable[int], now: Instant) -> list[int]:
    """The lanes to look at now: those of `busy`, and those that are watched still."""
    watched = [row[0] for row in await tx.fetch("watched_lanes", now - APART)]
    return sorted({*busy, *watched})


@writes
async def observe(
    tx: Tx, lanes: Iterable[int], service_limits: Mapping[Channel, float], now: Instant
) -> list[tuple[str, Adjustment]]:
    """Look at a bite of lanes: raise, halve or lower their limits by the rules, keep why,
    and tell of limits that are nearly reached.

    Returns the changes, each with its workspace.
    """
    due = {
        row[0]
        for row in await tx.each("unseen_lanes", [(lane, now - APART) for lane in sorted(lanes)])
    }
    found = await tenants(tx, due)
    seen = [
        (tenant, await _look(tx, tenant, service_limits[tenant.channel], now)) for tenant in found
    ]
    await tx.each(
        "save_watches",
        [
            _row(tenant, one, now)
            for tenant, one in seen
            if one.watch is not None or tenant.watch is not None
        ],
    )
    changes = [(tenant, one.adjustment) for tenant, one in seen if one.adjustment is not None]
    await tx.each(
        "insert_adjustments",
        [
            (t.workspace.id, t.channel.value, a.at, a.from_rate, a.to_rate, a.reason.value)
            for t, a in changes
        ],
    )
    told = [_adjusted(tenant, adjustment) for tenant, adjustment in changes]
    told += [
        _approaching(tenant, one.nears, service_limits[tenant.channel])
        for tenant, one in seen
        if one.nears is not None
    ]
    await events.emit(tx, told, now)
    return [(tenant.workspace.id, adjustment) for tenant, adjustment in changes]


@reads
async def adjustments(tx: Tx, workspace: str, channel: Channel, most: int) -> list[Adjustment]:
    """The changes that automatic scaling has made to a workspace's limit, newest first."""
    rows = await tx.fetch("adjustments_of", workspace, channel.value, most)
    return [
        Adjustment(at, channel, before, after, scaling.AdjustmentReason(reason))
        for at, before, after, reason in rows
    ]


async def _look(tx: Tx, tenant: Tenant, service_limit: float, now: Instant) -> _Seen:
    watch = tenant.watch or Watch(throttled_at=tenant.throttled_at)
    rate = _in_force(tenant, service_limit)
    used = limits.utilization(tenant.log, rate, now, limits.telling_seconds(rate))
    approach, tell = scaling.approach(watch.approach, now, used)
    base, scale = (
        base_limit(tenant.workspace, tenant.tier, tenant.channel),
        tenant.tier.auto_scale.get(tenant.channel),
    )
    state, adjustment, delivered, ended = watch.scaling, None, 0, 0
    if base is None or scale is None or base >= service_limit:
        state = None
    else:
        [[delivered, ended]] = await tx.fetch(
            "lane_outcomes", tenant.workspace.id, tenant.channel.value
        )
        seen = Observation(
            at=now,
            saturated=_is_saturated(tenant, rate, used, now),
            utilization=used,
            delivered=delivered - (watch.delivered if tenant.watch else delivered),
            ended=ended - (watch.ended if tenant.watch else ended),
            throttled_start=tenant.throttled_at
            if tenant.throttled_at > watch.throttled_at
            else None,
        )
        state, adjustment = scaling.observe(state, scale, base, tenant.channel, seen)
    own = base if state is None else state.rate
    if _at_rest(state, approach):
        return _Seen(None, own, adjustment, used if tell else None)
    return _Seen(
        Watch(state, approach, delivered, ended, tenant.throttled_at),
        own,
        adjustment,
        used if tell else None,
    )


def _in_force(tenant: Tenant, service_limit: float) -> float:
    return service_limit if tenant.rate is None else min(tenant.rate, service_limit)


def _is_saturated(tenant: Tenant, rate: float, used: float, now: Instant) -> bool:
    """Whether due messages wait while the limit is used up."""
    most = rate * limits.telling_seconds(rate)
    return tenant.next_due_at <= now and used * most + 1 >= USED_UP * most


def _at_rest(state: Scaling | None, approach: Approach) -> bool:
    """Whether nothing is known of a lane that looking again would not find anew."""
    flat = state is None or (state.rate == state.base and state.saturated_since is None)
    return flat and approach.over_since is None and not approach.told


def _row(tenant: Tenant, seen: _Seen, now: Instant) -> Row:
    """The lane's copy of its limit moves with the scaling; its next slot then comes by the
    new limit, counted with what was sent before.
    """
    watch = None if seen.watch is None else write(seen.watch)
    return (tenant.lane, seen.rate, limits.slot_at(tenant.log, seen.rate), watch, now)


def _adjusted(tenant: Tenant, adjustment: Adjustment) -> Event:
    facts: dict[str, str | float | None] = {
        "from": adjustment.from_rate,
        "to": adjustment.to_rate,
        "reason": adjustment.reason.value,
    }
    return Event(EventType.ADJUSTED, tenant.workspace.id, tenant.channel, facts)


def _approaching(tenant: Tenant, used: float, service_limit: float) -> Event:
    facts: dict[str, str | float | None] = {
        "limit": _in_force(tenant, service_limit),
        "utilization": round(used, 3),
    }
    return Event(EventType.APPROACHING, tenant.workspace.id, tenant.channel, facts)
