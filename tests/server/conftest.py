"""Fixtures of the server's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.lab import Lab, Phone, prepare_org

from fieldsync.server.postgres import connect
from fieldsync.server.postgres.settings import POOLED

if TYPE_CHECKING:
    from tests.conftest import Databases


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is refused for having waited for a lock or a connection, however slow the machine is. To be asked for
    before `lab`."""
    monkeypatch.setitem(POOLED, "lock_timeout", "60000")
    monkeypatch.setattr(connect, "POOL_WAIT_SECONDS", 60.0)


@pytest.fixture
def lab(databases: Databases) -> Iterator[Lab]:
    """An org with the small catalog on a fresh database."""
    name = databases.create(databases.template("small", prepare_org))
    made = Lab(databases.uri(name))
    yield made
    made.close()
    databases.drop(name)


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    """A representative's device, with its first download done."""
    lab.person("sarah")
    phone = lab.phone("sarah")
    phone.download()
    return phone
