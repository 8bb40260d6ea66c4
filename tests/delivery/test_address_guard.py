"""Which addresses a base URL set by API may lead to."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.delivery.address_guard import refused

ANY = [ip_network("0.0.0.0/0"), ip_network("::/0")]


@pytest.mark.parametrize(
    ("kind", "addresses"),
    [
        ("loopback", ["127.0.0.1", "127.255.255.254", "::1"]),
        ("unspecified", ["0.0.0.0", "::"]),  # noqa: S104 - an address to refuse, not to listen on
        ("this network", ["0.1.2.3"]),
        (
            "private",
            ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254"],
        ),
        ("link-local", ["169.254.0.1", "fe80::1", "fe80::1%eth0"]),
        ("metadata", ["169.254.169.254", "168.63.129.16"]),
        ("carrier-grade", ["100.64.0.1", "100.100.100.200", "100.127.255.255"]),
        ("NAT64", ["64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1"]),
        ("6to4", ["2002:7f00:1::", "192.88.99.1"]),
        ("Teredo", ["2001::1", "2001:0:53aa:64c:0:1::"]),
        ("site-local", ["fec0::1"]),
        ("multicast", ["224.0.0.1", "239.255.255.255", "ff02::1"]),
        ("IPv4-mapped", ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe"]),
        (
            "reserved",
            [
                "192.0.0.192",
                "192.0.2.1",
                "198.18.0.1",
                "203.0.113.9",
                "240.0.0.1",
                "255.255.255.255",
            ],
        ),
        (
            "reserved",
            [
                "::7f00:1",
                "::127.0.0.1",
                "100::1",
                "2001:db8::1",
                "3fff::1",
                "5f00::1",
                "4000::1",
                "2001:20::1",
            ],
        ),
        ("no IP address", ["", "localhost", "127.1", "0x7f000001", "[::1]"]),
    ],
)
def test_special_addresses_are_refused_by_name(kind: str, addresses: list[str]) -> None:
    assert {
        address: kind in (refused(address, []) or "") for address in addresses
    } == dict.fromkeys(addresses, True)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00::1",
        "2001:4860::8888",
    ],
)
def test_public_addresses_are_dialled(address: str) -> None:
    assert refused(address, []) is None


@given(st.ip_addresses())
def test_no_address_that_is_not_public_gets_through(address: object) -> None:
    parsed = ip_address(str(address))
    assert refused(str(parsed), []) is not None or (
        parsed.is_global and not parsed.is_multicast and not parsed.is_reserved
    )


@given(st.ip_addresses())
def test_what_the_operator_allows_is_dialled_whatever_it_is(address: object) -> None:
    assert refused(str(address), ANY) is None


def test_only_the_allowed_network_is_opened() -> None:
    allow = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert refused("10.1.2.3", allow) is None
    assert refused("::ffff:10.1.2.3", allow) is None
    assert refused("fd12::1", allow) is None
    assert refused("10.2.0.1", allow) is not None
    assert refused("::ffff:10.2.0.1", allow) is not None


def test_a_refusal_says_what_to_do() -> None:
    assert (
        refused("10.0.0.1", [])
        == "10.0.0.1 is a private address; list its network in QUEUE_SERVICES_CALLBACK_ALLOW to"
        " send there"
    )
