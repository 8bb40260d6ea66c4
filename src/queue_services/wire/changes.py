"""Decodes what a PUT of a workspace or a tier changes, or says everything that is wrong
with it, each fault by its member's own name.

Called by the routes. The rules of the figures are the domain's, those of URLs and secrets
the settings'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from queue_services.domain import tiers
from queue_services.domain.calendar import Window, window_faults, zone_fault
from queue_services.domain.message import Channel
from queue_services.domain.tiers import Scale, TierChange
from queue_services.domain.timed import TimedChange
from queue_services.domain.workspace import Change
from queue_services.errors import Fault, InvalidRequest
from queue_services.settings import types
from queue_services.wire import fields
from queue_services.wire.tiers import TierBody
from queue_services.wire.times import instant
from queue_services.wire.workspaces import WindowBody, WorkspaceBody

T = TypeVar("T")


def workspace_change(body: bytes) -> Change:
    """What a PUT of a workspace changes. Raises InvalidRequest with every fault; whether
    the tier is there, the store knows.
    """
    given = _Given(body, WorkspaceBody)
    change = Change(
        tier=given.member("tier"),
        timezone=given.member("timezone", zone_fault),
        limits=given.by_channel("limits", tiers.limit_fault, _plain),
        base_urls=given.by_channel(
            "callback_base_urls", _refused_by(types.base_url), types.base_url
        ),
        paused=given.by_channel("paused"),
        events_url=given.member("events_url", _refused_by(types.base_url)),
        secret=given.member("signing_secret", _refused_by(types.signing_secret)),
        window=given.window("send_window"),
        paused_timed=given.timed("paused_until", "paused_reason"),
        limits_timed=given.timed("limits_until", "limits_reason"),
    )
    given.check()
    return change


def tier_change(body: bytes) -> TierChange:
    """What a PUT of a tier changes. Raises InvalidRequest with every fault."""
    given = _Given(body, TierBody)
    change = TierChange(
        limits=given.by_channel("limits", tiers.limit_fault, _plain),
        weight=given.member("weight", tiers.weight_fault),
        auto_scale=given.by_channel(
            "auto_scale",
            lambda scale: tiers.scale_fault(scale.max, scale.step),
            lambda scale: Scale(_plain(scale.max), scale.step),
        ),
        daily_quota=given.by_channel("daily_quota", tiers.quota_fault, int),
    )
    given.check()
    return change


class _Given:
    """A body's members, and what is wrong with them so far."""

    def __init__(self, body: bytes, shape: type[msgspec.Struct]) -> None:
        self._names = {field.name: field.encode_name for field in msgspec.structs.fields(shape)}
        self._faults: list[Fault] = []
        value = fields.quick(body, shape)
        if value is None:
            self._values, faults = fields.examine(body, shape)
            for fault in faults:
                within, right = _within(fault, body, shape)
                self._faults += within
                if right is not None:
                    self._values |= {
                        name: right
                        for name, encoded in self._names.items()
                        if encoded == fault.field
                    }
        else:
            self._values = {name: getattr(value, name) for name in self._names}

    def check(self) -> None:
        """Raise InvalidRequest where anything is wrong."""
        if self._faults:
            raise InvalidRequest(*self._faults)

    def member(self, name: str, rule: Callable[[Any], str | None] = lambda _: None) -> Any:
        """A member's value; UNSET where it is not given."""
        value = self._values.get(name, UNSET)
        if value is not UNSET and value is not None and (fault := rule(value)):
            self._faults.append(Fault(self._names[name], fault))
        return value

    def by_channel(
        self,
        name: str,
        rule: Callable[[Any], str | None] = lambda _: None,
        stored: Callable[[Any], T] = lambda value: value,
    ) -> dict[Channel, Any]:
        """The channels that a member gives, each value as it is `stored`; null as a whole is
        null for every channel.
        """
        value = self._values.get(name, UNSET)
        if value is UNSET:
            return {}
        given = {
            channel: None if value is None else getattr(value, channel.value) for channel in Channel
        }
        found: dict[Channel, Any] = {}
        for channel, one in given.items():
            if one is None:
                found[channel] = None
            elif one is not UNSET and (fault := rule(one)):
                self._faults.append(Fault(f"{self._names[name]}.{channel.value}", fault))
            elif one is not UNSET:
                found[channel] = stored(one)
        return found

    def timed(self, until: str, reason: str) -> dict[Channel, TimedChange]:
        """By channel, the ends and reasons that two members give."""
        ends = self.by_channel(until, _refused_by(instant), instant)
        reasons = self.by_channel(reason)
        return {
            channel: TimedChange(ends.get(channel, UNSET), reasons.get(channel, UNSET))
            for channel in Channel
            if channel in ends or channel in reasons
        }

    def window(self, name: str) -> Window | UnsetType | None:
        """The member that is a window."""
        value = self._values.get(name, UNSET)
        if not isinstance(value, WindowBody):
            return value if value is None else UNSET
        days = [int(day) for day in value.days]
        if faults := window_faults(value.start, value.end, days):
            self._faults += [
                Fault(f"{self._names[name]}.{fault.field}", fault.message) for fault in faults
            ]
            return UNSET
        return Window(value.start, value.end, tuple(sorted(days)))


def _within(
    fault: Fault, body: bytes, shape: type[msgspec.Struct]
) -> tuple[list[Fault], msgspec.Struct | None]:
    """The faults inside a member that is an object of members, each by its own name, and
    what is right of it; else the fault itself.
    """
    inner = {
        field.encode_name: part
        for field in msgspec.structs.fields(shape)
        for part in _structs(field.type)
    }.get(fault.field)
    raw = None if inner is None else fields.split(body, (fault.field,))[0].get(fault.field)
    if inner is None or raw is None or not bytes(raw).lstrip().startswith(b"{"):
        return [fault], None
    values, faults = fields.examine(bytes(raw), inner)
    within = [deeper for one in faults for deeper in _within(one, bytes(raw), inner)[0]]
    named = [Fault(f"{fault.field}.{one.field}", one.message) for one in within]
    return named, None if any(field.required for field in msgspec.structs.fields(inner)) else inner(
        **values
    )


def _structs(field_type: Any) -> list[type[msgspec.Struct]]:
    """The struct that a member may be, if any."""
    if isinstance(field_type, type) and issubclass(field_type, msgspec.Struct):
        return [field_type]
    return [found for part in getattr(field_type, "__args__", ()) for found in _structs(part)]


def _refused_by(read: Callable[[str], object]) -> Callable[[str], str | None]:
    """The fault that a setting's reader finds."""

    def rule(value: str) -> str | None:
        try:
            read(value)
        except ValueError as error:
            return str(error)
        return None

    return rule


def _plain(number: float) -> float:
    """5.0 as 5."""
    return int(number) if number == int(number) else number
