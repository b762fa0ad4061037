"""From which address somebody calls: the connection's, or what a proxy of ours says of it.

TLS stands in front of the server, so the connection is a proxy's as a rule. Whoever calls may send the proxy's header
himself; so only what a proxy of ours has added to it counts, from its end. Ours are those of this machine and of
`FIELDSYNC_PROXY_NETWORKS=10.1.0.0/16,192.0.2.7/32`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

NETWORKS = "FIELDSYNC_PROXY_NETWORKS"
OF_ONE_V6 = 64
"""Bits of an IPv6 address that one customer has to himself: the rest he may choose as he likes."""
Network = IPv4Network | IPv6Network


@cache
def our_proxies() -> tuple[Network, ...]:
    """Networks whose word is taken. Raises ValueError for one that cannot be read."""
    said = os.environ.get(NETWORKS, "").split(",")
    return tuple(ip_network(one.strip()) for one in ("127.0.0.0/8", "::1/128", *said) if one.strip())


def counted_address(peer: str, forwarded: Iterable[str], proxies: Sequence[Network]) -> str:
    """What attempts of this caller are counted under. `forwarded`: the proxies' header, each line of it in order."""
    found = _read(peer)
    told = [one for line in forwarded for one in line.split(",")]
    while told and found is not None and any(found in network for network in proxies):
        further = _read(told.pop())
        if further is None:
            break
        found = further
    if isinstance(found, IPv6Address):
        return str(ip_network((found, OF_ONE_V6), strict=False))
    return str(found or "")


def _read(said: str) -> IPv4Address | IPv6Address | None:
    """An address, with or without a port or a zone; None for anything else."""
    text = said.strip().partition("%")[0]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        at = ip_address(text)
    except ValueError:
        return None
    return (at.ipv4_mapped or at) if isinstance(at, IPv6Address) else at
