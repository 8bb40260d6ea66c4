"""What is set for one workspace, how a change of it is made, and what its lanes must know of it.

Called by the workspace flows and by the claiming flow. A workspace that nobody has set
anything for is `Workspace(id)`: it exists all the same.
"""

from __future__ import annotations

import math
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from queue_services.domain import scaling
from queue_services.domain.calendar import Window, closing, opening
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.domain.scaling import Scaling
from queue_services.domain.tiers import DEFAULT_TIER, Source, Tier, limit_in_force, merged
from queue_services.domain.timed import TimedChange

DEFAULT_ZONE = "UTC"
OLD_SECRET_KEPT = 86_400 * SECOND

T = TypeVar("T")


class Secret(msgspec.Struct, frozen=True):
    """A signing secret; `until` is when one that was replaced is forgotten, None for the newest."""

    value: str
    until: Instant | None = None


class Workspace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A workspace's settings. By channel: `limits` a second in place of its tier's,
    `base_urls` of callbacks in place of the service's, `paused`.

    `secrets` are newest first. `events_off` is set when the events' URL answered 410, until
    it is set again.
    """

    id: str
    tier: str = DEFAULT_TIER
    timezone: str = DEFAULT_ZONE
    limits: dict[Channel, float] = {}
    base_urls: dict[Channel, str] = {}
    paused: dict[Channel, bool] = {}
    events_url: str | None = None
    events_off: bool = False
    secrets: tuple[Secret, ...] = ()
    window: Window | None = None


class Change(msgspec.Struct, frozen=True):
    """What to change of a workspace: UNSET stays, None falls back to the tier's, the
    service's or nothing; by channel, so does each channel. `paused_timed` and `limits_timed` say
    when a channel's pause or limit ends, and why it was set.
    """

    tier: str | UnsetType | None = UNSET
    timezone: str | UnsetType | None = UNSET
    limits: dict[Channel, float | None] = {}
    base_urls: dict[Channel, str | None] = {}
    paused: dict[Channel, bool | None] = {}
    events_url: str | UnsetType | None = UNSET
    secret: str | UnsetType | None = UNSET
    window: Window | UnsetType | None = UNSET
    paused_timed: dict[Channel, TimedChange] = {}
    limits_timed: dict[Channel, TimedChange] = {}


class LaneTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a claim must know of a lane's workspace beside its limit: kept in the lane's
    row, so that the claim need not look further.

    `callback` says that the workspace has a base URL for the channel, or secrets, of its
    own; `events` that it has an URL for events, which is not off.
    """

    zone: str = DEFAULT_ZONE
    window: Window | None = None
    daily_quota: int | None = None
    callback: bool = False
    events: bool = False


def changed(workspace: Workspace, change: Change, now: Instant) -> Workspace:
    """The workspace after a change; whether the tier exists is the caller's to know."""
    secrets = tuple(
        secret for secret in workspace.secrets if secret.until is None or secret.until > now
    )
    return Workspace(
        id=workspace.id,
        tier=_either(change.tier, workspace.tier) or DEFAULT_TIER,
        timezone=_either(change.timezone, workspace.timezone) or DEFAULT_ZONE,
        limits=merged(workspace.limits, change.limits),
        base_urls=merged(workspace.base_urls, change.base_urls),
        paused={
            channel: True
            for channel, paused in merged(workspace.paused, change.paused).items()
            if paused
        },
        events_url=_either(change.events_url, workspace.events_url),
        events_off=workspace.events_off and change.events_url is UNSET,
        secrets=secrets if change.secret is UNSET else _rotated(secrets, change.secret, now),
        window=_either(change.window, workspace.window),
    )


def secrets_in_force(workspace: Workspace, now: Instant) -> tuple[str, ...]:
    """The secrets to sign with, newest first."""
    return tuple(
        secret.value for secret in workspace.secrets if secret.until is None or secret.until > now
    )


def base_limit(workspace: Workspace, tier: Tier, channel: Channel) -> float | None:
    """The limit that scaling begins from: the workspace's own, else its tier's, None for
    the service's.
    """
    return workspace.limits.get(channel, tier.limits.get(channel))


def own_limit(
    workspace: Workspace, tier: Tier, channel: Channel, state: Scaling | None
) -> float | None:
    """The limit of one lane without regard to the service's, as scaling has made it; None
    where it has none.
    """
    base, scale = base_limit(workspace, tier, channel), tier.auto_scale.get(channel)
    scaled = None if base is None else scaling.rate_in_force(state, scale, base)
    limit = limit_in_force(
        math.inf, tier.limits.get(channel), workspace.limits.get(channel), scaled
    )
    return None if limit.source is Source.SERVICE else limit.rate


def lane_terms(workspace: Workspace, tier: Tier, channel: Channel) -> LaneTerms:
    """What the lane of one channel is claimed by."""
    return LaneTerms(
        zone=workspace.timezone,
        window=workspace.window,
        daily_quota=tier.daily_quota.get(channel),
        callback=channel in workspace.base_urls or bool(workspace.secrets),
        events=workspace.events_url is not None and not workspace.events_off,
    )


def opens_at(terms: LaneTerms, now: Instant, latest: Instant) -> Instant:
    """From when on messages other than `high` may start: 0 without a window.

    `latest` is the last slot that a claim at `now` could give: a window that closes by then
    counts as closed already.
    """
    if terms.window is None:
        return 0
    opens = opening(terms.window, terms.zone, now)
    if opens <= latest and (closes := closing(terms.window, terms.zone, now)) <= latest:
        opens = opening(terms.window, terms.zone, closes)
    return opens


def _rotated(secrets: tuple[Secret, ...], newest: str | None, now: Instant) -> tuple[Secret, ...]:
    """The secrets after one was set: those before are kept for a day, so that what is under
    way still verifies; None takes all away at once.
    """
    if newest is None or (secrets and secrets[0].value == newest):
        return secrets if newest else ()
    old = [
        Secret(secret.value, secret.until or now + OLD_SECRET_KEPT)
        for secret in secrets
        if secret.value != newest
    ]
    return (Secret(newest), *old)


def _either(change: T | UnsetType | None, given: T | None) -> T | None:
    return given if change is UNSET else change
