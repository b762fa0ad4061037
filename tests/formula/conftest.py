"""A database with the routines, and one connection to it for all tests of a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from fieldsync.formula import Surroundings
from fieldsync.formula.sql.ddl import ddl
from fieldsync.server.postgres.embedded import EmbeddedPostgres

Execute = Callable[[str], list[tuple[Any, ...]]]
NOW = datetime(2026, 11, 21, 3, 31, tzinfo=UTC)


@pytest.fixture(scope="session")
def execute(postgres: EmbeddedPostgres) -> Iterator[Execute]:
    """Runs a statement in a database that has the routines, and gives its rows."""
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        for statement in ddl():
            connection.execute(statement)

        def run(statement: str) -> list[tuple[Any, ...]]:
            return connection.execute(statement).fetchall()

        yield run


@pytest.fixture
def around() -> Surroundings:
    """A known moment, in UTC, and nothing else."""
    return Surroundings(NOW)
