"""Off Wi-Fi, more than the admin's limit is asked about first: at it not, one byte above it yes (FEATURES E26)."""

from __future__ import annotations

import pytest

from fieldsync.base.world import system_world
from fieldsync.device import Network
from fieldsync.device.sync.sending.foreground import Foreground


@pytest.mark.parametrize(
    ("network", "size", "asked"),
    [
        (Network.CELLULAR, 25_000_000, False),
        (Network.CELLULAR, 25_000_001, True),
        (Network.WIFI, 10**12, False),
        (Network.WIRED, 10**12, False),
        (Network.UNKNOWN, 10**12, False),
    ],
)
def test_how_much_is_asked_about(network: Network, size: int, *, asked: bool) -> None:
    told = Foreground(system_world().clock)
    told.network = network
    assert told.is_costly(size, 25) is asked
