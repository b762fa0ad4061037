"""Planted bugs prove the provers: each is caught by the run that is pinned for it, by the law it breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldsync.sim.ground import Databases
from fieldsync.sim.planted.catch import BUGS, catch
from fieldsync.sim.planted.patching import planting

PINNED = {
    "queue numbers begin again": "L1",
    "no conflict check": "L6",
    "gaps in the feed": "L9",
    "a refusal counts as done": "L1",
    "the widget is always green": "L12",
    "merge under an editor": "L8",
    "the revoked are served": "I28",
    "long saves are cut": "L5",
    "sharing is not asked": "L4",
    "leaving a page merges nothing": "L1",
}


@pytest.mark.parametrize("name", PINNED)
def test_a_planted_bug_is_caught(grounds: Databases, tmp_path: Path, name: str) -> None:
    caught = catch(grounds, tmp_path, BUGS[name])
    assert caught.law == PINNED[name], caught.found


def test_there_are_enough_of_them_and_each_has_its_place_in_the_product() -> None:
    assert len(BUGS) >= 40
    for bug in BUGS.values():
        with planting(bug):
            pass
