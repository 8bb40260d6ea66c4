"""What may be shown of a message: no body, no whole phone number or address; and no key,
signing secret or credentials of anybody.

Every log line passes `redact`; the dashboard masks recipients with `masked_recipient`; what
a terminal shows is made `printable`. Pure functions. They err on the safe side: an
unrelated number of seven digits or more inside a sentence is masked as well, so log numbers
as fields of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from enum import Enum
from pathlib import PurePath
from typing import Any

BODY_KEYS = frozenset(
    {"html", "message", "subject", "content", "text", "body", "payload", "metadata"}
)
SECRET_KEYS = frozenset(
    {
        "authorization",
        "password",
        "secret",
        "secrets",
        "signingsecret",
        "adminkey",
        "apikey",
        "token",
        "cookie",
        "webhooksignature",
    }
)
RECIPIENT_KEYS = frozenset({"to", "recipient", "phone", "phonenumber", "email"})
LONGEST, LONGEST_TRACEBACK = 1000, 50_000  # characters of one value

_BODY_NAMES = "|".join(sorted(BODY_KEYS))
_URL_LOGIN = re.compile(r"://[^/?#\s]*@")
# Keys and signing secrets are known by their prefix, whatever else sends its own by the
# scheme it is sent under (RFC 9110, 11.4).
_SECRET = re.compile(r"\b(?P<kind>qs_|whsec_|(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE)
# PostgreSQL repeats the whole row that broke a constraint, payload and all.
_ROW = re.compile(r"DETAIL:.*?(?=HINT:|CONTEXT:|$)", re.DOTALL)
# A body inside a repr or JSON, also within another string (\"html\": \"...\"); what opens
# with a bracket has no findable end, so the rest goes.
_BODY = re.compile(
    rf"""\b(?P<key>{_BODY_NAMES})\b\\*["']?\s*[=:]\s*b?(?:(?P<quote>\\*["'])(?:(?!(?P=quote))(?:\\.|.))*(?:(?P=quote))?|[{{\[(].*)""",
    re.DOTALL | re.IGNORECASE,
)
# A local part has at most 64 characters (RFC 5321, 4.5.3.1.1); without that bound a long
# word would cost its length squared.
_ADDRESS = re.compile(
    r"""(?:"(?P<quoted>(?:[^"\\]|\\.){1,64})"|(?P<local>[^\s@<>"'(),:;\[\]\\/=&?]{1,64}))(?P<at>@|%40)(?P<domain>[\w.-]+|\[[^\]\s]*\])"""
)
# What looks like a phone number and is none is tried first: a UUID, a date or timestamp, an
# IPv4 address.
_NUMBER = re.compile(
    r"""(?P<kept>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}
        | \d{4}-\d\d-\d\d(?:[T\ ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\d-])
        | (?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]))
      | \+?\(?\d(?:[ ()+.-]{0,3}\d){6,}""",
    re.VERBOSE | re.IGNORECASE,
)


def masked_recipient(recipient: str) -> str:
    """`+1555***34` for a phone number, `j***@example.com` for an address."""
    local, at, domain = recipient.rpartition("@")
    if at:
        return f"{local.lstrip(chr(34))[:1]}***@{domain}"
    digits = re.sub(r"\D", "", recipient)
    if len(digits) < 9:
        return f"***{digits[-2:]}" if len(digits) > 4 else "***"
    return f"{'+' if recipient.lstrip().startswith('+') else ''}{digits[:4]}***{digits[-2:]}"


def redacted_text(text: str) -> str:
    """The text without bodies, keys, secrets, credentials in URLs, whole phone numbers or
    whole addresses.
    """
    text = _ROW.sub("DETAIL: *** ", text)
    text = _SECRET.sub(lambda found: f"{found['kind']}***", text)
    text = _BODY.sub(lambda found: f"{found['key']}=***", text)
    if "@" in text or "%40" in text:
        text = _ADDRESS.sub(
            lambda found: (
                f"{(found['quoted'] or found['local'])[0]}***{found['at']}{found['domain']}"
            ),
            text,
        )
    text = _URL_LOGIN.sub("://***@", text)
    return _NUMBER.sub(
        lambda found: found[0] if found["kept"] else masked_recipient(found[0]), text
    )


def printable(text: str) -> str:
    """The text with its control characters, line ends among them, and invisible ones
    written out, as a terminal may be shown it.
    """
    return (
        text
        if text.isprintable()
        else "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
        )
    )


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor: the event without bodies, with every string redacted, with
    nothing left but plain values.
    """
    own = {key: event[key] for key in ("_record", "_from_structlog") if key in event}
    return _plain_mapping({key: value for key, value in event.items() if key not in own}) | own


def redacted(value: Any) -> Any:
    """The value as plain JSON, without bodies and secrets, recipients masked."""
    return _plain(value)


def _plain_mapping(fields: Mapping[Any, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, value in fields.items():
        name = str(key)
        folded = name.replace("_", "").lower()
        if folded in BODY_KEYS or folded.replace("-", "") in SECRET_KEYS:
            continue
        if folded in RECIPIENT_KEYS and isinstance(value, (str, int)):
            shown[name] = masked_recipient(str(value))
        elif name in ("exception", "stack"):
            shown[name] = redacted_text(str(value)[:LONGEST_TRACEBACK])
        else:
            shown[redacted_text(name)] = _plain(value)
    return shown


def _plain(value: Any) -> Any:
    """The value as numbers, strings, lists and dicts; what is none of these shows its type
    alone, for its repr may hold a message.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, (str, PurePath)):
        return redacted_text(str(value)[:LONGEST])
    if isinstance(value, BaseException):
        return redacted_text(f"{type(value).__name__}: {value}"[:LONGEST])
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(element) for element in value]
    return f"<{type(value).__name__}>"
