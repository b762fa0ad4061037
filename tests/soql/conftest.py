"""The rows of `lab.py` in both databases, made once a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Databases
from tests.soql.lab import Both, fill

from fieldsync.server.postgres.connect import admin_connection


@pytest.fixture(scope="session")
def both(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Nothing writes to it, so all tests share it."""
    name = databases.create()
    folder: Path = tmp_path_factory.mktemp("soql")
    with admin_connection(databases.uri(name)) as connection:
        yield fill(connection, folder / "lab.db")
    databases.drop(name)
