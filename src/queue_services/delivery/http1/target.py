"""Where a request goes, read from a URL, and the head with which it goes there.

A URL is taken apart as text and its path joined as text, never resolved as a relative
reference: only so does a path stay under the base URL's own, byte for byte.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

import idna
import msgspec

from queue_services import __version__

_VISIBLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\x9f]")
_NOT_IN_FIELDS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_HOSTS = re.compile(r"[^a-z0-9._~!$&'()*+,;=%-]")
_PORTS = {"http": 80, "https": 443}
_ALWAYS = (
    "accept: application/json\r\naccept-encoding: identity\r\n"
    f"user-agent: queue-services/{__version__}\r\n"
)


class Origin(NamedTuple):
    """Whose connections a request can use. `host` is a name in ASCII or an IP address without
    brackets.
    """

    secure: bool
    host: str
    port: int


class Target(msgspec.Struct, frozen=True):
    """The origin, the path with its query, the `host` field's value, and the Basic credentials
    (RFC 7617) that the URL carried.
    """

    origin: Origin
    path: str
    host: str
    credentials: str | None


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request as bytes, head and body, and whom it goes to. `head_only`: its answer has no
    body, whatever length it tells.
    """

    origin: Origin
    content: bytes
    head_only: bool = False


@functools.lru_cache(maxsize=1024)
def read_target(url: str, path: str = "") -> Target:
    """Where `url` leads. `path`, a request target, is put behind the URL's own path and then
    the URL's query is left out. Raises ValueError for what is no http or https URL.
    """
    if _NOT_IN_URLS.search(url):
        raise ValueError("the URL holds a space or a control character")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("the URL must begin with http:// or https:// and name a host")
    host = _host(parts.hostname)
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    own = parts.path.rstrip("/") if path else parts.path or "/"
    query = f"?{parts.query}" if parts.query and not path else ""
    named = f"[{host.partition('%')[0]}]" if ":" in host else host.rstrip(".")
    return Target(
        Origin(parts.scheme == "https", host, port),
        quote(f"{own}{path}{query}", safe=_VISIBLE_ASCII),
        named if port == _PORTS[parts.scheme] else f"{named}:{port}",
        _credentials(parts),
    )


def post(
    target: Target, fields: Mapping[str, str], body: bytes, content_type: str = "application/json"
) -> Request:
    """A POST. Raises ValueError for a field that would end its line."""
    content = b"%b%bcontent-length: %d\r\n\r\n%b" % (
        _head("POST", target, f"content-type: {content_type}\r\n"),
        _lines(fields),
        len(body),
        body,
    )
    return Request(target.origin, content)


def get(target: Target, fields: Mapping[str, str]) -> Request:
    """A GET. Raises ValueError for a field that would end its line."""
    return Request(target.origin, b"%b%b\r\n" % (_head("GET", target, ""), _lines(fields)))


def head(target: Target, fields: Mapping[str, str]) -> Request:
    """A HEAD. Raises ValueError for a field that would end its line."""
    content = b"%b%b\r\n" % (_head("HEAD", target, ""), _lines(fields))
    return Request(target.origin, content, head_only=True)


@functools.lru_cache(maxsize=1024)
def _head(method: str, target: Target, fields: str) -> bytes:
    """What the requests to a target have in common."""
    line = f"{method} {target.path} HTTP/1.1\r\nhost: {target.host}\r\n"
    return f"{line}{_ALWAYS}{fields}".encode()


def _lines(fields: Mapping[str, str]) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
    if _NOT_IN_FIELDS.search("".join(fields.values())):
        raise ValueError("a header would hold a control character")
    return lines.encode()


def _host(host: str) -> str:
    """A host in the form in which it is looked up (RFC 5891, UTS 46). Raises ValueError."""
    if ":" in host:
        address, _, zone = host.replace("%25", "%", 1).partition("%")
        return f"{ip_address(address)}%{zone}" if zone else str(ip_address(address))
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except UnicodeError:  # names that IDNA 2008 forbids and people have all the same
            host = host.encode("idna").decode()
    if _NOT_IN_HOSTS.search(host):
        raise ValueError("the URL's host holds a character that no host has")
    return host


def _credentials(parts: SplitResult) -> str | None:
    if parts.username is None and parts.password is None:
        return None
    credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"
