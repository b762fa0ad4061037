"""Orgs that several scenarios of a file begin with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from tests.conftest import Prepare
from tests.scenarios.stage import make_two


@pytest.fixture
def made(request: pytest.FixtureRequest, template_database: Callable[[str, Prepare], str]) -> str:
    """The URI of a database with the org of this file's `PACK` and its two people, for `two_made`."""
    module = request.module
    return template_database(f"two of {module.__name__}", partial(make_two, pack=module.PACK))
