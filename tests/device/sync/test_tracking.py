"""Behind every sync, never in its way, the server is told of it; whether it listens changes nothing (FEATURES I15)."""

from __future__ import annotations

import pytest
from tests.device.lab import Lab, error, rejected

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.tracking import Tracked


def test_a_sync_is_told_behind_it_and_once_more_with_the_next_when_nobody_listened(lab: Lab) -> None:
    lab.download()
    assert not lab.script.tracked, "a sync waits for nothing that the person does not"
    _rest(lab)
    lab.script.then("tracking", Tracked(2))
    lab.download(full=False)
    _rest(lab)
    assert [[(one.number, one.type) for one in each.syncs] for each in lab.script.tracked] == [
        [(1, "full_refresh")],
        [(1, "full_refresh"), (2, "incremental")],
    ]
    lab.download(full=False)
    _rest(lab)
    assert [one.number for one in lab.script.tracked[-1].syncs] == [3]
    _rest(lab)
    assert len(lab.script.tracked) == 3, "each is told once"
    assert all(report.successful for report in lab.device.syncs())


def test_what_waits_goes_first(lab: Lab) -> None:
    lab.download()
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "x"})
    lab.upload(lab.saved())
    assert not lab.script.tracked
    _rest(lab)
    assert lab.script.tracked[-1].standing.pending == 0


def test_one_that_was_refused_says_why_and_how_the_device_stands(lab: Lab) -> None:
    lab.download()
    with lab.device.edit() as edit:
        shop = edit.create("Shop", {"Name": "x"})
    lab.script.then("upload", lab.outcome(rejected()))
    lab.script.then("download", error(503, problem(Code.TIMEOUT)))
    with pytest.raises(Refused):
        lab.device.sync()
    _rest(lab)
    told = lab.script.tracked[-1]
    assert (told.syncs[-1].problem_code, told.syncs[-1].successful, told.syncs[-1].upload_errors) == (
        "TIMEOUT",
        False,
        1,
    )
    assert (told.standing.errors, told.standing.pending, told.standing.failed) == (1, 0, (shop,))


def _rest(lab: Lab) -> None:
    """Until nothing is due at once."""
    while lab.device.step() == 0.0:
        pass
