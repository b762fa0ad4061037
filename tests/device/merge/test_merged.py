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
