"""Fixtures of the tests of oversight."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab
from tests.server.oversight.desk import Desk, desk_with_shops


@pytest.fixture
def desk(lab: Lab) -> Desk:
    return desk_with_shops(lab)
