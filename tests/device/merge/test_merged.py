"""A record merged online: rows name the winner; the queue says what the person saved (FEATURES E22)."""

from __future__ import annotations

import pytest
from tests.device.lab import Lab, rejected

from fieldsync.device.sync import download
from fieldsync.protocol.rows import Gone


@pytest.mark.parametrize("few_bytes", [download.FEW_BYTES, 0], ids=["in_one_go", "staged"])
def test_rows_follow_the_winner_and_entries_stay(lab: Lab, few_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "FEW_BYTES", few_bytes)
    loser, winner, branch = (lab.server_id("Shop", n) for n in (1, 2, 3))
    shops = [{"Id": i, "_stamp": 5, "Name": i} for i in (loser, winner)]
    lab.download(lab.block("Shop", *shops, {"Id": branch, "_stamp": 5, "Name": "Branch", "ParentId": loser}))
    with lab.device.edit() as edit:
        visit = edit.create("Visit", {"ShopId": loser})
    lab.upload(lab.outcome(rejected()))
    before = [entry.content for entry in lab.device.errors()]
    kept = lab.block("Shop", shops[1] | {"_stamp": 6})
    lab.download(kept, gone=(Gone("Shop", loser, 9, True, winner),), full=False)
    assert lab.device.get("Shop", loser) is None
    assert lab.device.get("Shop", branch).values["ParentId"] == winner  # type: ignore[union-attr]
    assert lab.device.get("Visit", visit).values["ShopId"] == winner  # type: ignore[union-attr]
    assert [entry.content for entry in lab.device.errors()] == before


def test_what_undo_brings_back_names_the_winner(lab: Lab) -> None:
    loser, winner, seen = lab.server_id("Shop", 1), lab.server_id("Shop", 2), lab.server_id("Visit", 1)
    shops = [{"Id": i, "_stamp": 5, "Name": i} for i in (loser, winner)]
    visit = {"Id": seen, "_stamp": 5, "ShopId": loser, "Notes": "theirs"}
    lab.download(lab.block("Shop", *shops), lab.block("Visit", visit))
    with lab.device.edit() as edit:
        edit.update("Visit", seen, {"Notes": "mine"})
    lab.upload(lab.outcome(rejected()))
    lab.download(gone=(Gone("Shop", loser, 9, True, winner),), full=False)
    [failed] = lab.device.errors()
    lab.device.undo(failed.n)
    shown = lab.device.get("Visit", seen)
    assert shown is not None
    assert (shown.values["Notes"], shown.values["ShopId"]) == ("theirs", winner)


def test_a_refresh_lets_failed_saves_follow_merges_that_came_before_it(lab: Lab) -> None:
    loser, winner = lab.server_id("Shop", 1), lab.server_id("Shop", 2)
    lab.download(lab.block("Shop", *({"Id": i, "_stamp": 5, "Name": i} for i in (loser, winner))))
    with lab.device.edit() as edit:
        visit = edit.create("Visit", {"ShopId": loser})
    lab.upload(lab.outcome(rejected()))
    kept = lab.block("Shop", {"Id": winner, "_stamp": 6, "Name": winner})
    lab.script.then("refresh", lab.refresh_lines(kept))
    told = lab.lines(gone=(Gone("Shop", loser, 9, True, winner),), digest=lab.digest(kept))
    lab.script.then("download", told)
    lab.device.sync("full")
    assert lab.device.get("Visit", visit).values["ShopId"] == winner  # type: ignore[union-attr]
    assert [change.new for failed in lab.device.errors() for change in failed.content][:1] == [loser]
