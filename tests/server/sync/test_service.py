"""A device that an admin took out of service: nobody signs in on it until it is put back."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab

from fieldsync.base.problems import Code, Refused


def test_nobody_signs_in_on_a_device_that_is_out_of_service(lab: Lab) -> None:
    lab.person("sarah")
    lab.phone("sarah")
    lab.query('UPDATE "Device" SET "Active" = false RETURNING 1')
    with pytest.raises(Refused, match="out of service") as refused:
        lab.phone("sarah")
    assert refused.value.problem.code is Code.FORBIDDEN
    assert lab.phone("sarah", "iphone").download(), "his other device works"
    lab.query('UPDATE "Device" SET "Active" = true RETURNING 1')
    assert lab.phone("sarah").download()
