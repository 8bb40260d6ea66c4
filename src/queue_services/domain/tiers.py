"""Tiers and limits in force: what a workspace may send a second, why, and which figures are
accepted.

Called by the workspace and tier calls (faults), the claiming flow (the limit in force, the
weight) and the pages that show why. A `Tier` holds only what differs from the service: None
falls back, from the workspace to its tier, from the tier to the service.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeGuard, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from queue_services.domain.message import Channel
from queue_services.settings.slices import LimitSettings

V = TypeVar("V")

DEFAULT_TIER = "standard"
# One message in 100,000 s, a little over a day: a limit below it is a pause, and that has a
# call of its own.
SLOWEST = 0.00001
# A million a second is beyond any store; without a bound a typing error would be taken for a limit.
FASTEST = 1_000_000
# Turns are counted in whole messages, four for weight 1: a smaller weight would send no less.
LIGHTEST, HEAVIEST = 0.25, 100
LARGEST_STEP = 10
LARGEST_QUOTA = 1_000_000_000


class Scale(msgspec.Struct, frozen=True):
    """Automatic scaling: a saturated limit is raised `step`-fold, up to `max` a second."""

    max: float
    step: float


class Tier(msgspec.Struct, frozen=True, omit_defaults=True):
    """What workspaces of one tier get, by channel; None, or no entry, is the service's
    limit, no automatic scaling, no quota.

    `limits` are messages a second. `weight` is the share of a busy channel against the
    other lanes' weights. `daily_quota` is how many messages may be sent in the workspace's
    local day; what is over it waits for the next.
    """

    name: str
    limits: dict[Channel, float | None] = {}
    weight: float = 1
    auto_scale: dict[Channel, Scale | None] = {}
    daily_quota: dict[Channel, int | None] = {}


class TierChange(msgspec.Struct, frozen=True):
    """What to change of a tier: a channel that is not named stays, None falls back to the
    service's limit, no scaling, no quota, weight 1.
    """

    limits: dict[Channel, float | None] = {}
    weight: float | UnsetType | None = UNSET
    auto_scale: dict[Channel, Scale | None] = {}
    daily_quota: dict[Channel, int | None] = {}


# What a new store holds; all of it may be changed. The limits of `free` are a tenth of the
# service's default ones. `premium` sends no faster than the
# service either, unless that is raised: it gets eight messages a turn where `standard` gets
# four and `free` two, and a workspace of it with a lower limit
# of its own has that raised by a quarter at a time. None has a quota: one makes messages
# wait for tomorrow, which an operator should ask for.
SHIPPED = (
    Tier("free", limits={Channel.SMS: 5, Channel.EMAIL: 10}, weight=0.5),
    Tier(DEFAULT_TIER, weight=1),
    Tier(
        "premium",
        weight=2,
        auto_scale={
            Channel.SMS: Scale(max=200, step=1.25),
            Channel.EMAIL: Scale(max=400, step=1.25),
        },
    ),
)


class Source(StrEnum):
    """Where a limit in force comes from."""

    SERVICE = "service"
    TIER = "tier"
    WORKSPACE = "workspace"
    SCALED = "scaled"


class Limit(msgspec.Struct, frozen=True):
    """A limit in force: `rate` messages a second and its `source`. The service's needs no
    log of its own, the channel's log keeps it.
    """

    rate: float
    source: Source


def service_limits(settings: LimitSettings) -> dict[Channel, float]:
    """The whole service's limits by channel, messages a second."""
    return {Channel.SMS: settings.sms_per_second, Channel.EMAIL: settings.email_per_second}


def limit_in_force(
    service_limit: float, tier_limit: float | None, override: float | None, scaled: float | None
) -> Limit:
    """The limit of one workspace on one channel: its own, else its tier's, raised by
    automatic scaling, never above the service's.

    `scaled` is what scaling has raised it to (`scaling.rate_in_force`), None where it has
    not. At the service's limit or above, the service's applies.
    """
    base, source = (
        (override, Source.WORKSPACE) if override is not None else (tier_limit, Source.TIER)
    )
    if base is not None and scaled is not None and scaled > base:
        base, source = scaled, Source.SCALED
    if base is None or base >= service_limit:
        return Limit(service_limit, Source.SERVICE)
    return Limit(base, source)


def changed(tier: Tier, change: TierChange) -> Tier:
    """The tier after a change."""
    return Tier(
        name=tier.name,
        limits=merged(tier.limits, change.limits),
        weight=tier.weight if change.weight is UNSET else change.weight or 1,
        auto_scale=merged(tier.auto_scale, change.auto_scale),
        daily_quota=merged(tier.daily_quota, change.daily_quota),
    )


def merged(
    given: Mapping[Channel, V | None], change: Mapping[Channel, V | None]
) -> dict[Channel, Any]:
    """The figures by channel of `given` with those of `change`; None takes one away."""
    return {channel: value for channel, value in {**given, **change}.items() if value is not None}


def limit_fault(value: object) -> str | None:
    """What is wrong with a limit, or None: it must be a whole number a second, or below 1
    (one message every 1/limit s).
    """
    if (
        not _is_number(value)
        or not SLOWEST <= value <= FASTEST
        or (value > 1 and value != int(value))
    ):
        return (
            f"give a whole number of messages a second up to {FASTEST:,}, or a number below 1 (0.2:"
            " one message every 5 s)"
        )
    return None


def weight_fault(value: object) -> str | None:
    """What is wrong with a tier's weight, or None: it must be a quarter to a hundred, in
    quarters, which is as finely as turns share.
    """
    if not _is_number(value) or not LIGHTEST <= value <= HEAVIEST or value * 4 != int(value * 4):
        return f"give a multiple of 0.25 from {LIGHTEST} to {HEAVIEST}"
    return None


def scale_fault(maximum: object, step: object) -> str | None:
    """What is wrong with the members of an automatic scaling, or None: `maximum` must be a
    limit, `step` a factor above 1.
    """
    if fault := limit_fault(maximum):
        return f"max: {fault}"
    if not _is_number(step) or not 1 < step <= LARGEST_STEP:
        return (
            f"step: give a number above 1, up to {LARGEST_STEP} (1.25 raises a limit by a quarter)"
        )
    return None


def quota_fault(value: object) -> str | None:
    """What is wrong with a daily quota, or None: it must be a whole number of messages a
    day, at least 1.
    """
    if not _is_number(value) or value != int(value) or not 1 <= value <= LARGEST_QUOTA:
        return f"give a whole number of messages a day, 1 to {LARGEST_QUOTA:,}"
    return None


def _is_number(value: object) -> TypeGuard[float]:
    """An int or a finite float; True is none."""
    return type(value) is int or (type(value) is float and math.isfinite(value))
