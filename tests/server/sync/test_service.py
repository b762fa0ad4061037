"""A device that an admin took out of service: nobody signs in on it until it is put back."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab

from fieldsync.base.problems import Code, Refused


def test_when_somebody_signed_in_last_is_known_and_no_change_of_the_record(lab: Lab) -> None:
    lab.person("sarah")
    query = 'SELECT "Last_Login", "_stamp" FROM "User" WHERE "Username" = \'sarah@small.example\''
    [(never, stamp)] = lab.query(query)
    lab.phone("sarah")
    lab.clock.advance(60)
    lab.phone("sarah", "iphone")
    assert (never, lab.query(query)) == (None, [(lab.clock.now(), stamp)])


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
