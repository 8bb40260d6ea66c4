"""What a schema's pattern matches, the service accepts; what the service refuses, none matches."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.calendar import window_faults
from queue_services.domain.endpoint import endpoint_fault
from queue_services.settings import types
from queue_services.wire import patterns
from queue_services.wire.addresses import email_address, media_url


def refused(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether a reader raises ValueError."""

    def rule(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return True
        return False

    return rule


RULES: dict[str, Callable[[str], bool]] = {
    patterns.EMAIL: refused(email_address),
    patterns.MEDIA_URL: refused(media_url),
    patterns.BASE_URL: refused(types.base_url),
    patterns.SECRET: refused(types.signing_secret),
    patterns.ENDPOINT: lambda path: endpoint_fault(path) is not None,
    patterns.TIME_OF_DAY: lambda time: bool(window_faults(time, "24:00")[1:]),
}


@given(data=st.data(), pattern=st.sampled_from(list(RULES)))
def test_what_a_pattern_matches_is_accepted(data: st.DataObject, pattern: str) -> None:
    text = data.draw(
        st.from_regex(pattern, fullmatch=True).filter(
            lambda drawn: not drawn.endswith("\n") and "%" not in drawn
        )
    )
    assert not RULES[pattern](text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (patterns.EMAIL, "ada@example.com"),
        (patterns.EMAIL, "a@localhost"),
        (patterns.MEDIA_URL, "HTTPS://ada:x@example.com:443/ä?b#c"),
        (patterns.MEDIA_URL, "http://[2001:db8::1]:65535"),
        (patterns.MEDIA_URL, "http://[::]?"),
        (patterns.BASE_URL, "http://127.0.0.1:3000/base/"),
        (patterns.SECRET, "whsec_" + "A" * 32),
        (patterns.SECRET, "A" * 84 + "AA=="),
        (patterns.ENDPOINT, "/api/email/send?a=/../b"),
        (patterns.ENDPOINT, "/.a/..b/c."),
        (patterns.ZONE, "America/Argentina/Buenos_Aires"),
        (patterns.PLACE, "17:workspace-1"),
    ],
)
def test_ordinary_text_is_matched(pattern: str, text: str) -> None:
    assert re.search(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (patterns.EMAIL, '"a b"@example.com'),
        (patterns.EMAIL, "a@[127.0.0.1]"),
        (patterns.EMAIL, "a" * 65 + "@example.com"),
        (patterns.MEDIA_URL, "http://"),
        (patterns.MEDIA_URL, "ftp://example.com"),
        (patterns.MEDIA_URL, "http://example.com:0"),
        (patterns.MEDIA_URL, "http://example.com:65536"),
        (patterns.MEDIA_URL, "http://[1::2::3]"),
        (patterns.MEDIA_URL, "http://example.com/a b"),
        (patterns.BASE_URL, "http://example.com/?"),
        (patterns.BASE_URL, "http://example.com#a"),
        (patterns.SECRET, "A" * 28),
        (patterns.SECRET, "A" * 87 + "="),
        (patterns.SECRET, "A" * 33),
        (patterns.ENDPOINT, "//a"),
        (patterns.ENDPOINT, "/a/../b"),
        (patterns.ENDPOINT, "/..;a/b"),
        (patterns.ENDPOINT, "/."),
        (patterns.ENDPOINT, "/a#b"),
        (patterns.TIME_OF_DAY, "24:00"),
    ],
)
def test_what_is_refused_is_not_matched(pattern: str, text: str) -> None:
    assert RULES[pattern](text)
    assert not re.search(pattern, text)
