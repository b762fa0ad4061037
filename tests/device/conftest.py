"""Fixtures of the device's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.device.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A signed-in device whose server is a script."""
    made = Lab(tmp_path / "device")
    yield made
    made.device.close()
