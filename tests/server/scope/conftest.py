"""An org whose objects are shared in every way there is, with territories and rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.lab import PASSWORD, START, Lab
from tests.server.scope.canaries import Planted
from tests.server.scope.canaries import prepare as prepare_vaults
from tests.server.scope.packs import clinic_pack

from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser

if TYPE_CHECKING:
    from tests.conftest import Databases


def prepare(uri: str) -> None:
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    catalog = build([*load_packs(("platform",)), clinic_pack()])
    create_org(uri, "small", catalog, admin=admin, world=World(ManualClock(START), SeededChance(6)))


@pytest.fixture
def lab(databases: Databases) -> Iterator[Lab]:
    name = databases.create(databases.template("clinic", prepare))
    made = Lab(databases.uri(name))
    yield made
    made.close()
    databases.drop(name)


@pytest.fixture
def planted(databases: Databases) -> Iterator[Planted]:
    """An org with something to hide, and the people who may or may not know it."""
    name = databases.create(databases.template("vaults", prepare_vaults))
    made = Lab(databases.uri(name))
    yield Planted(made)
    made.close()
    databases.drop(name)
