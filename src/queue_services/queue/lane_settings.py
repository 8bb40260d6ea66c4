"""What a lane's row copies from its workspace and tier, so that a claim need not look
there: its limit, weight, pause, window and quota.

Called wherever one of them changes, and where a lane is made. A copy is only written while
the lane is locked, from what is read after that: so the last change that committed is
always the one that is in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from queue_services.domain import limits
from queue_services.domain.limits import LimitLog
from queue_services.domain.message import FOREVER, SECOND, Channel, Instant
from queue_services.domain.scaling import Approach, Scaling
from queue_services.domain.tiers import DEFAULT_TIER, Tier
from queue_services.domain.workspace import LaneTerms, Workspace, lane_terms, own_limit
from queue_services.storage.port import Row, Tx


class Watch(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is watched of a lane (`queue.autoscaling`): where its scaling and its warning
    stand, and the counts as they were seen last.
    """

    scaling: Scaling | None = None
    approach: Approach = Approach()
    delivered: int = 0
    ended: int = 0
    throttled_at: Instant = 0


class Tenant(msgspec.Struct, frozen=True):
    """A locked lane with the workspace and the tier that it belongs to."""

    lane: int
    channel: Channel
    rate: float | None
    log: LimitLog
    terms: str | None
    watch: Watch | None
    next_due_at: Instant
    throttled_at: Instant
    workspace: Workspace
    tier: Tier


_read_terms = msgspec.json.Decoder(LaneTerms).decode
_read_workspace = msgspec.json.Decoder(Workspace).decode
_read_tier = msgspec.json.Decoder(Tier).decode
_read_watch = msgspec.json.Decoder(Watch).decode
_read_log = msgspec.json.Decoder(LimitLog).decode
NOTHING = LaneTerms()


@lru_cache(maxsize=4096)
def read_terms(text: str | None) -> LaneTerms:
    """A lane's terms as they are stored; None is a lane that has nothing of its own."""
    return _read_terms(text) if text else NOTHING


def read_workspace(identity: str, text: str | None) -> Workspace:
    """A workspace as it is stored; None is one that nothing was set for."""
    return _read_workspace(text) if text else Workspace(identity)


def read_tier(name: str, text: str | None) -> Tier:
    """A tier as it is stored; None is one that is not there, which limits nothing."""
    return _read_tier(text) if text else Tier(name)


def read_log(text: str | None) -> LimitLog:
    """A limit's log as it is stored; None is one that never sent."""
    return _read_log(text) if text else LimitLog()


def read_watch(text: str | None) -> Watch | None:
    """What is watched of a lane as it is stored; None is one at rest."""
    return _read_watch(text) if text else None


def write(value: msgspec.Struct) -> str:
    """Settings, terms, a log or a watch as they are stored."""
    return msgspec.json.encode(value).decode()


async def tenants(tx: Tx, lanes: Iterable[int]) -> list[Tenant]:
    """Lock lanes by id, then read them with their workspaces and tiers as they are
    committed by now.
    """
    ordered = sorted(lanes)
    if not ordered:
        return []
    await tx.each("lock_lanes", [(lane,) for lane in ordered])
    tiers = {name: read_tier(name, settings) for name, settings in await tx.fetch("all_tiers")}
    return [_tenant(row, tiers) for row in await tx.fetch("lane_tenants", ordered)]


def _tenant(row: Row, tiers: dict[str, Tier]) -> Tenant:
    identity, name, channel, rate, log, terms, watch, next_due_at, throttled_at, settings = row
    workspace = read_workspace(name, settings)
    tier = tiers.get(workspace.tier) or Tier(workspace.tier)
    return Tenant(
        identity,
        Channel(channel),
        rate,
        read_log(log),
        terms,
        read_watch(watch),
        next_due_at,
        throttled_at,
        workspace,
        tier,
    )


async def refresh(tx: Tx, lanes: Iterable[int], now: Instant) -> None:
    """Let lanes have what their workspaces and tiers say now; what waited for a window or a
    quota that has changed is looked at again.
    """
    copies = [(tenant, _copies(tenant, now)) for tenant in await tenants(tx, lanes)]
    await tx.each("save_lane_terms", [copy for _, copy in copies])
    changed = [
        (tenant.workspace.id, tenant.channel.value, now, tenant.rate, copy[1])
        for tenant, copy in copies
        if tenant.rate != copy[1]
    ]
    await tx.each("add_limit_changes", changed)
    await _begin_limits(tx, [(tenant, copy[1]) for tenant, copy in copies], now)


async def _begin_limits(tx: Tx, lanes: Iterable[tuple[Tenant, float | None]], now: Instant) -> None:
    """Let a lane's first limit begin with one silent window, where the lane sent a moment ago:
    those sends are in the channel's log alone.
    """
    rows = []
    for tenant, rate in lanes:
        newest = max((second for second, _ in tenant.log.sends), default=0)
        if tenant.rate is None and rate is not None and newest * SECOND > now - 2 * SECOND:
            log = read_log(write(tenant.log))
            limits.silence(log, now)
            rows.append((tenant.lane, write(log), limits.slot_at(log, rate)))
    await tx.each("save_lane_logs", rows)


def _copies(tenant: Tenant, now: Instant) -> Row:
    workspace, tier, channel = tenant.workspace, tenant.tier, tenant.channel
    rate = own_limit(workspace, tier, channel, tenant.watch.scaling if tenant.watch else None)
    terms = _terms_text(lane_terms(workspace, tier, channel))
    due_at = FOREVER if terms == tenant.terms else now
    return (
        tenant.lane,
        rate,
        tier.weight,
        int(channel in workspace.paused),
        terms,
        limits.slot_at(tenant.log, rate),
        due_at,
    )


def _terms_text(terms: LaneTerms) -> str | None:
    return None if terms == NOTHING else write(terms)


async def ensure_lanes(tx: Tx, names: Sequence[tuple[str, str]]) -> None:
    """Make the lanes (workspace and channel) that are not there, as the default tier has them.

    A workspace that something was set for has its lanes since then, so those made here
    belong to one that has nothing.
    """
    [tier] = [
        read_tier(DEFAULT_TIER, row[0]) for row in await tx.fetch("share_tier", DEFAULT_TIER)
    ] or [Tier(DEFAULT_TIER)]
    rows = []
    for name, channel in names:
        workspace = Workspace(name)
        terms = _terms_text(lane_terms(workspace, tier, Channel(channel)))
        rows.append(
            (name, channel, own_limit(workspace, tier, Channel(channel), None), tier.weight, terms)
        )
    await tx.each("ensure_lanes", rows)
