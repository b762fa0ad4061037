"""Behind every sync, never in its way, the server is told of it; whether it listens changes nothing (FEATURES I15)."""

from __future__ import annotations

import pytest
from tests.device.lab import Lab, error, rejected

from fieldsync.base import limits
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


def test_saves_that_go_by_themselves_are_no_syncs(lab: Lab) -> None:
    lab.download()
    _rest(lab)
    before = len(lab.script.tracked)
    for number in range(100):
        with lab.device.edit() as edit:
            edit.create("Shop", {"Name": f"{number}"})
        lab.upload(lab.saved())
    _rest(lab)
    assert (len(lab.device.syncs()), len(lab.script.tracked)) == (1, before)


def test_of_many_failures_so_many_are_listed_and_the_others_counted(lab: Lab) -> None:
    lab.download()
    for number in range(limits.FAILED_LISTED_MAX + 7):
        with lab.device.edit() as edit:
            edit.create("Shop", {"Name": f"{number}"})
    lab.script.always["upload"] = lab.outcome(rejected())
    _rest(lab)
    lab.download(full=False)
    _rest(lab)
    standing = lab.script.tracked[-1].standing
    assert (len(standing.failed), standing.failed_not_listed) == (limits.FAILED_LISTED_MAX, 7)


def test_a_sync_says_how_often_the_network_broke_it_off_before(lab: Lab) -> None:
    lab.download()
    for _ in range(2):
        with pytest.raises(Refused):
            lab.device.sync()  # nobody answers
    lab.download(full=False)
    lab.download(full=False)
    assert [report.retries for report in lab.device.syncs()] == [0, 2, 1, 0, 0]


def _rest(lab: Lab) -> None:
    """Until nothing is due at once."""
    while lab.device.step() == 0.0:
        pass
