"""Which callback endpoints are accepted, and that none of them leads elsewhere."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from queue_services.domain.endpoint import endpoint_fault, request_target

BASES = ["http://app.example", "https://user:pw@app.example:8443", "http://[::1]:3000/base/path"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/send-sms",
        "/api/email/send",
        "/a//b",
        "/a/",
        "/a?",
        "/hook?next=../x&to=http://other.example//&text=a%0Ab%23%5C",
        "/100%",
        "/a%20b%2Fc",
        "/a.b/..c/d../...",
        "/~user/@me:80/;v=1",
        "/@evil.example",
        "/:80",
        "/köln/東京",
        "/a b",
        "/" + "a" * 1999,
    ],
)
def test_ordinary_paths_are_accepted(path: str) -> None:
    assert endpoint_fault(path) is None


@pytest.mark.parametrize(
    ("paths", "fault"),
    [
        (
            [
                "",
                "send-sms",
                "?a",
                "http://evil.example/",
                "//evil.example/",
                "///",
                "/%2fevil.example",
                "/%2F",
                " /a",
            ],
            "exactly one '/'",
        ),
        (["/\\evil.example", "\\/a", "/a?b=\\", "/a%5cb", "/a%5C..", "/a%255Cb"], "backslash"),
        (["/a#b", "/a?b#c", "/a%23b"], "'#'"),
        (
            [
                "/a\nb",
                "/\t/evil",
                "/a\0",
                "/a\x7f",
                "/a\x85b",
                "/a?b\r\nhost: evil",
                "/a%00",
                "/a%0d%0ab",
                "/a%7F",
                "/a%c2%85",
            ],
            "control",
        ),
        (["/.", "/..", "/a/../b", "/a/./b", "/./", "/../?x"], "segments"),
        (
            [
                "/%2e",
                "/%2E%2e/a",
                "/.%2e/a",
                "/a/%2e./b",
                "/a%2f..%2fb",
                "/a/..%2Fb",
                "/%252e%252e/",
                "/%25252e.",
            ],
            "segments",
        ),
        (["/..;/a", "/a/.;x=1/b", "/a/%2e%2e%3b/b"], "segments"),
        (["/%" + "25" * 9 + "41"], "percent-encoded more than"),
        (["/" + "a" * 2000], "2,000 characters"),
        (["/\ud800"], "Unicode"),
    ],
)
def test_what_could_lead_elsewhere_is_named(paths: list[str], fault: str) -> None:
    assert {path: fault in (endpoint_fault(path) or "") for path in paths} == dict.fromkeys(
        paths, True
    )


TRICKY = st.lists(
    st.sampled_from(
        [
            "/",
            "//",
            ".",
            "..",
            "%2e",
            "%2E",
            "%2f",
            "%5c",
            "%25",
            "2e",
            "\\",
            "?",
            "#",
            "@",
            ":",
            ";",
            "%",
            "a",
            " ",
            "é",
            "\n",
            "[",
            "]",
        ]
    ),
    max_size=12,
).map("".join)


@given(
    st.sampled_from(BASES), st.one_of(TRICKY.map("/{}".format), st.text().map("/{}".format), TRICKY)
)
@example(BASES[0], "/@evil.example:80/")
@example(BASES[1], "/a?b@evil.example")
def test_an_accepted_endpoint_changes_nothing_but_the_path(base: str, path: str) -> None:
    assume(endpoint_fault(path) is None)
    url, asked = urlsplit(base + request_target(path)), urlsplit(base)
    assert (url.scheme, url.netloc, url.fragment) == (asked.scheme, asked.netloc, "")
    target = asked.path.rstrip("/") + request_target(path)
    assert url.path == target.partition("?")[0]
    assert url.query == target.partition("?")[2]
    resolved = posixpath.normpath(unquote(url.path))  # as a receiver may do with dot segments
    assert resolved.startswith(asked.path.rstrip("/"))


@given(TRICKY.map("/{}".format))
def test_no_accepted_path_resolves_upwards_however_often_it_is_decoded(path: str) -> None:
    assume(endpoint_fault(path) is None)
    decoded = path.partition("?")[0]
    for _ in range(6):
        depth = 0
        for segment in decoded.split("/"):
            depth += -1 if segment == ".." else 1
            assert depth >= 0
            assert segment not in {".", ".."}
        decoded = unquote(decoded)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\#")).map(
        "/{}".format
    )
)
def test_a_request_target_is_visible_ascii_where_the_path_has_no_control_characters(
    path: str,
) -> None:
    assume(endpoint_fault(path) is None)
    target = request_target(path)
    assert target.isascii()
    assert target.isprintable()
    assert " " not in target


def test_a_request_target_keeps_what_is_encoded_already() -> None:
    assert request_target("/a%20b/%c3%a9?x=[1]|{}^`<>\"'%zz") == "/a%20b/%c3%a9?x=[1]|{}^`<>\"'%zz"
    assert request_target("/köln a%20b") == "/k%C3%B6ln%20a%20b"
