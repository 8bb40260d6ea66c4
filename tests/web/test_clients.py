"""Where a request came from, and how many wrong tries a place has."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from queue_services.domain.message import SECOND
from queue_services.errors import TooManyTries
from queue_services.web.clients import Tries, client_of, place_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def request(peer: str, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"client": (peer, 1234), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.7", "10.0.0.9"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("fd00::1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["10.0.0.8, 10.0.0.9"], "10.0.0.8"),
        ("10.0.0.1", ["203.0.113.7, unknown, 10.0.0.9"], "10.0.0.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_no_trusted_proxys(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert client_of(request(peer, *forwarded), PROXIES) == client


def test_without_trusted_proxies_the_header_is_ignored() -> None:
    assert client_of(request("127.0.0.1", "203.0.113.7"), ()) == "127.0.0.1"


def test_ipv6_addresses_of_one_network_are_one_place() -> None:
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:0:1")
    assert place_of("2001:db8::1") != place_of("2001:db8:0:1::1")
    assert place_of("203.0.113.7") != place_of("203.0.113.8")
    assert place_of("::ffff:203.0.113.7") == place_of("203.0.113.7")


def test_a_place_has_its_tries_a_minute_and_another_place_its_own() -> None:
    tries = Tries(2)
    assert [tries.begin("here", at * SECOND) for at in (0, 10)] == [1, 2]
    with pytest.raises(TooManyTries) as caught:
        tries.begin("here", 20 * SECOND)
    assert caught.value.retry_after == 40
    assert tries.begin("there", 20 * SECOND) == 1
    assert tries.begin("here", 60 * SECOND) == 2


def test_a_try_that_was_right_does_not_count() -> None:
    tries = Tries(1)
    tries.begin("here", 0)
    tries.take_back("here", 0)
    assert tries.begin("here", 1) == 1
