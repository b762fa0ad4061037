"""Whose attempts are counted together: nobody chooses that by what he says of himself."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from fieldsync.server.guesses import address
from fieldsync.server.guesses.address import counted_address, our_proxies

PROXIES = (ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # who is no proxy of ours has no say
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # the caller said the first himself
        ("127.0.0.1", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["203.0.113.7, 10.1.2.3"], "203.0.113.7"),  # two proxies, one behind the other
        ("127.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("127.0.0.1", ["203.0.113.7, made up"], "127.0.0.1"),
        ("127.0.0.1", ["[2001:db8:1:2::5]:4711"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], "2001:db8:1:2::/64"),  # a customer has all of it to himself
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("", ["203.0.113.7"], ""),
    ],
)
def test_a_caller_is_counted_under_what_a_proxy_of_ours_says(peer: str, forwarded: list[str], counted: str) -> None:
    assert counted_address(peer, forwarded, PROXIES) == counted


def test_the_operator_names_proxies_beside_those_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(address.NETWORKS, "10.1.0.0/16, 192.0.2.7/32")
    our_proxies.cache_clear()
    try:
        for proxy in ("127.0.0.1", "::1", "10.1.2.3", "192.0.2.7"):
            assert counted_address(proxy, ["203.0.113.7"], our_proxies()) == "203.0.113.7"
        assert counted_address("192.0.2.8", ["203.0.113.7"], our_proxies()) == "192.0.2.8"
    finally:
        our_proxies.cache_clear()
