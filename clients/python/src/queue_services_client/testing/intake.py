"""Checks what is to be scheduled as the service does, every fault at once. Used by `routes`.

Stricter or laxer than the service only in what an email address is: one @ with something on
both sides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec

from queue_services_client import wire
from queue_services_client.errors import Fault, ValidationFailed
from queue_services_client.types import Channel, Priority

LONGEST_ID = 255
LARGEST_METADATA = 16 * 1024
LONGEST_DELAY = timedelta(days=400)
_PHONE = re.compile(r"[0-9+().\- ]{3,32}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_MEDIA = re.compile(r"https?://[^\s/]+\S*")
_FORBIDDEN_IN_PATH = re.compile(r"[\\#\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that may be scheduled; `content` has what identifies it beside the
    addressee, `due` is not before now.
    """

    channel: Channel
    to: str
    contact_id: str
    workspace_id: str
    content: Mapping[str, str]
    metadata: Mapping[str, Any]
    priority: Priority
    due: datetime
    delayed: bool
    expires_at: datetime | None
    key: str | None

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """What must be the same when an idempotency key comes again."""
        return (self.channel, self.to, self.contact_id, dict(self.content), dict(self.metadata))

    @property
    def campaign_id(self) -> str | None:
        campaign = self.metadata.get(wire.IN_METADATA["campaign_id"])
        return (
            str(campaign)
            if isinstance(campaign, str | int) and not isinstance(campaign, bool) and campaign != ""
            else None
        )


def accept(body: Mapping[str, Any], channel: Channel, now: datetime) -> Accepted:
    """The message in `body`, by its wire names. Raises ValidationFailed with every fault."""
    members = Members(wire.python_names(body))
    to = _recipient(members, channel)
    content = {
        name: members.text(name)
        for name in (("message",) if channel is Channel.SMS else ("subject", "html"))
    }
    if channel is Channel.SMS and members.given("media_url"):
        content["media_url"] = members.matching("media_url", _MEDIA, "give an http(s) URL")
    contact_id, workspace_id = (
        members.text("contact_id", LONGEST_ID),
        members.text("workspace_id", LONGEST_ID, or_integer=True),
    )
    due = due_at(members, now)
    priority: Priority = members.get("priority") or "normal"
    if priority not in {"high", "normal", "low"}:
        members.fault("priority", "give high, normal or low")
    expires_at = members.instant("expires_at")
    key = members.text("idempotency_key", LONGEST_ID) if members.given("idempotency_key") else None
    metadata = _metadata(members)
    if members.faults:
        raise ValidationFailed.of(*members.faults)
    return Accepted(
        channel,
        to,
        contact_id,
        workspace_id,
        content,
        metadata,
        priority,
        due or now,
        due is not None and due > now,
        expires_at,
        key,
    )


def due_at(members: Members, now: datetime) -> datetime | None:
    """When `delay` or `scheduled_for` say, not before now; None where neither is given."""
    after = None
    if members.given("delay"):
        delay = members.get("delay")
        if (
            isinstance(delay, bool)
            or not isinstance(delay, int | float)
            or not math.isfinite(delay)
            or not 0 <= delay <= LONGEST_DELAY / timedelta(milliseconds=1)
        ):
            members.fault("delay", "give milliseconds from 0 to 400 days")
        else:
            after = now + timedelta(milliseconds=delay)
    at = members.instant("scheduled_for")
    if at is None:
        return after
    if at > now + LONGEST_DELAY:
        members.fault("scheduled_for", "it is more than 400 days ahead")
    if after is not None and abs(at - after) > timedelta(seconds=1):
        members.fault("scheduled_for", "it differs from delay; give one of the two")
    return max(at, now)


class Members:
    """The members of a body by Python's names, and the faults found so far."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members
        self.faults: list[Fault] = []

    def get(self, name: str) -> Any:
        return self._members.get(name)

    def given(self, name: str) -> bool:
        return self.get(name) is not None

    def fault(self, name: str, message: str) -> None:
        self.faults.append(Fault(wire.camel(name), message))

    def text(self, name: str, longest: int | None = None, *, or_integer: bool = False) -> str:
        value = self.get(name)
        if or_integer and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value:
            self.fault(name, "it is required, and may not be empty")
        elif "\0" in value or (longest and len(value) > longest):
            self.fault(
                name,
                f"give at most {longest} characters, none of them NUL"
                if longest
                else "it may not hold NUL",
            )
        return str(value)

    def matching(self, name: str, pattern: re.Pattern[str], message: str) -> str:
        value = self.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.fault(name, message)
        return str(value)

    def instant(self, name: str) -> datetime | None:
        value = self.get(name)
        if value is None:
            return None
        try:
            moment = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            moment = None
        if moment is None or moment.utcoffset() is None:
            self.fault(name, "give an instant with its offset, as in 2026-03-22T10:15:30Z")
            return None
        return moment


def endpoint_fault(path: Any) -> str | None:
    """What is wrong with a callback's path; None where it may be used."""
    if (
        not isinstance(path, str)
        or not path.startswith("/")
        or path.startswith("//")
        or len(path) > 2_000
    ):
        return "give a path that begins with exactly one /"
    segments = unquote(path.partition("?")[0]).split("/")
    if _FORBIDDEN_IN_PATH.search(path) or "." in segments or ".." in segments:
        return "it may not hold a backslash, #, control character or dot segment"
    return None


def _recipient(members: Members, channel: Channel) -> str:
    if channel is Channel.EMAIL:
        return members.matching("to", _EMAIL, "give an email address")
    return members.matching(
        "to" if members.given("to") and not members.given("phone_number") else "phone_number",
        _PHONE,
        "give 3-32 digits, + ( ) - . or spaces",
    )


def _metadata(members: Members) -> Mapping[str, Any]:
    metadata = members.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        members.fault("metadata", "give an object")
        return {}
    if len(wire.encode(metadata)) > LARGEST_METADATA:
        members.fault("metadata", "it is larger than 16 KiB")
    endpoint = wire.IN_METADATA["callback_endpoint"]
    if metadata.get(endpoint) is not None and (wrong := endpoint_fault(metadata[endpoint])):
        members.faults.append(Fault(f"metadata.{endpoint}", wrong))
    return metadata
