"""Reads the body of a callback into a typed message. Called by `Receiver`; does not check
who sent it, `signature` does.

An SMS body is `to`, `message`, ids, a media URL if any; an email body `to`, `subject`,
`html`, the same as `content`, ids. Every other member comes from the message's metadata,
and is given as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import msgspec

from queue_services_client.receiver.refusals import TooLarge, Unreadable

MAX_BATCH = 1_000
NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON, no UTF-8, or nested too deeply."""

T = TypeVar("T")


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What both channels' messages have. `job_id` is the same each time the message comes;
    `attempt` counts its comings, from 1.

    `metadata` is what was scheduled with the message, but for members named like the service's own.
    """

    to: str
    contact_id: str
    workspace_id: str
    job_id: str
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    attempt: int = 1


class SmsMessage(Delivered, frozen=True, kw_only=True):
    """An SMS to send now: `message` is its text, `media_url` a picture's address (MMS)."""

    message: str
    media_url: str | None = None


class EmailMessage(Delivered, frozen=True, kw_only=True):
    """An email to send now: `html` is its body."""

    subject: str
    html: str


Incoming: TypeAlias = SmsMessage | EmailMessage
Reader: TypeAlias = Callable[[bytes, int], T]
"""Reads one message's JSON and its attempt number, or raises Unreadable."""


class _SmsBody(msgspec.Struct, rename="camel", kw_only=True):
    to: str
    message: str
    contact_id: str
    workspace_id: str
    job_id: str


class _Media(msgspec.Struct, rename="camel"):
    """The picture of an SMS. Where the service sends none, metadata may use its name for
    anything; text is then taken for a picture.
    """

    media_url: Any = None


class _EmailBody(msgspec.Struct, rename="camel", kw_only=True):
    to: str
    subject: str
    html: str
    contact_id: str
    workspace_id: str
    job_id: str
    content: str | None = None


def parse_sms(body: bytes, attempt: int = 1) -> SmsMessage:
    """The SMS in `body`, the `attempt`-th time it comes. Raises Unreadable, naming the
    member that is wrong.
    """
    members = _members(body)
    sms = _read(members, _SmsBody)
    media_url = msgspec.convert(members, _Media).media_url
    own = (_SmsBody, _Media) if isinstance(media_url, str) else (_SmsBody,)
    picture = media_url if isinstance(media_url, str) else None
    return SmsMessage(
        **msgspec.structs.asdict(sms),
        media_url=picture,
        metadata=_rest(members, *own),
        attempt=attempt,
    )


def parse_email(body: bytes, attempt: int = 1) -> EmailMessage:
    """The email in `body`, the `attempt`-th time it comes. Raises Unreadable, naming the
    member that is wrong.
    """
    members = _members(body)
    email = _read(members, _EmailBody)
    fields = {
        name: value for name, value in msgspec.structs.asdict(email).items() if name != "content"
    }
    return EmailMessage(**fields, metadata=_rest(members, _EmailBody), attempt=attempt)


def parse(body: bytes, attempt: int = 1) -> Incoming:
    """The message in `body`, for an endpoint that both channels share; where there are two,
    `parse_sms` and `parse_email` cannot be misled.

    It is an email if it has `html` and the same as `content`, which only the service
    writes; metadata may hold one of them. Raises Unreadable.
    """
    members = _members(body)
    is_email = "html" in members and members.get("content") == members["html"]
    return (
        parse_email(body, attempt)
        if is_email or "message" not in members
        else parse_sms(body, attempt)
    )


def parse_batch(body: bytes, reader: Reader[T], attempt: int = 1) -> Iterator[T | Unreadable]:
    """The messages of a JSON array, each read by `reader`, or why it cannot be read. Raises
    Unreadable or TooLarge for the array itself.
    """
    try:
        parts = msgspec.json.decode(body, type=list[msgspec.Raw])
    except NOT_JSON as error:
        raise Unreadable(f"the body is not a JSON array: {error}") from None
    check_size(len(parts))
    return (_one(bytes(part), reader, attempt) for part in parts)


def check_size(messages: int) -> None:
    """Raises TooLarge for more messages than one call may hold."""
    if messages > MAX_BATCH:
        raise TooLarge(f"{messages:,} messages in one call; {MAX_BATCH:,} at most")


def is_batch(body: bytes) -> bool:
    """Whether `body` is a list of messages and not one."""
    return body.lstrip(b" \t\r\n")[:1] == b"["


def _one(part: bytes, reader: Reader[T], attempt: int) -> T | Unreadable:
    try:
        return reader(part, attempt)
    except Unreadable as error:
        return error


def _members(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except NOT_JSON as error:
        raise Unreadable(f"the body is not a JSON object: {error}") from None


Body = TypeVar("Body", _SmsBody, _EmailBody)


def _read(members: dict[str, Any], kind: type[Body]) -> Body:
    try:
        return msgspec.convert(members, kind)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from None


def _rest(members: dict[str, Any], *kinds: type[msgspec.Struct]) -> dict[str, Any]:
    own = {field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)}
    return {name: value for name, value in members.items() if name not in own}
