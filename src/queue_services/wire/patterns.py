"""Regular expressions with which schemas say what the service checks by code: what they
match is accepted.

In the dialect that ECMA-262 and Python share. Where the code takes more (a URL written with
letters outside ASCII), they say the standard's part of it.
"""

from __future__ import annotations

import re
from importlib.resources import files

from queue_services.domain.calendar import NOT_ZONES

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# Hyphens in pairs (Punycode, reserved labels) are left to the library.
EMAIL = rf"^(?=[^@]{{1,64}}@)(?=.{{3,254}}$){_ATOM}(?:\.{_ATOM})*@(?!.*--)(?:{_LABEL}\.)*{_LABEL}$"

_USER = r"(?:[A-Za-z0-9!$&-.:;=_~]|%[0-9A-Fa-f]{2})*@"
_NAME = r"(?:[A-Za-z0-9!$&-.;=_~]|%[0-9A-Fa-f]{2})+"
_GROUP = "[0-9A-Fa-f]{1,4}"
_SHORTENED = "|".join(
    f"(?:{_GROUP}:){{1,{left}}}(?::{_GROUP}){{1,{7 - left}}}" for left in range(1, 7)
)
_IPV6 = (
    rf"\[(?:(?:{_GROUP}:){{7}}{_GROUP}|{_SHORTENED}"
    rf"|(?:{_GROUP}:){{1,7}}:|:(?:(?::{_GROUP}){{1,7}}|:))\]"
)
_PORT = (
    r"0*(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
_ORIGIN = rf"[hH][tT][tT][pP][sS]?://(?:{_USER})?(?:{_NAME}|{_IPV6})(?::(?:{_PORT})?)?"
MEDIA_URL = rf"^{_ORIGIN}(?:[/?#][^\u0000- \u007f-\u009f\\]*)?$"
BASE_URL = rf"^{_ORIGIN}(?:/[!$-;=@-Z_a-z~]*)?$"

# A path that begins with one slash and has no dot segment. What percent-encoding hides is
# judged by code.
ENDPOINT = (
    r"^/(?!/)(?![^?]*/\.{1,2}(?:[/;?]|$))(?!\.{1,2}(?:[/;?]|$))[^\\#\u0000-\u001f\u007f-\u009f]*$"
)


def _any_zone() -> str:
    """Every zone of the IANA list that the service brings, by its first word."""
    by_area: dict[str, list[str]] = {}
    for name in (files("tzdata") / "zones").read_text(encoding="ascii").split():
        if name not in NOT_ZONES:
            area, _, place = name.partition("/")
            by_area.setdefault(area, []).append(f"/{place}" if place else "")
    areas = (
        re.escape(area) + (f"(?:{'|'.join(map(re.escape, places))})" if places != [""] else "")
        for area, places in by_area.items()
    )
    return f"^(?:{'|'.join(areas)})$"


ZONE = _any_zone()
TIME_OF_DAY = "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"

_BASE64 = "[A-Za-z0-9+/]"
SECRET = (
    f"^(?:whsec_)?(?:{_BASE64}{{4}}){{8,20}}"
    f"(?:{_BASE64}{{4}}|{_BASE64}{{3}}=|(?:{_BASE64}{{4}})?{_BASE64}{{2}}==)?$"
)
"""Base64 of 24 to 64 bytes."""

PLACE = r"^[0-9]{1,18}:[^\u0000]*$"
"""A place in the list of workspaces: a figure and an id."""
