"""The shapes of channels on the wire: pausing one and changing its limit."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from queue_services.domain.message import Channel
from queue_services.wire.answers import Answer, Time
from queue_services.wire.bodies import Time as GivenTime
from queue_services.wire.workspaces import Limit, Reason

PER_SECOND = "perSecond"
"""As faults name it."""


class PauseBody(msgspec.Struct, forbid_unknown_fields=True):
    """When a pause ends by itself, and why it was made; both may be left out."""

    until: GivenTime = None
    reason: Reason = None


class ChannelBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to change of a channel: what is not given stays. `perSecond` null: the setting's limit
    again. `until` and `reason` are those of what is changed.
    """

    paused: bool | UnsetType = UNSET
    per_second: Limit | UnsetType = UNSET
    until: GivenTime | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET


class ChannelMembers(msgspec.Struct, rename="camel", kw_only=True):
    """A channel: whether it is paused, its limit in force, and whether that is each process's
    setting or a stored one. `until` and `reason` are the stored limit's, else the pause's.
    """

    channel: Channel
    paused: bool
    per_second: float
    source: Literal["setting", "stored"]
    until: Time | None
    reason: str | None
    paused_until: Time | None
    paused_reason: str | None


class ChannelAnswer(ChannelMembers, kw_only=True):
    """One channel."""

    success: Literal[True] = True


class ChannelsAnswer(Answer, kw_only=True):
    """Both channels."""

    channels: list[ChannelMembers]
