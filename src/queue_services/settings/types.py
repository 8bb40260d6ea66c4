"""How the text of a setting becomes a value: one reader a kind. Called by `settings` alone.

A reader takes the text as it stands in the environment and returns the typed value, or
raises ValueError with a sentence that says what to write instead. No reader repeats the
given text in that sentence: it may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

T = TypeVar("T")
Network = IPv4Network | IPv6Network

_WORDS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
_PATH = re.compile(r"/(?!/)[^\\#\s\x00-\x1f\x7f]*")
_DATABASE_SCHEMES = {"sqlite", "postgresql", "postgres"}
SHORTEST_KEY = 32
_OWN_SEGMENTS = {"api", "admin", "health", "metrics", "docs", "docs.css", "openapi.json"}
"""A proxy that strips its path could not be told from one that keeps it."""


def text(value: str) -> str:
    """Printable characters, as they are."""
    if not value.isprintable():
        raise ValueError("give printable characters on one line")
    return value


def header_value(value: str) -> str:
    """What an HTTP header may carry: visible ASCII and inner spaces (RFC 9110, 5.5)."""
    if not re.fullmatch(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", value):
        raise ValueError("give visible ASCII characters on one line")
    return value


def admin_key(value: str) -> str:
    """A header's value that cannot be guessed."""
    if len(value) < SHORTEST_KEY:
        raise ValueError(
            f"give at least {SHORTEST_KEY} characters, such as what `openssl rand -hex 32` prints"
        )
    return header_value(value)


def flag(value: str) -> bool:
    """`true`, `1`, `yes`, `on`, or their opposites, in any case."""
    if value.lower() not in _WORDS:
        raise ValueError("give true or false")
    return _WORDS[value.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    """A reader of one word of `choices`, in any case."""

    def read(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"give one of {', '.join(choices)}")
        return value.lower()

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of a whole number from `low` to `high`."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value) or not low <= int(value) <= high:
            raise ValueError(f"give a whole number from {low:,} to {high:,}")
        return int(value)

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    """A reader of a finite decimal number from `low` to `high`."""

    def read(value: str) -> float:
        parsed = _finite(value)
        if parsed is None or not low <= parsed <= high:
            raise ValueError(f"give a number from {low:g} to {high:,g}")
        return parsed

    return read


def limit(value: str) -> float:
    """Messages a second: a whole number up to 100,000, or below 1 (one message every
    1/limit seconds).
    """
    parsed = _finite(value)
    if parsed is None or not 0.00001 <= parsed <= 100_000 or (parsed > 1 and parsed != int(parsed)):
        raise ValueError(
            "give a whole number of messages a second up to 100,000, or a number below 1 for one"
            " message every 1/limit seconds"
        )
    return parsed


def base_url(value: str) -> str:
    """An http(s) URL that a path is added to: host required, no query or fragment; a slash
    at its end is dropped.
    """
    parts = _split(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give an http:// or https:// URL with a host")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise ValueError("give a URL without a query (?) or fragment (#)")
    return value.rstrip("/")


def origin(value: str) -> str:
    """A web origin as browsers send it (scheme, host, port; RFC 6454, 6.2), or `*`."""
    parts = _split(value)
    if value != "*" and (
        parts is None
        or parts.scheme not in ("http", "https")
        or value != f"{parts.scheme}://{parts.netloc}"
        or "@" in value
    ):
        raise ValueError(
            "give origins such as https://app.example.com, without a path, or * for all"
        )
    return value.lower()


def path(value: str) -> str:
    """A path that begins with exactly one slash; a query is allowed. At most 2,000 characters."""
    if len(value) > 2000 or not _PATH.fullmatch(value):
        raise ValueError("give a path that begins with one /, without spaces, backslashes or #")
    return value


def root_path(value: str) -> str:
    """A path of plain segments that none of the service's own begins with; a slash at its end
    is dropped.
    """
    root = value.rstrip("/")
    if not re.fullmatch(r"(?:/[A-Za-z0-9][\w.~-]*)*", root, re.ASCII):
        raise ValueError("give a path such as /queue, of letters, digits, and - . _ ~")
    if root.split("/")[1:2] and root.split("/")[1] in _OWN_SEGMENTS:
        raise ValueError("give a path whose first segment is not one of the service's own paths")
    return root


def network(value: str) -> Network:
    """An IP network (`10.0.0.0/8`, `fd00::/8`) or a single address."""
    try:
        return ip_network(value)
    except ValueError:
        raise ValueError(
            "give networks such as 10.0.0.0/8 or fd00::/8, with no host bits set"
        ) from None


def each(read: Callable[[str], T], *, most: int | None = None) -> Callable[[str], tuple[T, ...]]:
    """A reader of a list separated by commas, every element read by `read`; `most` elements."""

    def read_all(value: str) -> tuple[T, ...]:
        found = tuple(read(part.strip()) for part in value.split(",") if part.strip())
        if most is not None and len(found) > most:
            raise ValueError(f"give at most {most}")
        return found

    return read_all


MOST_PATHS = 8
_METADATA_PATH = re.compile(r"[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,7}")


def metadata_path(value: str) -> str:
    """A member of the metadata, or of an object in it: names of letters, digits, `_` and `-`,
    separated by dots.
    """
    if not _METADATA_PATH.fullmatch(value):
        raise ValueError("give names of letters, digits, _ and -, separated by dots")
    return value


def database_url(value: str) -> str:
    """`sqlite:///relative`, `sqlite:////absolute`, or `postgresql://user@host:port/database`,
    where several hosts may stand: `h1:p,h2:p`.
    """
    parts = _split_hosts(value)
    if parts is None or parts.scheme not in _DATABASE_SCHEMES:
        raise ValueError("give sqlite:///FILE or postgresql://USER@HOST:PORT/DATABASE")
    if parts.scheme == "sqlite":
        if parts.netloc or parts.path in ("", "/") or parts.path.endswith("/:memory:"):
            raise ValueError(
                "give a file: sqlite:///relative/to/here.db or sqlite:////absolute/path.db"
            )
    elif parts.path in ("", "/"):
        raise ValueError("name the database: postgresql://USER@HOST:PORT/DATABASE")
    return value


def signing_secret(value: str) -> str:
    """A Standard Webhooks secret: base64 of 24 to 64 random bytes, with or without the
    prefix `whsec_`.
    """
    try:
        length = len(base64.b64decode(value.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if not 24 <= length <= 64:
        raise ValueError("give whsec_ followed by the base64 of 24 to 64 random bytes")
    return value


def masked_url(url: str) -> str:
    """The URL, or path, without what authenticates: a database's user is shown, but no
    password, no user of an http URL, and no query value.

    A login is taken to reach to the last `@`, and a query to the end: a password may hold
    any character that somebody forgot to encode.
    """
    address, mark, query = url.partition("?")
    if "@" in query:
        address, mark, query = url, "", ""
    masked = re.sub(r"^(https?://).*@", r"\1***@", address)
    masked = re.sub(r"^(\w+://[^/?#@:]*):.*@", r"\1:***@", masked)
    return masked + mark + re.sub(r"(^|&)([^=&]*)=[^&]*", r"\1\2=***", query)


def _split_hosts(value: str) -> SplitResult | None:
    """The parts of a database's URL; None where one of its hosts could not be a URL's alone."""
    before, mark, rest = value.partition("://")
    hosts = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, listed = hosts.rpartition("@")
    found = [
        _split(f"{before}{mark}{user}{at}{host}{rest[len(hosts) :]}") for host in listed.split(",")
    ]
    return None if None in found else found[0]


def _finite(value: str) -> float | None:
    """The number written in plain decimal notation, or None."""
    if not re.fullmatch(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", value):
        return None
    return parsed if math.isfinite(parsed := float(value)) else None


def _split(value: str) -> SplitResult | None:
    """The parts of a URL; None for what is no URL: spaces, control characters, a port out
    of range.
    """
    if not value.isprintable() or any(char.isspace() for char in value):
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError where the port is not a number up to 65535
    except ValueError:
        return None
    return parts
