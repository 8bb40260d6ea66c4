"""URLs to targets: what is dialled, what stands in the request, and what is no target."""

from __future__ import annotations

import pytest

from queue_services.delivery.http1.target import Origin, get, post, read_target


@pytest.mark.parametrize(
    ("url", "path", "origin", "asked", "host"),
    [
        ("http://app.example", "/x", Origin(False, "app.example", 80), "/x", "app.example"),
        ("https://App.Example", "/x", Origin(True, "app.example", 443), "/x", "app.example"),
        ("http://app.example", "", Origin(False, "app.example", 80), "/", "app.example"),
        ("https://a.example:444/b/", "/x", Origin(True, "a.example", 444), "/b/x", "a.example:444"),
        ("http://a.example/b?c=d", "/x", Origin(False, "a.example", 80), "/b/x", "a.example"),
        ("http://a.example/b?c=d#e", "", Origin(False, "a.example", 80), "/b?c=d", "a.example"),
        ("http://a.example?c", "", Origin(False, "a.example", 80), "/?c", "a.example"),
        ("http://a.example/ä|%7e", "", Origin(False, "a.example", 80), "/%C3%A4|%7e", "a.example"),
        (
            "http://köln.example",
            "",
            Origin(False, "xn--kln-sna.example", 80),
            "/",
            "xn--kln-sna.example",
        ),
        (
            "http://straße.example",
            "",
            Origin(False, "xn--strae-oqa.example", 80),
            "/",
            "xn--strae-oqa.example",
        ),
        ("http://☃.example", "", Origin(False, "xn--n3h.example", 80), "/", "xn--n3h.example"),
        ("http://①②⑦.0.0.1", "", Origin(False, "127.0.0.1", 80), "/", "127.0.0.1"),
        ("http://app.example.", "", Origin(False, "app.example.", 80), "/", "app.example"),
        ("http://[::1]:81", "", Origin(False, "::1", 81), "/", "[::1]:81"),
        ("http://[0:0::1]", "", Origin(False, "::1", 80), "/", "[::1]"),
        ("http://[fe80::1%25lo]", "", Origin(False, "fe80::1%lo", 80), "/", "[fe80::1]"),
        ("http://a_b.example:0", "", Origin(False, "a_b.example", 0), "/", "a_b.example:0"),
    ],
)
def test_a_url_leads_to_its_origin_and_keeps_its_path(
    url: str, path: str, origin: Origin, asked: str, host: str
) -> None:
    target = read_target(url, path)
    assert (target.origin, target.path, target.host) == (origin, asked, host)
    assert target.credentials is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/x",
        "app.example",
        "ftp://app.example",
        "http://",
        "http:///x",
        "http://[::1",
        "http://[zz]",
        "http://a.example:99999",
        "http://a.example:x",
        "http://a b.example",
        "http://a.example/\r\nx: y",
        "http://a.example\t",
        "http://a<b.example",
        "http://xn--\udcff.example",
    ],
)
def test_what_is_no_http_url_is_no_target(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_target(url)


def test_credentials_are_decoded_before_they_are_encoded() -> None:
    assert read_target("http://me:a%3Ab%40@a.example").credentials == "Basic bWU6YTpiQA=="
    assert read_target("http://me@a.example").credentials == "Basic bWU6"


@pytest.mark.parametrize("value", ["a\r\nx-admin: 1", "a\nb", "a\0b", "\x7f"])
def test_no_value_ends_its_header(value: str) -> None:
    target = read_target("http://a.example")
    with pytest.raises(ValueError, match="control character"):
        get(target, {"x": value})
    with pytest.raises(ValueError, match="control character"):
        post(target, {"x": value}, b"")


def test_requests_of_different_urls_to_one_server_have_one_origin() -> None:
    one, other = read_target("http://a.example/b", "/c"), read_target("http://me@A.example:80")
    assert one.origin == other.origin
