"""SMS units: which alphabet a text needs and how many segments it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.segments import BASIC, EXTENSION, Encoding, Segments, segments

SMILE = "\N{GRINNING FACE}"  # two UTF-16 code units

texts = st.one_of(
    st.text(alphabet=BASIC.replace("\x1b", "") + EXTENSION, max_size=700),
    st.text(max_size=400),
    st.text(alphabet=f"aж{SMILE}", max_size=400),
)


@pytest.mark.parametrize(
    ("text", "encoding", "units", "characters"),
    [
        ("", Encoding.GSM_7, 1, 0),
        ("a" * 160, Encoding.GSM_7, 1, 160),
        ("a" * 161, Encoding.GSM_7, 2, 161),
        ("a" * 306, Encoding.GSM_7, 2, 306),
        ("a" * 307, Encoding.GSM_7, 3, 307),
        ("€" * 80, Encoding.GSM_7, 1, 160),
        ("€" * 81, Encoding.GSM_7, 2, 162),
        ("€" * 153, Encoding.GSM_7, 3, 306),  # 76 pairs a segment, not 76.5
        ("a" + "€" * 152, Encoding.GSM_7, 2, 305),
        ("ж" * 70, Encoding.UCS_2, 1, 70),
        ("ж" * 71, Encoding.UCS_2, 2, 71),
        ("ж" * 134, Encoding.UCS_2, 2, 134),
        ("ж" * 135, Encoding.UCS_2, 3, 135),
        (SMILE * 35, Encoding.UCS_2, 1, 70),
        (SMILE * 36, Encoding.UCS_2, 2, 72),
        (SMILE * 67, Encoding.UCS_2, 3, 134),  # 33 pairs a segment, not 33.5
        ("Grüße, Àgnes", Encoding.UCS_2, 1, 12),  # À is in no table
    ],
)
def test_a_text_takes_as_many_segments_as_its_alphabet_allows(
    text: str, encoding: Encoding, units: int, characters: int
) -> None:
    assert segments(text) == Segments(encoding, units, characters)


def test_the_default_alphabet_is_that_of_the_specification() -> None:
    assert len(BASIC) == len(set(BASIC)) == 128
    codes = {
        "@": 0x00,
        "£": 0x01,
        "Ç": 0x09,
        "\n": 0x0A,
        "\r": 0x0D,
        "Δ": 0x10,
        "Ξ": 0x1A,
        "\x1b": 0x1B,
        "É": 0x1F,
        " ": 0x20,
        "¤": 0x24,
        "¡": 0x40,
        "A": 0x41,
        "Z": 0x5A,
        "Ä": 0x5B,
        "§": 0x5F,
        "¿": 0x60,
        "a": 0x61,
        "z": 0x7A,
        "ä": 0x7B,
        "à": 0x7F,
    }
    assert {character: BASIC.index(character) for character in codes} == codes
    assert sorted(EXTENSION) == sorted("\f^{}\\[~]|€")


@pytest.mark.parametrize("character", ["`", "ç", "á", "\t", "“", "\x1b", "\u200b", "\u0301"])
def test_a_character_outside_both_tables_needs_ucs_2(character: str) -> None:
    assert segments(f"a{character}").encoding is Encoding.UCS_2


@given(texts)
def test_it_equals_packing_one_character_after_another(text: str) -> None:
    basic = set(BASIC) - {"\x1b"}
    if all(c in basic or c in EXTENSION for c in text):
        sizes, alone, each = [2 if c in EXTENSION else 1 for c in text], 160, 153
    else:
        sizes, alone, each = [2 if ord(c) > 0xFFFF else 1 for c in text], 70, 67
    packed, room = 1, each
    for size in sizes:
        if size > room:
            packed, room = packed + 1, each
        room -= size
    found = segments(text)
    assert found.characters == sum(sizes)
    assert found.units == (1 if sum(sizes) <= alone else packed)
