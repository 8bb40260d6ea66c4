"""Decodes what /api/schedule-sms, /api/schedule-email and each element of a batch hold into
a message, or says everything that is wrong with it.

`bodies` has the rules that types can say; here are the others. Called by the routes; reads
no clock, writes nothing.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from queue_services.domain.endpoint import endpoint_fault
from queue_services.domain.message import (
    SECOND,
    Channel,
    Content,
    Instant,
    Message,
    Priority,
    new_id,
)
from queue_services.domain.segments import segments
from queue_services.errors import Fault, InvalidRequest
from queue_services.wire import bodies, fields
from queue_services.wire.addresses import email_address, media_url, searched_recipient
from queue_services.wire.times import instant

T = TypeVar("T")
R = TypeVar("R")

DEEPEST = 100
"""Objects and arrays within each other in metadata. It is decoded again later, on stacks
where the decoder's own limit is another.
"""

_PRIORITIES = {
    None: Priority.NORMAL,
    "high": Priority.HIGH,
    "normal": Priority.NORMAL,
    "low": Priority.LOW,
}
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_NESTS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_TRACEPARENT = re.compile(
    r"(?:00|(?P<later>(?!00|ff)[0-9a-f]{2}))-(?P<ids>(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?(later)(?:-.*)?)"
)
_encode = msgspec.json.Encoder(order="deterministic").encode


class _Told(msgspec.Struct):
    """What an element of a batch says of its channel."""

    channel: Raw = Raw(b"null")


_SHAPES: dict[bytes, type[bodies.MessageBody]] = {
    b'"sms"': bodies.SmsElement,
    b'"email"': bodies.EmailElement,
}


class Rules(msgspec.Struct, frozen=True):
    """What is known beside the body: the prefixes of which a `callbackEndpoint` must have
    one, whether SMS limits count segments, the paths of the metadata that jobs are found by, and
    the request's trace.
    """

    callback_paths: tuple[str, ...] = ("/",)
    counts_segments: bool = False
    searched: tuple[str, ...] = ()
    traceparent: str | None = None

    def allowed(self, path: str) -> str:
        """Return `path` if a callback may go there. Raises ValueError."""
        if fault := _endpoint_fault(path):
            raise ValueError(fault)
        if not path.startswith(self.callback_paths):
            raise ValueError(f"must begin with {' or '.join(self.callback_paths)}")
        return path


_endpoint_fault = functools.lru_cache(512)(
    endpoint_fault
)  # an application has few endpoints, and sends each with every message


class Faults(list[Fault]):
    """The faults found so far."""

    def unless(
        self, field: str, rule: Callable[[T], R | None], value: T | UnsetType | None
    ) -> R | None:
        """What `rule` makes of `value`; None where it is absent, known to be wrong already, or
        the rule raises ValueError: that is then a fault.
        """
        if value is None or value is UNSET:
            return None
        try:
            return rule(value)
        except ValueError as error:
            self.append(Fault(field, str(error)))
            return None


def sms(body: bytes, now: Instant, rules: Rules, key_header: str | None = None) -> Message:
    """The message in a body of /api/schedule-sms. `key_header` is the header
    Idempotency-Key. Raises InvalidRequest with every fault.
    """
    return _decode(body, bodies.SmsBody, now, rules, key_header)


def email(body: bytes, now: Instant, rules: Rules, key_header: str | None = None) -> Message:
    """The message in a body of /api/schedule-email; as `sms`."""
    return _decode(body, bodies.EmailBody, now, rules, key_header)


def element(body: bytes, now: Instant, rules: Rules) -> Message:
    """The message in one element of a batch. Raises InvalidRequest with every fault."""
    value = fields.quick(body, bodies.Element)
    if value is not None:
        return _message(value, now, rules, None, Faults())
    told = fields.quick(
        body, _Told
    )  # most that is wrong has a right channel, and is then taken apart once, by its own shape
    shape = None if told is None else _SHAPES.get(bytes(told.channel))
    if shape is None:
        members, faults = fields.split(body, ("channel",))
        shape = _SHAPES.get(bytes(members.get("channel") or b""))
        if shape is None:
            raise InvalidRequest(Fault("channel", "must be `sms` or `email`"), *faults)
    return _decode(body, shape, now, rules, None)


def due_at(
    delay: float | UnsetType | None,
    scheduled_for: str | UnsetType | None,
    now: Instant,
    faults: Faults,
) -> Instant:
    """When a message is due: after `delay` milliseconds or at `scheduled_for`; now where
    neither is given or the instant is past.
    """
    after = now + round(delay * 1000) if isinstance(delay, float) else now
    at = faults.unless("scheduledFor", instant, scheduled_for)
    if at is None:
        return after
    at = max(at, now)
    if at > now + bodies.LONGEST_DELAY_MS * 1000:
        faults.append(Fault("scheduledFor", "must be at most 400 days ahead"))
    if isinstance(delay, float) and abs(at - after) > SECOND:
        faults.append(
            Fault("scheduledFor", "is more than 1 s from what `delay` says; give one of the two")
        )
    return at


def idempotency_key(header: str) -> str:
    """The key in a header Idempotency-Key: a string of RFC 8941 (3.3.3), or the bare text.
    Raises ValueError.
    """
    text = header.strip(" \t")
    if quoted := _QUOTED.fullmatch(text):
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    elif text.startswith('"') or not _BARE.fullmatch(text):
        raise ValueError('must be printable ASCII, bare or as a quoted string such as "order-17"')
    if not 1 <= len(text) <= bodies.LONGEST_ID:
        raise ValueError(f"must be text of 1-{bodies.LONGEST_ID} characters")
    return text


def traceparent(header: str) -> str | None:
    """What a header traceparent (W3C Trace Context, 3.2) says in the form of version 00;
    None where it is none, which the standard wants ignored.
    """
    match = _TRACEPARENT.fullmatch(header.strip(" \t"))
    return None if match is None else f"00-{match['ids']}"


def _decode(
    body: bytes, shape: type[bodies.MessageBody], now: Instant, rules: Rules, key_header: str | None
) -> Message:
    value = fields.quick(body, shape)
    if value is not None:
        return _message(value, now, rules, key_header, Faults())
    values, faults = fields.examine(body, shape)
    return _message(shape(**values), now, rules, key_header, Faults(faults))


def _message(
    body: bodies.MessageBody, now: Instant, rules: Rules, key_header: str | None, faults: Faults
) -> Message:
    """Apply the rules to a body whose members have the right types, or are UNSET and have a
    fault already.
    """
    workspace = faults.unless("workspaceId", workspace_of, body.workspace_id)
    due = due_at(body.delay, body.scheduled_for, now, faults)
    expires_at = faults.unless("expiresAt", instant, body.expires_at)
    metadata = _read_metadata(body.metadata, rules, faults)
    key = _key(body.idempotency_key, key_header, faults)
    if isinstance(body, bodies.SmsBody):
        channel, content = Channel.SMS, _sms_content(body, metadata, faults)
    elif isinstance(body, bodies.EmailBody):
        channel, content = Channel.EMAIL, _email_content(body, metadata, faults)
    if faults or workspace is None:
        raise InvalidRequest(*faults)
    return Message(
        id=new_id(now),
        workspace=workspace,
        channel=channel,
        contact=body.contact_id,
        campaign=metadata.campaign,
        recipient=searched_recipient(content.to, channel),
        priority=_PRIORITIES[body.priority],
        created_at=now,
        due_at=due,
        expires_at=expires_at,
        idempotency_key=key,
        fingerprint=None
        if key is None
        else _fingerprint(channel, content, body.contact_id, metadata.members),
        payload=_encode(
            msgspec.structs.replace(content, traceparent=rules.traceparent)
            if rules.traceparent
            else content
        ).decode(),
        units=segments(content.text).units
        if rules.counts_segments and content.text is not None
        else 1,
        indexed=_indexed(metadata.members, rules.searched) if rules.searched else (),
    )


def _indexed(members: Mapping[str, Any], paths: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The paths that the metadata has a text, a number or a truth value at, with that as text."""
    found = []
    for path in paths:
        value: Any = members
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, bool | int | float):
            found.append((path, _encode(value).decode()))
        elif isinstance(value, str):
            found.append((path, value))
    return tuple(found)


def workspace_of(given: Any) -> str:
    """The id of a workspace; an integer is its decimal string. Raises ValueError for one
    that is too long.
    """
    text = str(int(given) if isinstance(given, float) else given)
    if len(text) > bodies.LONGEST_ID:
        raise ValueError(f"must be at most {bodies.LONGEST_ID} characters")
    return text


def _sms_content(body: bodies.SmsBody, metadata: _Metadata, faults: Faults) -> Content:
    number = body.to if body.phone_number is None else body.phone_number
    if number is None:
        faults.append(Fault("phoneNumber", fields.REQUIRED))
    elif body.phone_number and body.to and body.phone_number != body.to:
        faults.append(Fault("to", "differs from `phoneNumber`; give one of the two"))
    url = faults.unless("mediaUrl", media_url, body.media_url)
    return Content(
        to=number or "",
        text=body.message,
        media_url=url,
        endpoint=metadata.endpoint,
        metadata=metadata.raw,
    )


def _email_content(body: bodies.EmailBody, metadata: _Metadata, faults: Faults) -> Content:
    faults.unless("to", email_address, body.to)
    return Content(
        to=body.to,
        subject=body.subject,
        html=body.html,
        endpoint=metadata.endpoint,
        metadata=metadata.raw,
    )


def _key(member: str | None, header: str | None, faults: Faults) -> str | None:
    from_header = faults.unless("Idempotency-Key", idempotency_key, header)
    if member and from_header and member != from_header:
        faults.append(
            Fault("idempotencyKey", "differs from the header Idempotency-Key; give one of the two")
        )
    return member or from_header


class _Metadata(NamedTuple):
    """The caller's object as it came, decoded, and what the service reads from it."""

    raw: Raw
    members: dict[str, Any]
    campaign: str | None
    endpoint: str | None


_NO_METADATA = _Metadata(Raw(b"{}"), {}, None, None)


def _read_metadata(raw: Any, rules: Rules, faults: Faults) -> _Metadata:
    members = faults.unless("metadata", _members, raw)
    if members is None:
        return _NO_METADATA
    endpoint = faults.unless("metadata.callbackEndpoint", _path, members.get("callbackEndpoint"))
    if endpoint is not None:
        endpoint = faults.unless("metadata.callbackEndpoint", rules.allowed, endpoint)
    campaign = faults.unless("metadata.campaignId", _campaign, members.get("campaignId"))
    return _Metadata(raw, members, campaign, endpoint)


def _members(raw: Raw) -> dict[str, Any] | None:
    encoded = bytes(raw)
    if len(encoded) > bodies.LARGEST_METADATA:
        raise ValueError(f"must be at most 16 KiB; it is {len(encoded):,} bytes")
    if _depth(encoded) > DEEPEST:
        raise ValueError(f"must not be nested deeper than {DEEPEST} levels")
    try:
        members = fields.decoder(Any).decode(encoded)
    except (
        msgspec.DecodeError
    ):  # it is JSON, and shallow: what is left is a number that no double holds
        raise ValueError("holds a number that is out of range") from None
    if members is not None and not isinstance(members, dict):
        raise ValueError("must be an object")
    return members


def _depth(encoded: bytes) -> int:
    """How many objects and arrays of a JSON text are within each other; not exact under
    `DEEPEST`, where a count is enough.
    """
    if encoded.count(b"{") + encoded.count(b"[") <= DEEPEST:
        return 0
    return max(
        itertools.accumulate(_NESTS.get(token, 0) for token in _BRACKETS.findall(encoded)),
        default=0,
    )


def _path(given: Any) -> str:
    if isinstance(given, str):
        return given
    raise ValueError("must be text: a path that begins with '/'")


def _campaign(given: Any) -> str | None:
    """The campaign a message belongs to; None where the member is neither text nor integer,
    which the service passes on without reading it.
    """
    if isinstance(given, bool) or not isinstance(given, (str, int)) or given == "":
        return None
    return workspace_of(given)


def _fingerprint(channel: Channel, content: Content, contact: str, metadata: dict[str, Any]) -> str:
    """Of all that must be the same when a key comes again: not time, priority, or the order
    and spelling of metadata's members.
    """
    parts = [
        channel,
        content.to,
        content.text,
        content.subject,
        content.html,
        content.media_url,
        contact,
        metadata,
    ]
    return hashlib.sha256(_encode(parts)).hexdigest()[:32]
