"""Which addresses a callback or event may be sent to when its URL was set by API: public
ones, and networks that are allowed by name.

Called by `delivery.http1.dialler` with the address that is about to be dialled, after DNS,
so that neither a rebinding name nor a literal gets past. URLs from the environment are the
operator's own and are not judged here.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

# The IANA special-purpose registries (RFC 6890 and its successors), by what a reader would
# call them; the first that fits names the address.
_SPECIAL_4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/32", "the unspecified address"),
        ("0.0.0.0/8", "an address of this network"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a carrier-grade NAT address"),
        ("127.0.0.0/8", "a loopback address"),
        (
            "168.63.129.16/32",
            "a cloud metadata address",
        ),  # Azure's: in public space, answered by the host alone
        ("169.254.0.0/16", "a link-local or cloud metadata address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "a reserved address"),
        ("192.88.99.0/24", "a 6to4 relay address"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "a reserved address"),
        ("198.51.100.0/24", "a reserved address"),
        ("203.0.113.0/24", "a reserved address"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)
_SPECIAL_6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "the unspecified address"),
        ("::1/128", "a loopback address"),
        ("::ffff:0:0/96", "an IPv4-mapped address"),
        ("64:ff9b::/96", "a NAT64 address"),
        ("64:ff9b:1::/48", "a NAT64 address"),
        ("2001::/32", "a Teredo address"),
        ("2001::/23", "a reserved address"),
        ("2001:db8::/32", "a reserved address"),
        ("2002::/16", "a 6to4 address"),
        ("3fff::/20", "a reserved address"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")  # nothing outside it is assigned to hosts (RFC 4291, 2.4)


def refused(address: str, allow: Iterable[Network]) -> str | None:
    """Why `address` (an IP address as text, a scope id allowed) is not dialled, or None.
    What `allow` holds is never refused.

    An IPv4-mapped address is allowed where the IPv4 address in it is.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address} is no IP address"
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    if any(
        candidate in network
        for network in allow
        for candidate in (parsed, mapped)
        if candidate and candidate.version == network.version
    ):
        return None
    kind = _special(parsed)
    return (
        f"{address} is {kind}; list its network in QUEUE_SERVICES_CALLBACK_ALLOW to send there"
        if kind
        else None
    )


def _special(address: IPv4Address | IPv6Address) -> str | None:
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _SPECIAL_4 if address in network), None)
    kind = next((kind for network, kind in _SPECIAL_6 if address in network), None)
    return kind or (None if address in _GLOBAL_6 else "a reserved address")
