"""How workspaces, tiers and holds are shown: from what the services return to the wire's
answers. Called by the routes; decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queue_services.domain import tiers
from queue_services.domain.message import Channel
from queue_services.domain.scaling import Adjustment
from queue_services.domain.tiers import Limit
from queue_services.domain.timed import Timed
from queue_services.domain.workspace import Workspace
from queue_services.queue.timed_settings import TimedKind
from queue_services.queue.workspaces import EffectiveSettings, LaneHold, Volume
from queue_services.settings.types import masked_url
from queue_services.wire import tiers as tier_wire
from queue_services.wire import workspaces as wire
from queue_services.wire.times import optional_rfc3339, rfc3339


def workspace(
    settings: EffectiveSettings, holds: Sequence[LaneHold], adjustments: Sequence[Adjustment]
) -> wire.WorkspaceAnswer:
    """A workspace by itself."""
    return wire.WorkspaceAnswer(
        **_settings(settings.workspace),
        paused_until=wire.MomentsAnswer(**_ends(settings, TimedKind.PAUSE)),
        paused_reason=wire.ReasonsAnswer(**_reasons(settings, TimedKind.PAUSE)),
        limits_until=wire.MomentsAnswer(**_ends(settings, TimedKind.LIMIT)),
        limits_reason=wire.ReasonsAnswer(**_reasons(settings, TimedKind.LIMIT)),
        limits_in_force=wire.LimitsInForce(
            sms=_in_force(settings.limits[Channel.SMS]),
            email=_in_force(settings.limits[Channel.EMAIL]),
        ),
        holds=[
            wire.HoldAnswer(
                channel=hold.channel,
                reason=hold.reason,  # type: ignore[arg-type]
                until=optional_rfc3339(hold.until),
            )
            for hold in holds
        ],
        adjustments=[
            wire.AdjustmentAnswer(
                timestamp=rfc3339(one.at),
                channel=one.channel,
                from_rate=_plain(one.from_rate),
                to_rate=_plain(one.to_rate),
                reason=one.reason.value,
            )
            for one in adjustments
        ],
    )


def _ends(settings: EffectiveSettings, kind: TimedKind) -> dict[str, str | None]:
    """By channel, when its pause or limit ends."""
    return {
        channel.value: optional_rfc3339(settings.timed.get((kind, channel.value), Timed()).until)
        for channel in Channel
    }


def _reasons(settings: EffectiveSettings, kind: TimedKind) -> dict[str, str | None]:
    """By channel, why its pause or limit was set."""
    return {
        channel.value: settings.timed.get((kind, channel.value), Timed()).reason
        for channel in Channel
    }


def volume(found: Volume) -> wire.WorkspaceVolume:
    """A workspace in the list."""
    return wire.WorkspaceVolume(
        **_settings(found.workspace),
        sent=found.sent,
        backlog=found.backlog,
        exceeded=found.exceeded,
    )


def _settings(found: Workspace) -> dict[str, Any]:
    window = found.window
    return {
        "workspace_id": found.id,
        "tier": found.tier,
        "timezone": found.timezone,
        "limits": wire.LimitsAnswer(**_both(found.limits)),
        "callback_base_urls": wire.UrlsAnswer(
            **{channel: url and masked_url(url) for channel, url in _both(found.base_urls).items()}
        ),
        "paused": wire.PausedAnswer(
            **{channel.value: channel in found.paused for channel in Channel}
        ),
        "events_url": found.events_url and masked_url(found.events_url),
        "events_off": found.events_off,
        "signing_secret_set": bool(found.secrets),
        "send_window": None
        if window is None
        else wire.WindowAnswer(window.start, window.end, list(window.days)),
    }


def tier(found: tiers.Tier) -> tier_wire.TierAnswer:
    """A tier by itself."""
    return tier_wire.TierAnswer(**_tier(found))


def tier_of_list(found: tiers.Tier) -> tier_wire.Tier:
    """A tier in the list."""
    return tier_wire.Tier(**_tier(found))


def _tier(found: tiers.Tier) -> dict[str, Any]:
    scales = {
        channel: None
        if scale is None
        else tier_wire.ScaleAnswer(_plain(scale.max), _plain(scale.step))
        for channel, scale in _both(found.auto_scale).items()
    }
    return {
        "name": found.name,
        "limits": wire.LimitsAnswer(**_both(found.limits)),
        "auto_scale": tier_wire.AutoScaleAnswer(**scales),
        "weight": _plain(found.weight),
        "daily_quota": tier_wire.QuotasAnswer(**_both(found.daily_quota)),
    }


def _both(by_channel: dict[Channel, Any]) -> dict[str, Any]:
    return {channel.value: _plain(by_channel.get(channel)) for channel in Channel}


def _in_force(limit: Limit) -> wire.InForce:
    return wire.InForce(per_second=_plain(limit.rate), source=limit.source.value)


def _plain(value: Any) -> Any:
    """A whole number without `.0`, as it was given; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
