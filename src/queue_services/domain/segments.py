"""SMS units: in how many segments a text travels, by the alphabet it needs (3GPP TS 23.038,
6.2.1) and the room of a segment (TS 23.040, 9.2.3.24.1).

Called by intake, which keeps the count with the message, where limits count segments.
National language tables are not used: a phone that has none would show other characters.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

# TS 23.038, 6.2.1, in the order of its codes; code 0x1B, the escape to the extension table,
# stands for no character.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# TS 23.038, 6.2.1.1: each takes two septets, the escape and its code.
EXTENSION = "\f^{}\\[~]|€"
_ESCAPE = "\x1b"
_IN_ALPHABET = frozenset(BASIC + EXTENSION) - {_ESCAPE}
_ESCAPED = str.maketrans({character: _ESCAPE + character for character in EXTENSION})


class Encoding(StrEnum):
    """The alphabet of a text's segments: GSM-7 when it holds every character, else UCS-2."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


class Segments(msgspec.Struct, frozen=True):
    """How a text travels: `units` segments, and `characters` as the encoding counts them
    (septets, or UTF-16 code units).
    """

    encoding: Encoding
    units: int
    characters: int


def segments(text: str) -> Segments:
    """Count the segments of an SMS: one of 160 septets or 70 code units, else of 153 or 67
    each, beside their concatenation header.

    No pair of septets (an escaped character) or of code units (a surrogate pair) is split,
    so a segment may end one short. An empty text is one segment.
    """
    if _IN_ALPHABET.issuperset(text):
        septets = text.translate(_ESCAPED)
        return Segments(
            Encoding.GSM_7,
            _count([septet == _ESCAPE for septet in septets], 160, 153),
            len(septets),
        )
    units = text.encode("utf-16-be", "surrogatepass")
    return Segments(
        Encoding.UCS_2,
        _count([0xD8 <= high <= 0xDB for high in units[::2]], 70, 67),
        len(units) // 2,
    )


def _count(begins_pair: list[bool], alone: int, each: int) -> int:
    """The segments of as many characters, where one that begins a pair must not end a segment."""
    if len(begins_pair) <= alone:
        return 1
    count = start = 0
    while start < len(begins_pair):
        end = start + each
        start = end - 1 if end < len(begins_pair) and begins_pair[end - 1] else end
        count += 1
    return count
