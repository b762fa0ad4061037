"""One server for all proofs of a file: every day has people and records of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.conftest import Databases
from tests.scenarios.replay.running import Shops
from tests.scenarios.replay.shops import prepare


@pytest.fixture(scope="module")
def shops(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    name = databases.create(databases.template("shops", prepare))
    with ExitStack() as stack:
        yield Shops(stack, databases.uri(name), tmp_path_factory.mktemp("shops"))
    databases.drop(name)
