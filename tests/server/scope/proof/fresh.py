"""Fixtures: a new world of any model of the family, each on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.scope.proof.pack import MODELS
from tests.server.scope.proof.script import Fresh
from tests.server.scope.proof.world import Prepared, World, prepare

if TYPE_CHECKING:
    from tests.conftest import Databases

PREPARED: dict[str, Prepared] = {}
"""What goes with the templates that were filled in this run, by model."""


@pytest.fixture(scope="session")
def fresh(databases: Databases) -> Iterator[Fresh]:
    """`fresh(model)`: a world on a copy of what was prepared once; the world before it loses its database."""
    made: list[str] = []

    def world(model: str) -> World:
        def fill(uri: str) -> None:
            PREPARED[model] = prepare(uri, MODELS[model])

        while made:
            databases.drop(made.pop())
        made.append(databases.create(databases.template(f"proof {model}", fill)))
        return World(databases.uri(made[-1]), MODELS[model], PREPARED[model])

    yield world
    for name in made:
        databases.drop(name)


@pytest.fixture
def world(fresh: Fresh) -> Iterator[World]:
    """Everybody shares everything; there is no rule for any object but those of people and territories."""
    made = fresh("open")
    made.strict = True
    yield made
    made.close()
