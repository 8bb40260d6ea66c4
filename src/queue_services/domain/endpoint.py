"""Which paths of the application a message may be delivered to, and how such a path stands
in a request.

Intake asks `endpoint_fault` about `metadata.callbackEndpoint`; the sender appends
`request_target` to the base URL. The rule: whatever is accepted can change neither scheme,
host, port nor user, nor climb out of the base URL's own path.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

LONGEST = 2_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ENCODINGS_DEEP = 5
_PRINTABLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def endpoint_fault(path: str) -> str | None:
    """What is wrong with a callback endpoint, as a sentence for its author, or None.

    It begins with exactly one `/`, may have a query, and holds no backslash, control
    character (C0, DEL, C1), `#` or dot segment. Its path is judged as it stands and
    percent-decoded (as often as it is encoded), because receivers and proxies decode before
    they resolve: so `/%2e%2E/`, `/a%2f..`, `/%252e./` and, with a path parameter (RFC 3986,
    3.3), `/..;/` are dot segments too. The query is judged as it stands alone: nothing
    resolves it, and `?text=a%0Ab` is ordinary. Spaces and letters outside ASCII are
    accepted.
    """
    if len(path) > LONGEST:
        return f"must be at most {LONGEST:,} characters long"
    if _LONE_SURROGATE.search(path):
        return "must be valid Unicode: it holds half of a surrogate pair"
    if fault := _character_fault(path):
        return fault
    decoded = path.partition("?")[0]
    for _ in range(_ENCODINGS_DEEP):
        if fault := _character_fault(decoded) or _path_fault(decoded):
            return fault
        encoded, decoded = decoded, unquote(decoded)
        if decoded == encoded:
            return None
    return f"must not be percent-encoded more than {_ENCODINGS_DEEP - 1} times over"


def request_target(path: str) -> str:
    """The path as it goes into the request line (RFC 3986): spaces and non-ASCII
    percent-encoded as UTF-8, all else byte for byte.
    """
    return path if path.isascii() and " " not in path else quote(path, safe=_PRINTABLE_ASCII)


def _character_fault(text: str) -> str | None:
    if "\\" in text:
        return "must not contain a backslash"
    if "#" in text:
        return "must not contain '#': a fragment is never sent"
    if _CONTROL.search(text):
        return "must not contain control characters"
    return None


def _path_fault(path: str) -> str | None:
    if not path.startswith("/") or path.startswith("//"):
        return "must be a path that begins with exactly one '/', such as /api/email/send"
    if any(segment.partition(";")[0] in {".", ".."} for segment in path.split("/")):
        return "must not contain the segments '.' or '..', nor their percent-encoded forms"
    return None
