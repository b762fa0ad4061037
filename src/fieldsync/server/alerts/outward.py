"""A call to a web address that an admin named: only to the outside (THREATS, SSRF).

An admin of an org is not the operator of the machine. What he names must reach neither the machine itself, nor the
network it stands in, nor the metadata of a cloud; which networks may be reached all the same, the operator says:
`FIELDSYNC_WEBHOOK_NETWORKS=10.1.0.0/16,127.0.0.1/32`. The address is looked up once, and what was looked at is what is
called, so no answer of a name server comes in between. Answers that lead elsewhere are not followed.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

NETWORKS = "FIELDSYNC_WEBHOOK_NETWORKS"
PORTS = {"https": 443, "http": 80}
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv6 addresses that stand for an IPv4 address behind a translator."""
_SUCCESS = range(200, 300)


def post(address: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> None:
    """Send this. Raises ValueError for an address that may not be called and for an answer that is no success, OSError
    and HTTPException as they come."""
    parts = urlsplit(address)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("a web address begins with https://")
    host, port = parts.hostname, parts.port or PORTS[parts.scheme]
    at = _looked_up(host, port)
    secure = parts.scheme == "https"
    connection = (HTTPSConnection if secure else HTTPConnection)(host, port, timeout=seconds)
    connection.sock = socket.create_connection((at, port), seconds)
    try:
        if secure:
            connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=host)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, dict(headers))
        status = connection.getresponse().status
    finally:
        connection.close()
    if status not in _SUCCESS:
        raise ValueError(f"it answered with status {status}")


def _looked_up(host: str, port: int) -> str:
    """Where the host is. Raises ValueError where any of its addresses may not be called."""
    found = [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for one in found:
        if not may_be_called(one):
            raise ValueError(f"{host} is inside the server's own network; the operator may allow it with {NETWORKS}")
    return found[0]


def may_be_called(address: str) -> bool:
    """Whether this IP address is outside, or in a network the operator allows. Raises ValueError for networks that
    cannot be read."""
    at = _meant(ip_address(address.partition("%")[0]))
    allowed = [ip_network(one.strip()) for one in os.environ.get(NETWORKS, "").split(",") if one.strip()]
    return any(at in network for network in allowed) or (at.is_global and not at.is_multicast)


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
