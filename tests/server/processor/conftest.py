"""Fixtures of the processor's tests."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab, Phone


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    """A representative's device, with its first download done."""
    lab.person("sarah")
    phone = lab.phone("sarah")
    phone.download()
    return phone
