"""What a delivery came to: the table of answers, read from an HTTP response into one value.

Called by the senders in `delivery`; `domain.retry` and `domain.holds` decide from the result
what happens to the message and its lane.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Literal

import msgspec

from queue_services.domain.message import SECOND, Instant

ERROR_CHARACTERS = 500
ANSWER_BYTES = 16 * 1024
SHORTEST_WAIT = 1 * SECOND
LONGEST_WAIT = 3600 * SECOND

AttemptOutcome = Literal["delivered", "failed", "rejected", "throttled", "timeout"]


class Kind(StrEnum):
    """Every way a delivery can come back. Only UNREACHABLE means that no request went out."""

    DELIVERED = "delivered"
    FAILED = "failed"
    TIMEOUT = "timeout"
    REJECTED = "rejected"
    REFUSED = "refused"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"


_ATTEMPT_OUTCOMES: dict[Kind, AttemptOutcome] = {
    Kind.DELIVERED: "delivered",
    Kind.FAILED: "failed",
    Kind.TIMEOUT: "timeout",
    Kind.REJECTED: "rejected",
    Kind.REFUSED: "rejected",
    Kind.THROTTLED: "throttled",
    Kind.UNREACHABLE: "failed",
}


class AnswerBody(msgspec.Struct, frozen=True, gc=False):
    """The body of an application's answer: at most its first `ANSWER_BYTES`, `cut` where it
    was longer.
    """

    content: bytes
    content_type: str
    cut: bool

    @property
    def text(self) -> str:
        """As text that can be stored, by the charset of its content type, else UTF-8."""
        return _storable(_decode(self.content, self.content_type))


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What one delivery came to.

    `status_code` is the HTTP status, None where none came. `error` says what went wrong,
    None for DELIVERED. `wait_until` is set for THROTTLED alone: before it the lane sends
    nothing. `body` is what the application answered, None where that was nothing.
    """

    kind: Kind
    status_code: int | None = None
    error: str | None = None
    wait_until: Instant | None = None
    body: AnswerBody | None = None

    @property
    def posted(self) -> bool:
        """Whether a request may have gone out, so that it counts as an attempt."""
        return self.kind is not Kind.UNREACHABLE

    @property
    def attempt_outcome(self) -> AttemptOutcome:
        """The attempt's `outcome` as the API shows it."""
        return _ATTEMPT_OUTCOMES[self.kind]


class _Verdict(msgspec.Struct):
    """The members of an answer's JSON body that are read; Raw, so that nothing else in it
    can fail the reading.
    """

    success: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")
    message: msgspec.Raw = msgspec.Raw(b"")


_read_verdict = msgspec.json.Decoder(_Verdict).decode
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.ASCII | re.IGNORECASE)
_BEGINS_WITH_FAILURE = re.compile(rb'\s*\{\s*"success"\s*:\s*false\b')


def read_answer(
    status: int, body: bytes, content_type: str, retry_after: str | None, now: Instant
) -> Answer:
    """Read a response into an Answer.

    `body` is what was read of the body; `content_type` gives the charset of an error text
    and decides nothing else, because servers send JSON as text/html too. `retry_after` is
    the header's value. A status outside the table (1xx, 600 and up) is a failed try.
    """
    if 200 <= status < 300:
        return _read_success(status, body, content_type)
    error = _error(status, body, content_type)
    told = retry_after.strip() if retry_after else ""
    if status == 429 or (status == 503 and told):
        return Answer(Kind.THROTTLED, status, error, now + _wait(told, now))
    if status in {401, 403, 404}:
        return Answer(Kind.REFUSED, status, error)
    if 300 <= status < 500 and status not in {408, 425}:
        return Answer(Kind.REJECTED, status, error)
    return Answer(Kind.FAILED, status, error)


def _read_success(status: int, body: bytes, content_type: str) -> Answer:
    """DELIVERED, unless the body is a JSON object whose `success` is false, or was cut off
    and begins like one.
    """
    delivered = Answer(Kind.DELIVERED, status)
    if b'"success"' not in body:
        return delivered
    source = body.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
    try:
        verdict = _read_verdict(source)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if _BEGINS_WITH_FAILURE.match(
            source
        ):  # the reason was too long to be read whole: a failure all the same
            return Answer(Kind.FAILED, status, _error(status, body, content_type))
        return delivered
    if bytes(verdict.success).strip() != b"false":
        return delivered
    text = _text(verdict.error) or _text(verdict.message) or _error(status, body, content_type)
    return Answer(Kind.FAILED, status, text[:ERROR_CHARACTERS])


def _text(raw: msgspec.Raw) -> str:
    """A JSON value as an error text: a string as it is, null as nothing, anything else as
    its JSON.
    """
    source = bytes(raw).strip()
    if source in {b"", b"null"}:
        return ""
    if source.startswith(b'"'):
        try:
            return _storable(msgspec.json.decode(source, type=str))
        except (
            msgspec.DecodeError,
            UnicodeDecodeError,
        ):  # a lone surrogate escape: show the source instead
            pass
    return _storable(source.decode("utf-8", "replace"))


def _error(status: int, body: bytes, content_type: str) -> str:
    """The status and the first characters of the body."""
    # no charset takes more than four bytes a character, so this is enough
    text = _decode(body[: 4 * ERROR_CHARACTERS], content_type)
    text = _storable(text[:ERROR_CHARACTERS].strip())
    return f"HTTP {status}: {text}" if text else f"HTTP {status}"


def _decode(content: bytes, content_type: str) -> str:
    charset = _CHARSET.search(content_type)
    try:
        return content.decode(charset[1] if charset else "utf-8", "replace")
    except (LookupError, UnicodeError):
        return content.decode("utf-8", "replace")


def _storable(text: str) -> str:
    """Without NUL and lone surrogates, which PostgreSQL's text and UTF-8 cannot hold."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _wait(told: str, now: Instant) -> int:
    """The microseconds a Retry-After (RFC 9110, 10.2.3) asks for, from 1 s to 1 h; 1 s
    where it is absent, malformed or past.
    """
    if re.fullmatch(r"\d+(\.\d*)?", told, re.ASCII):
        asked = min(float(told), 3600.0) * SECOND
    else:
        try:
            date = parsedate_to_datetime(told)
        except (ValueError, TypeError, IndexError, OverflowError):
            return SHORTEST_WAIT
        asked = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * SECOND - now
    return int(min(max(asked, SHORTEST_WAIT), LONGEST_WAIT))
