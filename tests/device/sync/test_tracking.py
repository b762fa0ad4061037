"""Every sync is told once it ended; a server that does not listen changes nothing of it (FEATURES I15)."""

from __future__ import annotations

import pytest
from tests.device.lab import Lab, error, rejected

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.tracking import Tracked


def test_a_sync_succeeds_though_nobody_listens_and_is_told_with_the_next(lab: Lab) -> None:
    lab.download()
    lab.script.then("tracking", Tracked(2))
    lab.download(full=False)
    assert [[(one.number, one.type) for one in each.syncs] for each in lab.script.tracked] == [
        [(1, "full_refresh")],
        [(1, "full_refresh"), (2, "incremental")],
    ]
    lab.download(full=False)
    assert [one.number for one in lab.script.tracked[-1].syncs] == [3]
    assert all(report.successful for report in lab.device.syncs())


def test_one_that_was_refused_says_why_and_how_the_device_stands(lab: Lab) -> None:
    lab.download()
    with lab.device.edit() as edit:
        shop = edit.create("Shop", {"Name": "x"})
    lab.script.then("upload", lab.outcome(rejected()))
    lab.script.then("download", error(503, problem(Code.TIMEOUT)))
    with pytest.raises(Refused):
        lab.device.sync()
    told = lab.script.tracked[-1]
    assert (told.syncs[-1].problem_code, told.syncs[-1].successful, told.syncs[-1].upload_errors) == (
        "TIMEOUT",
        False,
        1,
    )
    assert (told.standing.errors, told.standing.pending, told.standing.failed) == (1, 0, (shop,))
