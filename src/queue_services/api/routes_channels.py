"""Channels: pausing one, and its limit in place of every process's setting. For administrators
alone.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.domain import tiers
from queue_services.domain.message import Channel, Instant
from queue_services.domain.timed import TimedChange
from queue_services.errors import Fault, InvalidRequest, NotFound
from queue_services.queue import service_limits
from queue_services.queue.service_limits import ChannelChange, ChannelControl, ServiceLimits
from queue_services.web import bodies as reading
from queue_services.wire import channels as wire
from queue_services.wire.bodies import NoMembers, NoQuery
from queue_services.wire.fields import shown
from queue_services.wire.intake import Faults
from queue_services.wire.times import instant, optional_rfc3339


async def list_channels(incoming: Incoming) -> wire.ChannelsAnswer:
    """GET /api/channels."""
    found = await service_limits.controls.run(incoming.services.database)
    limits = incoming.services.limits
    return wire.ChannelsAnswer(
        channels=[wire.ChannelMembers(**_members(one, limits)) for one in found.values()]
    )


async def get_channel(incoming: Incoming) -> wire.ChannelAnswer:
    """GET /api/channels/{channel}."""
    found = await service_limits.controls.run(incoming.services.database)
    return _answer(incoming, found[_channel(incoming)])


async def change_channel(incoming: Incoming) -> wire.ChannelAnswer:
    """PUT /api/channels/{channel}."""
    body: wire.ChannelBody = incoming.body
    faults, rate = Faults(), body.per_second
    if isinstance(rate, int | float) and (fault := tiers.limit_fault(rate)):
        faults.append(Fault(wire.PER_SECOND, fault))
    timed = _timed(body.until, body.reason, faults)
    if faults:
        raise InvalidRequest(*faults)
    return await _changed(incoming, ChannelChange(body.paused, rate, timed))


async def pause_channel(incoming: Incoming) -> wire.ChannelAnswer:
    """POST /api/channels/{channel}/pause."""
    return await _changed(incoming, ChannelChange(paused=True, timed=timed_of(incoming.body)))


async def resume_channel(incoming: Incoming) -> wire.ChannelAnswer:
    """POST /api/channels/{channel}/resume."""
    return await _changed(incoming, ChannelChange(paused=False))


def timed_of(body: wire.PauseBody) -> TimedChange:
    """The end and the reason in the body of a pause. Raises InvalidRequest."""
    faults = Faults()
    timed = _timed(
        UNSET if body.until is None else body.until,
        UNSET if body.reason is None else body.reason,
        faults,
    )
    if faults:
        raise InvalidRequest(*faults)
    return timed


def _timed(
    until: str | UnsetType | None, reason: str | UnsetType | None, faults: Faults
) -> TimedChange:
    end: Instant | UnsetType | None = UNSET if until is UNSET else None
    if isinstance(until, str):
        end = faults.unless("until", instant, until)
    return TimedChange(end, reason)


async def _changed(incoming: Incoming, wanted: ChannelChange) -> wire.ChannelAnswer:
    name, database = _channel(incoming), incoming.services.database
    before = (await service_limits.controls.run(database))[name]
    incoming.record.old = _members(before, incoming.services.limits)
    after = await service_limits.change.run(database, name, wanted, incoming.now)
    await incoming.services.limits.refresh(database)
    incoming.record.new = _members(after, incoming.services.limits)
    return _answer(incoming, after)


def _channel(incoming: Incoming) -> Channel:
    if incoming.name not in set(Channel):
        raise NotFound("channel", shown(incoming.name))
    return Channel(incoming.name)


def _answer(incoming: Incoming, found: ChannelControl) -> wire.ChannelAnswer:
    return wire.ChannelAnswer(**_members(found, incoming.services.limits))


def _members(found: ChannelControl, limits: ServiceLimits) -> dict[str, Any]:
    """What is shown of a channel; `until` and `reason` are the stored limit's where it has
    some, else the pause's.
    """
    stored = found.stored is not None
    limit_is_timed = stored and (found.limit.until or found.limit.reason)
    first = found.limit if limit_is_timed else found.pause
    rate = limits.setting(found.channel) if found.stored is None else found.stored
    return {
        "channel": found.channel,
        "paused": found.paused,
        "per_second": int(rate) if rate == int(rate) else rate,
        "source": "stored" if stored else "setting",
        "until": optional_rfc3339(first.until),
        "reason": first.reason,
        "paused_until": optional_rfc3339(found.pause.until),
        "paused_reason": found.pause.reason,
    }


CALLS = [
    Call(
        "GET",
        "/api/channels",
        list_channels,
        "Both channels: paused, and the limit in force",
        wire.ChannelsAnswer,
        scope=Scope.ADMIN,
        query=NoQuery,
        tag="Channels",
    ),
    Call(
        "GET",
        "/api/channels/{channel}",
        get_channel,
        "A channel: paused, and the limit in force",
        wire.ChannelAnswer,
        scope=Scope.ADMIN,
        errors=(404,),
        tag="Channels",
    ),
    Call(
        "PUT",
        "/api/channels/{channel}",
        change_channel,
        "Change the members given of a channel; a limit of null is the setting's again",
        wire.ChannelAnswer,
        scope=Scope.ADMIN,
        body=wire.ChannelBody,
        reads=reading.OTHER,
        errors=(404,),
        tag="Channels",
        audited="change channel",
    ),
    Call(
        "POST",
        "/api/channels/{channel}/pause",
        pause_channel,
        "Let no job of the channel start, until an end if one is given",
        wire.ChannelAnswer,
        scope=Scope.ADMIN,
        body=wire.PauseBody,
        reads=reading.NONE,
        errors=(404,),
        tag="Channels",
        audited="pause channel",
    ),
    Call(
        "POST",
        "/api/channels/{channel}/resume",
        resume_channel,
        "Let jobs of the channel start again",
        wire.ChannelAnswer,
        scope=Scope.ADMIN,
        body=NoMembers,
        reads=reading.NONE,
        errors=(404,),
        tag="Channels",
        audited="resume channel",
    ),
]
